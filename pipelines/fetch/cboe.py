"""Cboe's delayed quotes: the whole option chain of a symbol, 15 minutes late, as JSON. It keeps no history."""

from __future__ import annotations

import json
import re

from pipelines.fetch.feed import Feed, FeedError, Terms, require_data
from pipelines.markets import root_of
from pipelines.sources import cboe_delayed_json
from pipelines.sources.chain_rows import plain_symbol
from pipelines.sources.page import Unreadable

_SYMBOL = re.compile(r"^_?[A-Z][A-Z0-9]{0,7}(\.[A-Z]{1,2})?$")

TERMS = Terms(
    version=1,
    text=(
        "Cboe lets you view and copy its delayed quotes for personal, non-commercial use. Without Cboe's written "
        "consent its terms do not allow automated extraction, storing the data in a retrieval system, works derived "
        "from it, or passing it on. Fetch only if Cboe allows your use."
    ),
    url="https://www.cboe.com/terms/",
)


def item_of(typed: str) -> str:
    symbol = typed.strip().upper().replace("^", "_")
    if not _SYMBOL.match(symbol):
        raise FeedError(f"{typed!r} is not a symbol; name underlyings such as SPX or SPY")
    return symbol[1:] if _is_index(symbol[1:]) else symbol


def path_of(symbol: str) -> str:
    """The vendor marks an index by an underscore; of one that the market does not declare, the user types it."""
    return f"/api/global/delayed_quotes/options/{'_' if _is_index(symbol) else ''}{symbol}.json"


def _is_index(symbol: str) -> bool:
    return root_of(symbol).exercise == "european"


def check(data: bytes, symbol: str) -> None:
    require_data(data)
    try:
        page = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable("the vendor sent no whole JSON") from None
    named = page.get("symbol") if isinstance(page, dict) else None
    if not isinstance(named, str):
        raise Unreadable("the vendor sent JSON that names no symbol")
    if plain_symbol(named) != plain_symbol(symbol):
        raise Unreadable(f"the vendor sent the chain of {named[:20]!r} instead of {symbol}")


FEED = Feed(
    name="cboe",
    summary="option chains, delayed by 15 minutes",
    item_name="underlyings",
    example="SPX SPY",
    terms=TERMS,
    base_url="https://cdn.cboe.com",
    largest_bytes=cboe_delayed_json.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=lambda follow, _: follow.cboe,
)
