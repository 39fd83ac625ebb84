"""Cboe's index histories: all daily bars of an index in one CSV, which grows in the evening."""

from __future__ import annotations

import re

from pipelines.fetch import cboe
from pipelines.fetch.feed import Feed, FeedError, require_data
from pipelines.sources.page import Declared, Unreadable

_INDEX = re.compile(r"^[A-Z][A-Z0-9]{0,11}$")


def item_of(typed: str) -> str:
    symbol = typed.strip().upper().lstrip("^_")
    if not _INDEX.match(symbol):
        raise FeedError(f"{typed!r} is not an index; name indices such as VIX or SPX")
    return symbol


def path_of(symbol: str) -> str:
    return f"/api/global/us_indices/daily_prices/{symbol}_History.csv"


def check(data: bytes, symbol: str) -> None:
    """Prices of a session do not name the index; a single value is headed by its name."""
    require_data(data)
    heading = data[:256].decode("utf-8-sig", "replace").splitlines()[0]
    names = [name.strip(' "').upper() for name in heading.split(",")]
    if names[0] != "DATE":
        raise Unreadable(f"the vendor sent something else than the history of {symbol}")
    if len(names) == 2 and names[1] not in {symbol, "CLOSE"}:
        raise Unreadable(f"the vendor sent the history of {names[1][:20]!r} instead of {symbol}")


FEED = Feed(
    name="index",
    summary="daily bars of Cboe's indices since they exist",
    item_name="indices",
    example="VIX SPX",
    terms=cboe.TERMS,
    base_url=cboe.FEED.base_url,
    largest_bytes=32 * 2**20,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=lambda follow, _: follow.index,
    declared_of=lambda symbol: Declared(underlying=symbol),
)
