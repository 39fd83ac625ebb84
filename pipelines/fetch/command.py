"""What `dealerflow fetch` does, with what it tells on the way."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date

from rich.markup import escape
from rich.prompt import Confirm
from rich.table import Table

from pipelines import operate
from pipelines.console import console, progress_bar
from pipelines.fetch import ALL_FEEDS, deribit, feed_of
from pipelines.fetch.acceptance import accept, accepted_on, require_accepted
from pipelines.fetch.arrive import client_for, fetch_items
from pipelines.fetch.client import Client
from pipelines.fetch.deribit_history import days_between, fetch_days
from pipelines.fetch.deribit_visit import visit
from pipelines.fetch.feed import AnyFeed, Feed, FeedError
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import opened
from pipelines.load import Loaded
from pipelines.operator_settings import operator_settings
from pipelines.settings import Paths, data_paths


def list_feeds() -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("feed", "what", "items", "terms", "accepted"):
        table.add_column(heading, overflow="fold")
    for feed in ALL_FEEDS.values():
        table.add_row(feed.name, feed.summary, feed.item_name, feed.terms.url, accepted_on(data_paths(), feed) or "no")
    console.print(table)


def fetch(
    name: str,
    typed: Sequence[str],
    *,
    is_accepting: bool,
    is_land_only: bool,
    first: date | None = None,
    last: date | None = None,
    client: Client | None = None,
) -> bool:
    """True when every item came and stands in the lake. `first` and `last`: of a feed that has past days, these."""
    feed, paths = feed_of(name), data_paths()
    with client or client_for(paths) as asking:
        named = typed or feed.items_now(operator_settings(paths).follow, asking.now())
        items = [item for one in named for item in feed.items_of(one)]
        days = _days(feed, first, last, asking)
        if not items and not is_accepting:
            raise FeedError(
                f"name the {feed.item_name}, as in `dealerflow fetch {feed.name} {feed.example}`, "
                f"or follow them: dealerflow.toml, [follow] {feed.name.replace('-', '_')}"
            )
        _agree(paths, feed, asking, is_accepting=is_accepting)
        loaded = _fetch(paths, feed, items, days, asking)
    is_clean = all(one.fate != "refused" for one in loaded)
    if is_land_only or all(one.fate == "refused" for one in loaded):
        return is_clean
    return operate.run(None, None) and is_clean


def _days(feed: AnyFeed, first: date | None, last: date | None, client: Client) -> list[date] | None:
    if first is None and last is None:
        return None
    if feed is not deribit.FEED or first is None:
        raise FeedError("--trades-from, and --trades-to with it, are for past days of deribit's trades")
    return days_between(first, last, client.now())


def _agree(paths: Paths, feed: AnyFeed, client: Client, *, is_accepting: bool) -> None:
    """Show the terms until they are accepted; FeedError when they are not."""
    if accepted_on(paths, feed) is not None:
        return
    console.print(f"[bold]Terms of the feed {feed.name}[/bold] ({feed.terms.url})\n{escape(feed.terms.text)}")
    if is_accepting or (sys.stdin.isatty() and Confirm.ask("Do you accept them?", default=False)):
        accept(paths, feed, client.now())
        console.print(f"Accepted for {feed.name}; kept in accepted_terms.json of the data folder.")
    require_accepted(paths, feed)


def _fetch(paths: Paths, feed: AnyFeed, items: list[str], days: list[date] | None, client: Client) -> list[Loaded]:
    with opened(paths) as lake, progress_bar() as bar:
        task = bar.add_task("fetch", total=len(items) if days is None else None)

        def progress(one: Loaded) -> None:
            bar.advance(task)
            console.print(_line(one), soft_wrap=True)

        if isinstance(feed, Feed):
            return fetch_items(lake, feed, items, client, progress)
        if not items:
            return []
        if days is None:
            loaded = visit(lake, items, client, progress)
        else:
            loaded = fetch_days(lake, items, days, client, progress)
        with lake.writing():
            export_catalogue(lake)
        return loaded


def _line(one: Loaded) -> str:
    if one.fate == "refused":
        return f"{escape(one.name)}: [yellow]refused[/yellow]: {escape(one.reason or '')}"
    if one.fate == "waiting":
        return f"{escape(one.name)}: waiting for the lake; a later visit lands it ({escape(one.reason or '')})"
    rows = "" if one.rows_landed is None else f", {one.rows_landed:,} rows"
    why = f" ({escape(one.reason)})" if one.reason else ""
    return f"{escape(one.name)}: {one.fate}, session {one.session_date}{rows}{why}"
