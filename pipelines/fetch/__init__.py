"""Live feeds: bytes in, under the vendor's terms, with the time at which they were had. Parsing is for `sources`."""

from __future__ import annotations

from pipelines.fetch import cboe, cboe_index, treasury
from pipelines.fetch.feed import Feed, FeedError

FEEDS: dict[str, Feed] = {module.FEED.name: module.FEED for module in (cboe, treasury, cboe_index)}


def feed_of(name: str) -> Feed:
    try:
        return FEEDS[name]
    except KeyError:
        raise FeedError(f"no feed {name!r}; there are {', '.join(FEEDS)}") from None
