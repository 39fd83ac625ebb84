"""Cboe's index histories: all daily bars of an index in one CSV, which grows in the evening."""

from __future__ import annotations

import re

from pipelines.fetch import cboe
from pipelines.fetch.feed import Feed, FeedError, require_data
from pipelines.sources import cboe_index_csv
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
    """The prices of a session do not say whose they are; where a file does, its parser compares."""
    require_data(data)
    if not cboe_index_csv.recognise(data):
        raise Unreadable(f"the vendor sent something else than the history of {symbol}")


FEED = Feed(
    name="index",
    summary="daily bars of Cboe's indices since they exist",
    item_name="indices",
    example="VIX SPX",
    terms=cboe.TERMS,
    base_url=cboe.FEED.base_url,
    largest_bytes=cboe_index_csv.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=lambda follow, _: follow.index,
    declared_of=lambda symbol: Declared(underlying=symbol),
)
