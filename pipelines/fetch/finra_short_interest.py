"""FINRA's short interest of every share: twice a month, seven sessions after the settlement date."""

from __future__ import annotations

from datetime import datetime

from pipelines.fetch import finra
from pipelines.fetch.bundle import check
from pipelines.fetch.client import Fetched
from pipelines.fetch.feed import Asking, Feed
from pipelines.fetch.periods import day_of
from pipelines.operator_settings import Follow
from pipelines.report_periods import periods_due
from pipelines.sources.reports import finra_short_interest

PATH = finra.query_path("consolidatedShortInterest")
NEWEST = 2  # settlement dates


def ask(asking: Asking, item: str) -> Fetched:
    question = {"compareFilters": finra.equal(settlementDate=item), "sortFields": ["symbolCode", "issueName"]}
    nothing = "the vendor has no rows of that settlement date: not published yet, or it is none"
    return finra.ask_pages(asking, PATH, question, finra_short_interest.NAME, nothing)


def items_now(follow: Follow, now: datetime) -> list[str]:
    if not follow.finra_short_interest:
        return []
    return [str(day) for day, _ in periods_due("short_interest", now, newest=NEWEST)]


FEED = Feed(
    name="finra-short-interest",
    summary="shares sold short and not yet bought back, twice a month",
    item_name="settlement dates",
    example="2026-02-27",
    terms=finra.QUERY_TERMS,
    base_url=finra.QUERY_URL,
    largest_bytes=finra_short_interest.LARGEST_BYTES,
    item_of=lambda typed: str(day_of(typed)),
    path_of=lambda _: PATH,
    check=check,
    items_now=items_now,
    ask=ask,
    headers_of=lambda _: finra.HEADERS,
)
