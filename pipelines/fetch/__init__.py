"""Live feeds: bytes in, under the vendor's terms, with the time at which they were had. Parsing is for `sources`."""

from __future__ import annotations

from pipelines.fetch import (
    cboe,
    cboe_index,
    deribit,
    finra_short_interest,
    finra_short_volume,
    finra_weekly,
    occ_open_interest,
    occ_totals,
    occ_volume,
    sec_fails,
    treasury,
)
from pipelines.fetch.feed import AnyFeed, Feed, FeedError

_REPORTS = (
    finra_short_volume, finra_weekly, finra_short_interest, occ_volume, occ_open_interest, occ_totals, sec_fails
)  # fmt: skip
FEEDS: dict[str, Feed] = {module.FEED.name: module.FEED for module in (cboe, treasury, cboe_index, *_REPORTS)}
ALL_FEEDS: dict[str, AnyFeed] = {**FEEDS, deribit.FEED.name: deribit.FEED}


def feed_of(name: str) -> AnyFeed:
    try:
        return ALL_FEEDS[name]
    except KeyError:
        raise FeedError(f"no feed {name!r}; there are {', '.join(ALL_FEEDS)}") from None
