"""FINRA's weekly volumes of alternative trading systems and off-exchange dealers: a tier, a kind of sum and a week."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from pipelines.fetch import finra
from pipelines.fetch.bundle import check
from pipelines.fetch.client import Fetched
from pipelines.fetch.feed import Asking, Feed, FeedError
from pipelines.fetch.periods import monday_of
from pipelines.operator_settings import Follow
from pipelines.report_periods import WEEKLY_TYPES, periods_due, weekly_parts
from pipelines.reports import MONDAY_TO_FRIDAY, WEEKLY_TIERS
from pipelines.sources.reports import finra_weekly_json

PATH = finra.query_path("weeklySummary")
NEWEST = 5  # the week just published, and four that may be restated
_TYPE = re.compile(r"(ATS|OTC)_W_(SMBL|FIRM|SMBL_FIRM)")
_ORDER = ["issueSymbolIdentifier", "issueName", "MPID", "firmCRDNumber"]


def item_of(typed: str) -> str:
    words = typed.strip().upper().split(":")
    if len(words) != 3 or words[0] not in WEEKLY_TIERS or not _TYPE.fullmatch(words[1]):
        raise FeedError(f"{typed!r} is not a tier, a type and a Monday, such as T1:ATS_W_SMBL:2026-03-02")
    return f"{words[0]}:{words[1]}:{monday_of(words[2])}"


def spelled_out(typed: str) -> Sequence[str]:
    """Without a tier all of them, without a type both sums of a symbol."""
    *words, day = typed.strip().upper().split(":")
    tiers = [word for word in words if word in WEEKLY_TIERS] or list(WEEKLY_TIERS)
    kinds = [word for word in words if _TYPE.fullmatch(word)] or list(WEEKLY_TYPES)
    if len(words) > 2 or any(word not in (*tiers, *kinds) for word in words):
        return (typed,)
    return [f"{tier}:{kind}:{day}" for tier in tiers for kind in kinds]


def ask(asking: Asking, item: str) -> Fetched:
    tier, kind, monday = item.split(":")
    question = {
        "compareFilters": finra.equal(weekStartDate=monday, tierIdentifier=tier, summaryTypeCode=kind),
        "sortFields": _ORDER,
    }
    nothing = "the vendor has no such rows: not published yet, or older than the twelve months it keeps"
    return finra.ask_pages(asking, PATH, question, finra_weekly_json.NAME, nothing)


def items_now(follow: Follow, now: datetime) -> list[str]:
    due = periods_due("ats_weekly", now, weekly_parts(follow.finra_weekly), newest=NEWEST)
    return [f"{part.replace('.', ':')}:{friday - MONDAY_TO_FRIDAY}" for friday, part in due]


FEED = Feed(
    name="finra-weekly",
    summary="weekly volumes of dark pools and dealers off exchange, three to five weeks later",
    item_name="weeks, by their Mondays",
    example="T1:ATS_W_SMBL:2026-03-02",
    terms=finra.QUERY_TERMS,
    base_url=finra.QUERY_URL,
    largest_bytes=finra_weekly_json.LARGEST_BYTES,
    item_of=item_of,
    spelled_out=spelled_out,
    path_of=lambda _: PATH,
    check=check,
    items_now=items_now,
    ask=ask,
    headers_of=lambda _: finra.HEADERS,
)
