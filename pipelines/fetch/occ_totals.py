"""OCC's open interest of the whole market: a row a day of a month, up to the newest."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pipelines.calendar import us_sessions
from pipelines.fetch import occ
from pipelines.fetch.client import Fetched, FetchFailed
from pipelines.fetch.feed import Asking, Feed, require_data
from pipelines.fetch.periods import month_of
from pipelines.operator_settings import Follow
from pipelines.report_periods import periods_due, sessions
from pipelines.sources.reports import occ_totals_csv

_LONGEST_MONTH = timedelta(days=31)


def item_of(typed: str) -> str:
    return f"{month_of(typed):%Y-%m}"


def path_of(item: str) -> str:
    """Of the last session of the month, and with it of all before."""
    return _path_of(_last_session(item))


def ask(asking: Asking, item: str) -> Fetched:
    """A month under way ends with the newest session that is out, for of later ones the vendor gives nothing."""
    first = month_of(item)
    ((newest, _),) = periods_due("clearing_totals", asking.now(), newest=1)
    if newest < sessions(first, first + _LONGEST_MONTH)[0]:
        raise FetchFailed(f"not out yet: no session of {item} is")
    return asking.get(_path_of(min(newest, _last_session(item))))


def _path_of(day: date) -> str:
    return f"/daily-open-interest?reportDate={day:%m/%d/%Y}&action=download&format=csv"


def _last_session(month: str) -> date:
    return us_sessions().before((month_of(month) + _LONGEST_MONTH).replace(day=1))


def check(data: bytes, item: str) -> None:
    require_data(data)
    start = data[:1024].decode("utf-8", "replace").lower()
    if not all(word in start for word in ("equity", "debt", "futures", "occ total")):
        occ.refuse(data, f"the open interest of {item}")


def items_now(follow: Follow, now: datetime) -> list[str]:
    """The month of the newest session that is out, and the month before for as long as a week may span both."""
    if not follow.occ_totals:
        return []
    days = [day for day, _ in periods_due("clearing_totals", now, newest=5)]
    return [f"{first:%Y-%m}" for first in sorted({day.replace(day=1) for day in days})]


FEED = Feed(
    name="occ-totals",
    summary="open interest of the whole option market, a row a day",
    item_name="months",
    example="2026-03",
    terms=occ.TERMS,
    base_url=occ.BASE_URL,
    largest_bytes=occ_totals_csv.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=items_now,
    ask=ask,
)
