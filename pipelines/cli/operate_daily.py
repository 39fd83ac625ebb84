"""Commands of every day's operation: backfill, gaps, up."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import FEED, KEEP, FirstOption, LastOption, UserError, app
from pipelines.cli.data import MappingOption, UnderlyingOption, read_mapping


@app.command(
    rich_help_panel=FEED,
    epilog="Examples: `dealerflow backfill archive/ --dry-run` · `dealerflow backfill 2023/*.csv --from 2023-04-03`",
)
def backfill(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or globs.")],
    first: FirstOption = None,
    last: LastOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    underlying: UnderlyingOption = None,
    mapping: MappingOption = None,
) -> None:
    """Land and compute an archive of files in order of their sessions, then publish once.

    Works in batches of sessions: a killed call loses no more than one, and the same call again goes on where it
    stopped. Says which gaps were filled and how many remain.
    """
    from pipelines.daily.backfill import backfill as fill
    from pipelines.sources.page import Declared

    if first and last and first > last:
        raise UserError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}")
    declared = Declared(underlying=underlying, mapping=None if mapping is None else read_mapping(mapping))
    is_clean = fill(paths, declared, first.date() if first else None, last.date() if last else None, is_dry_run=dry_run)
    raise typer.Exit(0 if is_clean else 1)


@app.command(rich_help_panel=KEEP, epilog="Example: `dealerflow gaps`")
def gaps() -> None:
    """Show the sessions and reports that were due and are not there, or not whole, each with what to do.

    What a source owes follows from its cadence: a followed feed every session or period since it was first collected,
    a coin venue a snapshot every ten minutes and every trade, an archive what lies between its first and its last
    period, pages saved by hand nothing.
    """
    from pipelines.daily.gap_ledger import utc_now
    from pipelines.daily.gap_report import show_gaps
    from pipelines.settings import data_paths

    show_gaps(data_paths(), utc_now())


@app.command(rich_help_panel=KEEP, epilog="Example: `dealerflow up --port 3000`")
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web pages on 127.0.0.1.")] = 3000,
) -> None:
    """Run Dagster's web pages and its daemon, so that schedules fire. Ctrl-C ends both.

    After every session, in New York time, followed feeds are collected, inboxes loaded, what came is computed and
    published. A followed coin venue is visited every ten minutes, computed every hour and published every four. What is
    followed and where inboxes lie stands in `dealerflow.toml` of the data folder.
    """
    from pipelines.daily.up import up as run_both
    from pipelines.settings import data_paths

    run_both(data_paths(), port, typer.echo)
