"""Commands of every day's operation: gaps."""

from __future__ import annotations

from pipelines.cli.app import KEEP, app


@app.command(rich_help_panel=KEEP, epilog="Example: `dealerflow gaps`")
def gaps() -> None:
    """Show the sessions that were due and are not there, each with what to do.

    What a source owes follows from its cadence: a followed feed every session since it was first collected, an
    archive what lies between its first and its last session, pages saved by hand nothing.
    """
    from pipelines.daily.gap_ledger import utc_now
    from pipelines.daily.gap_report import show_gaps
    from pipelines.settings import data_paths

    show_gaps(data_paths(), utc_now())
