"""Commands that make pages to look at: plot, report."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.app import DAY_FORMATS, LOOK, Day, FirstOption, LastOption, UserError, app

OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write the page.")]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


class Kind(StrEnum):
    heatmap = "heatmap"
    levels = "levels"
    profile = "profile"
    flow = "flow"
    inventory = "inventory"


@app.command(
    rich_help_panel=LOOK,
    epilog="Examples: `dealerflow plot heatmap SPX` · `... heatmap BTC --from 2026-03-01 --to 2026-03-31` · "
    "`... flow BTC --date 2026-03-27 --same-day`",
)
def plot(
    kind: Annotated[Kind, typer.Argument(help="What to draw.")],
    named: Annotated[str | None, typer.Argument(metavar="UNDERLYING", help="Whose options: SPX, BTC ...")] = None,
    underlying: Annotated[str | None, typer.Option("--underlying", metavar="SYMBOL", help="The same.")] = None,
    market: Annotated[str | None, typer.Option(help="us or crypto, where both have one of that name.")] = None,
    model: Annotated[str | None, typer.Option(help="Dealer model; default: the venue's.")] = None,
    scope: Annotated[str, typer.Option(help="Which expiries: all, 0dte, weekly ...")] = "all",
    first: FirstOption = None,
    last: LastOption = None,
    session: Annotated[
        Day | None, typer.Option("--session", "--date", formats=DAY_FORMATS, help="This session alone.")
    ] = None,
    is_same_day: Annotated[bool, typer.Option("--same-day", help="Of flow: the same day's expiry alone.")] = False,
    out: OutOption = None,
    is_open: OpenOption = False,
) -> None:
    """Draw one figure on an offline page of its own.

    `heatmap`: strike x time. `levels`: spot, flip and walls through time. `profile`: gamma over price. `flow`: the
    premium that takers paid and received, by minute. `inventory`: what dealers hold by strike if they took the other
    side of every trade.

    The page is a single file of 2 to 5 MB; it needs no network.
    """
    from pipelines.looking.frames import open_published
    from pipelines.looking.page import write
    from pipelines.looking.plot import Window
    from pipelines.looking.plots import Asked, page_of
    from pipelines.settings import data_paths

    symbol = named or underlying
    if symbol is None or (named and underlying and named != underlying):
        raise UserError("name one underlying, as in `dealerflow plot heatmap SPX`")
    if session and (first or last):
        raise UserError("--session says which sessions already: leave --from and --to out")
    if first and last and first > last:
        raise UserError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}")
    if is_same_day and kind != Kind.flow:
        raise UserError("--same-day belongs to `plot flow`; elsewhere say --scope 0dte")
    first, last = session or first, session or last
    window = Window(first.date() if first else None, last.date() if last else None)
    paths = data_paths()
    with open_published(paths) as published:
        asked = Asked(symbol, market, model, scope, window, is_same_day=is_same_day)
        page, told = page_of(published, kind.value, asked)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{kind.value}_{told}.html")
    target = out or paths.root / "report" / name
    _tell(target, write(page, target), is_open=is_open)


@app.command(rich_help_panel=LOOK, epilog="Examples: `dealerflow report` · `dealerflow report --session 2024-06-25`")
def report(
    session: Annotated[
        Day | None,
        typer.Option("--session", "--date", formats=DAY_FORMATS, help="Which session; default: each market's newest."),
    ] = None,
    out: OutOption = None,
    is_open: OpenOption = False,
) -> None:
    """Write the page of a session: key numbers, gamma by strike, profile, heatmap, roll-off and quality notes.

    Without --out it goes to `report/` in the data folder, under the session's name and as latest.html.
    """
    from pipelines.looking.frames import open_published
    from pipelines.looking.page import write
    from pipelines.looking.report import report_page
    from pipelines.settings import data_paths

    paths = data_paths()
    with open_published(paths) as published:
        newest = max(published.newest_sessions().values(), default=None)
        day = session.date() if session else newest
        page = report_page(published, session.date() if session else None)
    target = out or paths.root / "report" / f"{day}.html"
    is_latest = out is None and day == newest
    size = write(page, target, *([target.with_name("latest.html")] if is_latest else []))
    _tell(target, size, is_open=is_open)


def _tell(path: Path, size: int, *, is_open: bool) -> None:
    typer.echo(f"{path} ({size / 1e6:.1f} MB)")
    if is_open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
