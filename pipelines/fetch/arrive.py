"""From a feed into the lake: each item is fetched, judged and landed on its own, every attempt in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipelines.fetch.acceptance import require_accepted
from pipelines.fetch.client import Client, Fetched, FetchFailed, VendorRefuses
from pipelines.fetch.feed import Asking, Feed
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake
from pipelines.load import Arrival, Loaded, load_arrivals
from pipelines.operator_settings import operator_settings
from pipelines.settings import Paths
from pipelines.sources.page import Unreadable

_ABSENT = (403, 404)
REFUSALS_IN_A_ROW = 3  # one may be a symbol that the vendor does not know


def client_for(paths: Paths) -> Client:
    return Client(paths.build / "turns")


@dataclass(frozen=True, slots=True)
class _Missed:
    """What came instead of a body."""

    error: FetchFailed


def fetch_items(
    lake: Lake, feed: Feed, items: Iterable[str], client: Client, progress: Callable[[Loaded], None]
) -> list[Loaded]:
    """Fetch and land each item; one that fails leaves the others unharmed. FeedError without accepted terms.

    The lake is locked while something lands, not while the vendor is asked.
    """
    require_accepted(lake.paths, feed)
    asking = Asking(client, feed, feed.headers_of(operator_settings(lake.paths)))
    refused_in_a_row = 0
    loaded: list[Loaded] = []
    for item in dict.fromkeys(items):
        if refused_in_a_row < REFUSALS_IN_A_ROW:
            answer = _ask(asking, item)
        else:
            answer = _Missed(VendorRefuses("not asked: the vendor refuses requests; wait before trying again"))
        is_refused = isinstance(answer, _Missed) and isinstance(answer.error, VendorRefuses)
        refused_in_a_row = refused_in_a_row + 1 if is_refused else 0
        with lake.writing():
            arrival = _arrival(lake, feed, item, answer)
            loaded += load_arrivals(lake, [arrival], declared=feed.declared_of(item), progress=progress)
    with lake.writing():
        export_catalogue(lake)
    return loaded


def _ask(asking: Asking, item: str) -> Fetched | _Missed:
    try:
        return asking.feed.ask(asking, item)
    except FetchFailed as error:
        meant = asking.feed.absent(item, error.status) if error.status in _ABSENT else None
        return _Missed(meant or error)


def refusal(name: str, error: FetchFailed, url: str | None = None) -> Arrival:
    """What did not come, for the ledger."""
    return Arrival(name, lambda: _refuse(error), url)


def _arrival(lake: Lake, feed: Feed, item: str, answer: Fetched | _Missed) -> Arrival:
    name = f"{feed.name} {item}"
    if isinstance(answer, _Missed):
        return refusal(name, answer.error, feed.url_of(item))
    return Arrival(name, lambda: _checked(lake, feed, item, answer), answer.url, answer.captured_at)


def _refuse(error: FetchFailed) -> bytes:
    raise Unreadable(str(error))


def _checked(lake: Lake, feed: Feed, item: str, fetched: Fetched) -> bytes:
    feed.check(fetched.data, item)
    if feed.check_after is not None and (sha256 := lake.catalogue.last_landed(f"{feed.name} {item}")) is not None:
        feed.check_after(fetched.data, lake.raw.get(sha256))
    return fetched.data
