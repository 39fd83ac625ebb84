"""FINRA's weekly summaries of off-exchange volume: trading systems (ATS) and others (OTC), as its interface answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.simulate.draws import draw, draws
from pipelines.simulate.reports.bundle import bundle, record_pages
from pipelines.simulate.reports.securities import Security
from pipelines.simulate.reports.sides import split

SUMMARY_TYPES = ("ATS_W_SMBL", "ATS_W_SMBL_FIRM", "OTC_W_SMBL")
PUBLISHED_AFTER = {"T1": timedelta(days=21), "T2": timedelta(days=35)}
RESTATED = ("AAPL", "NVDA", "SPY", "ZQC")
RESTATED_AFTER = timedelta(days=14)  # of the first publication
_SYSTEMS = {"SIMA": 0.34, "SIMB": 0.27, "SIMC": 0.19, "SIMD": 0.13, "SIME": 0.07}
_TIERS = {"T1": "NMS Tier 1", "T2": "NMS Tier 2"}
_URL = "https://api.finra.org/data/group/otcMarket/name/weeklySummary"
_ROWS_A_PAGE = {"ATS_W_SMBL_FIRM": 40}
_FRIDAY = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Query:
    """One answer: all rows of a week, a tier and a kind of summary."""

    monday: date
    tier: str
    summary_type: str
    is_restated: bool = False

    @property
    def file_name(self) -> str:
        ending = "_restated" if self.is_restated else ""
        return f"simulated_finra_weekly_{self.monday}_{self.tier}_{self.summary_type}{ending}.json"


def weekly_file(
    query: Query, securities: Sequence[Security], shares: pl.DataFrame, prices: Mapping[str, float], seed: int
) -> bytes:
    """`shares`: the week's rows as `traded_shares` gives them. A week's parts add up to its daily files' totals."""
    totals = dict(shares.group_by("symbol").agg(pl.col("total").sum()).rows())
    records: list[dict[str, object]] = []
    for one in securities:
        if one.tier == query.tier and one.is_plain and one.symbol in totals:
            records += _records(query, one, totals[one.symbol], prices[one.symbol], seed)
    filters = {
        "weekStartDate": str(query.monday), "tierIdentifier": query.tier, "summaryTypeCode": query.summary_type,
    }  # fmt: skip
    request = {
        "compareFilters": [
            {"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in filters.items()
        ],
        "limit": _ROWS_A_PAGE.get(query.summary_type, 5000),
    }
    pages = record_pages(_URL, records, int(str(request["limit"])))
    return bundle("finra_weekly_json", request, pages)


def _records(query: Query, one: Security, total: float, price: float, seed: int) -> Iterator[dict[str, object]]:
    stream = f"{one.symbol} week {query.monday}"
    ats = float(np.floor((0.25 + 0.2 * draw(seed, stream)) * total))
    is_changed = query.is_restated and one.symbol in RESTATED
    if is_changed:
        ats = np.floor(1.01 * ats) + 1.0
    counts: dict[str | None, float] = {None: total - ats if query.summary_type.startswith("OTC") else ats}
    if query.summary_type.endswith("FIRM"):
        divided = split(np.array(ats), np.array(list(_SYSTEMS.values())), draws(seed, f"{stream} systems", ()))
        counts = dict(zip(_SYSTEMS, divided.tolist(), strict=True))
    published = query.monday + PUBLISHED_AFTER[query.tier]
    for mpid, count in counts.items():
        if count > 0.0:
            yield {
                "weekStartDate": str(query.monday),
                "tierIdentifier": query.tier,
                "tierDescription": _TIERS[query.tier],
                "summaryTypeCode": query.summary_type,
                "issueSymbolIdentifier": one.symbol.replace("/", "."),
                "issueName": one.name,
                "MPID": mpid,
                "firmCRDNumber": None if mpid is None else 900_001 + list(_SYSTEMS).index(mpid),
                "marketParticipantName": None if mpid is None else f"{mpid} SIMULATED ATS",
                "productTypeCode": None,
                "totalWeeklyTradeCount": int(np.ceil(count / 140.0)),
                "totalWeeklyShareQuantity": int(count),
                "totalNotionalSum": round(count * price, 2),
                "initialPublishedDate": str(published),
                "lastUpdateDate": str(published + RESTATED_AFTER if is_changed else published),
                "lastReportedDate": str(query.monday + _FRIDAY),
                "summaryStartDate": str(query.monday),
            }
