"""Commands that ask the vendors: fetch."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import DAY_FORMATS, FEED, Day, UserError, app


@app.command(
    rich_help_panel=FEED,
    epilog="Examples: `dealerflow fetch --list` · `dealerflow fetch treasury` · `dealerflow fetch cboe SPX SPY` · "
    "`dealerflow fetch deribit BTC SOL` · `dealerflow fetch deribit BTC ETH --trades-from 2024-01-01` · "
    "`dealerflow fetch finra-short-volume 2026-03-02` · `dealerflow fetch finra-weekly T1:2026-03-02` · "
    "`dealerflow fetch occ-volume 2026-03-02` · `dealerflow fetch sec-fails 2026-03a`",
)
def fetch(
    feed: Annotated[str | None, typer.Argument(help="A feed, as --list names them.")] = None,
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM]...", help="Symbols, coins, or the periods of a report.")
    ] = None,
    list_feeds: Annotated[bool, typer.Option("--list", help="Show the feeds, and whose terms are accepted.")] = False,
    accept_terms: Annotated[bool, typer.Option("--accept-terms", help="Accept the vendor's terms, for good.")] = False,
    trades_from: Annotated[
        Day | None,
        typer.Option("--trades-from", formats=DAY_FORMATS, help="deribit: every trade since this UTC day."),
    ] = None,
    trades_to: Annotated[
        Day | None,
        typer.Option("--trades-to", formats=DAY_FORMATS, help="deribit: to the end of this; else yesterday."),
    ] = None,
    land_only: Annotated[bool, typer.Option("--land-only", help="Only land what came; `run` computes later.")] = False,
) -> None:
    """Fetch from a vendor's site, land, compute, publish.

    Nothing is fetched before you accepted the vendor's terms, which are shown first. An item that cannot be had is
    told and leaves the others unharmed; the exit code is then 1. Trades of past days go on, when asked for again,
    where they were interrupted.
    """
    from pipelines.fetch import command

    if list_feeds:
        command.list_feeds()
        return
    if feed is None:
        raise UserError("name a feed; `dealerflow fetch --list` shows them")
    first, last = (None if day is None else day.date() for day in (trades_from, trades_to))
    is_clean = command.fetch(
        feed, items or [], is_accepting=accept_terms, is_land_only=land_only, first=first, last=last
    )
    raise typer.Exit(0 if is_clean else 1)
