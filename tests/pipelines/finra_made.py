"""FINRA's answers and files as they look, made up for the tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.sources.reports.report import ReportFile, report_schema
from pipelines.tables import TABLES

CNMS = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
NASDAQ = "DATE|SYMBOL|SHORT VOLUME|TOTAL VOLUME|MARKET"
WEEKLY_TXT = (
    "tierDescription|issueSymbolIdentifier|issueName|marketParticipantName|MPID|totalWeeklyShareQuantity"
    "|totalWeeklyTradeCount|lastUpdateDate"
)
SHORT_INTEREST_TXT = (
    "accountingYearMonthNumber|symbolCode|issueName|issuerServicesGroupExchangeCode|marketClassCode"
    "|currentShortPositionQuantity|previousShortPositionQuantity|stockSplitFlag|averageDailyVolumeQuantity"
    "|daysToCoverQuantity|revisionFlag|changePercent|changePreviousNumber|settlementDate"
)


def short_volume(*rows: str, end: str = "\n", count: int | None = None) -> bytes:
    """A file of FINRA's; `rows` without their count."""
    return (end.join([CNMS, *rows, str(len(rows) if count is None else count)]) + end).encode()


def nasdaq_short_volume(*rows: str) -> bytes:
    return ("\n".join([NASDAQ, *rows, ""]) + "\n").encode()


def weekly_row(symbol: str | None = "AAPL", shares: float = 1000, **other: Any) -> dict[str, Any]:
    """A row of the API with all its fields: the total of a symbol in the week of 2024-06-03."""
    return {
        "weekStartDate": "2024-06-03",
        "tierIdentifier": "T1",
        "tierDescription": "NMS Tier 1",
        "summaryTypeCode": "ATS_W_SMBL",
        "issueSymbolIdentifier": symbol,
        "issueName": "Apple Inc. Common Stock",
        "MPID": None,
        "firmCRDNumber": None,
        "marketParticipantName": None,
        "productTypeCode": "UTP",
        "totalWeeklyTradeCount": 10,
        "totalWeeklyShareQuantity": shares,
        "totalNotionalSum": 190_000.5,
        "initialPublishedDate": "2024-06-24",
        "lastUpdateDate": "2024-06-24",
        "lastReportedDate": "2024-06-07",
        "summaryStartDate": "2024-06-03",
        **other,
    }


def short_interest_row(symbol: str = "AAPL", shares: float = 1000, **other: Any) -> dict[str, Any]:
    return {
        "accountingYearMonthNumber": 20240614,
        "settlementDate": "2024-06-14",
        "symbolCode": symbol,
        "issueName": "Apple Inc.",
        "issuerServicesGroupExchangeCode": "R",
        "marketClassCode": "NNM",
        "currentShortPositionQuantity": shares,
        "previousShortPositionQuantity": 900,
        "changePreviousNumber": 100,
        "changePercent": 11.11,
        "averageDailyVolumeQuantity": 500,
        "daysToCoverQuantity": 2.0,
        "revisionFlag": None,
        "stockSplitFlag": None,
        **other,
    }


def array(rows: Sequence[Any]) -> bytes:
    return json.dumps(list(rows)).encode()


def bundle(name: str, *bodies: str, total: int | None, offsets: Sequence[int] | None = None) -> bytes:
    """Pages as they were fetched; `bodies` verbatim."""
    starts = offsets if offsets is not None else [100 * place for place in range(len(bodies))]
    pages = [
        {"url": "https://x.example/", "record_total": total, "offset": start, "content_type": "json", "body": body}
        for start, body in zip(starts, bodies, strict=True)
    ]
    return json.dumps({"dealerflow_bundle": name, "request": {}, "pages": pages}).encode()


def check_accounts(file: ReportFile, rows_in: int) -> None:
    """No row is lost, none is counted twice, none has a key twice, and all have their table's types."""
    table = TABLES[file.table]
    assert file.rows_in == rows_in == file.rows.height + file.rejected.height + file.rows_duplicate
    assert dict(file.rows.schema) == report_schema(file.table)
    assert file.rows.select(pl.struct("session_date", "part", *table.key).is_unique().all()).item()
    required = [name for name in file.rows.columns if name not in table.nullable | {"published_date"}]
    assert file.rows.select(required).null_count().row(0) == (0,) * len(required)


def reasons(file: ReportFile) -> Counter[str]:
    return Counter(file.rejected["reason"])
