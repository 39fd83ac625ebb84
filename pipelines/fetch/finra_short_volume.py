"""FINRA's daily short volume: a file a day and facility, at about 18:00 of the day itself, kept since August 2018."""

from __future__ import annotations

from datetime import datetime

from pipelines.calendar import us_sessions
from pipelines.fetch import finra
from pipelines.fetch.client import FetchFailed, VendorRefuses
from pipelines.fetch.feed import Feed, FeedError, require_data
from pipelines.fetch.periods import day_of
from pipelines.operator_settings import Follow
from pipelines.report_periods import periods_due
from pipelines.reports import CONSOLIDATED
from pipelines.sources.page import Unreadable
from pipelines.sources.reports import finra_short_volume

FACILITIES = (CONSOLIDATED, "FNSQ", "FNQC", "FNYX", "FNRA", "FORF")
NEWEST = 5  # sessions


def item_of(typed: str) -> str:
    """The consolidated file where no facility is named."""
    facility, _, day = typed.strip().rpartition(":")
    facility = facility.upper() or CONSOLIDATED
    if facility not in FACILITIES:
        raise FeedError(f"{typed!r} names no facility; there are {', '.join(FACILITIES)}")
    return f"{facility}:{day_of(day)}"


def path_of(item: str) -> str:
    facility, _, day = item.partition(":")
    return f"/equity/regsho/daily/{facility}shvol{day.replace('-', '')}.txt"


def check(data: bytes, item: str) -> None:
    require_data(data)
    day = item.partition(":")[2]
    if not finra_short_volume.recognise(data):
        raise Unreadable(f"the vendor sent something else than the short volume of {day}")
    first = data[:4096].decode("utf-8-sig", "replace").splitlines()[1:2]
    if first and first[0].partition("|")[0].strip() != day.replace("-", "") and "|" in first[0]:
        raise Unreadable(f"the vendor sent the short volume of {first[0].partition('|')[0][:10]!r} instead of {day}")


def absent(item: str, status: int) -> FetchFailed:
    day = day_of(item.partition(":")[2])
    if not us_sessions().is_session(day):
        return FetchFailed(f"no file of that day: {day} was no session")
    if status == 403:  # what a host says of a file that is not there, and of one asked for too often
        return VendorRefuses("no file of that day (HTTP 403): not out yet, before August 2018, or asked too often")
    return FetchFailed("no file of that day (HTTP 404)")


def items_now(follow: Follow, now: datetime) -> list[str]:
    if not follow.finra_short_volume:
        return []
    return [f"{CONSOLIDATED}:{day}" for day, _ in periods_due("short_volume_daily", now, newest=NEWEST)]


FEED = Feed(
    name="finra-short-volume",
    summary="shares sold short off exchanges, a file a day",
    item_name="days",
    example="2026-03-02 FNSQ:2026-03-02",
    terms=finra.SITE_TERMS,
    base_url="https://cdn.finra.org",
    largest_bytes=finra_short_volume.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=items_now,
    absent=absent,
)
