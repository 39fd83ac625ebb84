"""FINRA's weekly summaries of off-exchange volume as its API answers: JSON, several weeks, tiers and types in one."""

from __future__ import annotations

import polars as pl

from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.answers import is_bundle
from pipelines.sources.reports.finra_pages import Kind, is_array_with, missing_fields, rows_of, typed
from pipelines.sources.reports.finra_weekly import weekly_report
from pipelines.sources.reports.piped import rejected
from pipelines.sources.reports.report import ReportFile, no_session

NAME = "finra_weekly_json"
TABLE = "ats_weekly"
LARGEST_BYTES = 128 * 2**20  # a week of tier T2 by symbol and trading system is half of it
_FIELDS: dict[str, tuple[str, Kind]] = {
    "week_start_date": ("weekStartDate", "day"),
    "tier": ("tierIdentifier", "text"),
    "summary_type": ("summaryTypeCode", "text"),
    "symbol": ("issueSymbolIdentifier", "text"),
    "issue": ("issueName", "text"),
    "stated_mpid": ("MPID", "text"),
    "crd": ("firmCRDNumber", "code"),
    "market_participant_name": ("marketParticipantName", "text"),
    "product": ("productTypeCode", "text"),
    "trades": ("totalWeeklyTradeCount", "count"),
    "volume_shares": ("totalWeeklyShareQuantity", "number"),
    "notional_usd": ("totalNotionalSum", "number"),
    "initial_published_date": ("initialPublishedDate", "day"),
    "last_update_date": ("lastUpdateDate", "day"),
}
# Without these nobody can tell what a row sums up, of which week, or since when it was known.
_NEEDED = tuple(
    _FIELDS[column][0]
    for column in (
        "summary_type", "tier", "week_start_date", "initial_published_date", "last_update_date", "trades",
        "volume_shares",
    )
)  # fmt: skip
_RECORDED = "request_weekStartDate"  # of notes that keep a few fields of answers beside what was asked


def recognise(data: bytes) -> bool:
    return is_bundle(data, NAME) or is_array_with(data, ("weekStartDate", "totalWeeklyShareQuantity", _RECORDED))


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of every week, tier and summary type in the answer. Unreadable when it lacks what places a row."""
    no_session(declared)
    rows = rows_of(data, NAME)
    answers = [row["response"] for row in rows if isinstance(row, dict) and isinstance(row.get("response"), list)]
    if answers and any(isinstance(row, dict) and _RECORDED in row for row in rows):
        inner = [row for answer in answers for row in answer]
        raise Unreadable(f"an incomplete record of answers: its rows lack {', '.join(missing_fields(inner, _NEEDED))}")
    if missing := missing_fields(rows, _NEEDED):
        raise Unreadable(f"the rows lack {', '.join(missing)}: ask for all fields")
    cells = typed(rows, _FIELDS)
    is_whole = pl.col("wrong").is_null()
    broken = cells.filter(~is_whole)
    return weekly_report(cells.filter(is_whole), rejected(broken, pl.col("wrong")), len(rows))
