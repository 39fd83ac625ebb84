"""A stand-in of FINRA: its query interface, with pages and what goes wrong between them, and its daily files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.stand_in.site import Answer, Request

LONGEST_PAGE = 5000
Row = dict[str, Any]
# Who names an order must name one value of each of these.
PARTITIONS = {
    "weeklySummary": ("weekStartDate", "tierIdentifier"),
    "consolidatedShortInterest": ("settlementDate",),
}


@dataclass
class QueryInterface:
    """`rows` by data set. Without an order that is asked for, every answer has another one."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    longest_page: int = LONGEST_PAGE
    empty_status: int = 200
    has_total: bool = True
    instead: dict[int, Answer] = field(default_factory=dict)  # by the number of the request, the first is 0
    before: dict[int, Callable[[], None]] = field(default_factory=dict)  # what happens before that request
    asked: list[Row] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        number = len(self.asked)
        name = request.path.rpartition("/")[2]
        try:
            question = json.loads(request.body)
        except ValueError:
            question = None
        self.asked.append(question)
        if number in self.before:
            self.before[number]()
        if number in self.instead:
            return self.instead[number]
        if request.method != "POST" or not isinstance(question, dict) or name not in PARTITIONS:
            return _wrong("no such question")
        if request.headers.get("Content-Type") != "application/json":
            return _wrong("the question is no JSON")
        filters = {one["fieldName"]: one["fieldValue"] for one in question.get("compareFilters", [])}
        if question.get("sortFields") and not set(PARTITIONS[name]) <= set(filters):
            return _wrong("an order asks for a value of each partition")
        if question["limit"] > LONGEST_PAGE:
            return _wrong("too many rows")
        return self._page(name, question, filters, number)

    def _page(self, name: str, question: Row, filters: dict[str, str], number: int) -> Answer:
        found = [row for row in self.rows.get(name, []) if all(row[key] == value for key, value in filters.items())]
        order = question.get("sortFields") or []
        if order:
            found.sort(key=lambda row: [str(row.get(key) or "") for key in order])
        else:
            found = found[number:] + found[:number]
        offset = question["offset"]
        page = found[offset : offset + min(question["limit"], self.longest_page)]
        total = {"record-total": str(len(found)), "record-offset": str(offset), "record-max-limit": str(LONGEST_PAGE)}
        headers = total if self.has_total else {}
        if not page:
            return Answer(b"", self.empty_status, headers)
        return Answer(json.dumps(page).encode(), headers=headers)


def _wrong(said: str) -> Answer:
    return Answer(json.dumps({"statusCode": 400, "message": said}).encode(), 400)


def weekly_rows(monday: date, count: int, *, tier: str = "T1", kind: str = "ATS_W_SMBL") -> list[Row]:
    published = str(monday + timedelta(days=21))
    return [
        {
            "weekStartDate": str(monday), "tierIdentifier": tier, "tierDescription": "NMS Tier 1",
            "summaryTypeCode": kind, "issueSymbolIdentifier": f"S{number}", "issueName": f"Share {number}",
            "MPID": None, "firmCRDNumber": None, "marketParticipantName": None, "productTypeCode": "NMS",
            "totalWeeklyTradeCount": 10 + number, "totalWeeklyShareQuantity": 1000 + number,
            "totalNotionalSum": 50_000.5, "initialPublishedDate": published, "lastUpdateDate": published,
            "lastReportedDate": None, "summaryStartDate": str(monday),
        }
        for number in range(count)
    ]  # fmt: skip


def short_interest_rows(settlement: date, count: int) -> list[Row]:
    return [
        {
            "settlementDate": str(settlement), "symbolCode": f"S{number}", "issueName": f"Share {number}",
            "marketClassCode": "NYSE", "currentShortPositionQuantity": 1000 + number,
            "previousShortPositionQuantity": 900 + number, "changePreviousNumber": 100, "changePercent": 10.0,
            "averageDailyVolumeQuantity": 500, "daysToCoverQuantity": 2.0, "revisionFlag": None,
            "stockSplitFlag": None, "accountingYearMonthNumber": 20240614, "issuerServicesGroupExchangeCode": "A",
        }
        for number in range(count)
    ]  # fmt: skip


def short_volume_file(day: date, symbols: int = 3) -> bytes:
    """The consolidated file of a day."""
    rows = [f"{day:%Y%m%d}|S{number}|{100 + number}|1|{200 + number}|B,Q,N" for number in range(symbols)]
    header = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
    return "\r\n".join([header, *rows, str(symbols), ""]).encode()


def daily_path(day: date, facility: str = "CNMS") -> str:
    return f"/equity/regsho/daily/{facility}shvol{day:%Y%m%d}.txt"
