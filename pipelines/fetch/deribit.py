"""Deribit: option chains, trades, candles and deliveries of coins, free of charge and around the clock."""

from __future__ import annotations

from pipelines import coins
from pipelines.coins import INVERSE, root_of
from pipelines.fetch.feed import AnyFeed, FeedError, Terms

TERMS = Terms(
    version=1,
    text=(
        "Deribit gives its market data for personal use. Without its approval its terms do not allow aggregating, "
        "reselling, publishing or passing on its market data or what is derived from them. Whoever uses its site or "
        "its interface accepts its terms. Fetch only if Deribit allows your use."
    ),
    url="https://support.deribit.com/hc/en-us/articles/25944532191645-Deribit-Exchange-Membership-Terms-Deribit-FZE",
)


def item_of(typed: str) -> str:
    """BTC and ETH are the inverse options; BTC_USDC and ETH_USDC the linear ones, which other coins have alone."""
    if (underlying := coins.underlying_of(typed)) is None:
        raise FeedError(f"{typed!r} is not an underlying; name coins such as BTC, SOL or BTC_USDC")
    return underlying


def currency_of(underlying: str) -> str:
    """The book in which its options are listed: all linear options are in one."""
    return underlying if underlying in INVERSE else "USDC"


def index_of(underlying: str) -> str:
    """The index by which its options are settled."""
    return coins.index_of(root_of(underlying))


def perpetual_of(underlying: str) -> str:
    return f"{root_of(underlying)}-PERPETUAL"


FEED = AnyFeed(
    name="deribit",
    summary="chains of coin options, their trades and prices, now; trades of any day since 2016 by --trades-from",
    item_name="underlyings",
    example="BTC SOL",
    terms=TERMS,
    base_url="https://www.deribit.com",
    item_of=item_of,
    items_now=lambda follow, _: follow.deribit,
)
