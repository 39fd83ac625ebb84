"""Commands that ask the vendors: fetch."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import FEED, UserError, app


@app.command(
    rich_help_panel=FEED,
    epilog="Examples: `dealerflow fetch --list` · `dealerflow fetch treasury` · `dealerflow fetch cboe SPX SPY`",
)
def fetch(
    feed: Annotated[str | None, typer.Argument(help="A feed, as --list names them.")] = None,
    items: Annotated[list[str] | None, typer.Argument(metavar="[ITEM]...", help="Symbols, or years of curves.")] = None,
    list_feeds: Annotated[bool, typer.Option("--list", help="Show the feeds, and whose terms are accepted.")] = False,
    accept_terms: Annotated[bool, typer.Option("--accept-terms", help="Accept the vendor's terms, for good.")] = False,
    land_only: Annotated[bool, typer.Option("--land-only", help="Only land what came; `run` computes later.")] = False,
) -> None:
    """Fetch from a vendor's site, land, compute, publish.

    Nothing is fetched before you accepted the vendor's terms, which are shown first. An item that cannot be had is
    told and leaves the others unharmed; the exit code is then 1.
    """
    from pipelines.fetch import command

    if list_feeds:
        command.list_feeds()
        return
    if feed is None:
        raise UserError("name a feed; `dealerflow fetch --list` shows them")
    is_clean = command.fetch(feed, items or [], is_accepting=accept_terms, is_land_only=land_only)
    raise typer.Exit(0 if is_clean else 1)
