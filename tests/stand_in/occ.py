"""A stand-in of the clearing house: whatever goes wrong there is told in a sentence, with HTTP 200."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from tests.stand_in.site import Answer, Request

HEADER = "quantity,underlying,symbol,actype,porc,exchange,actdate"
_SIDES = {"BOTH": "CP", "C": "C", "P": "P"}


@dataclass
class ClearingHouse:
    newest: date  # day of volume and open interest that is out
    oldest: date = date(2022, 6, 21)
    closed: set[date] = field(default_factory=set)  # days without trading
    one_sided: str | None = None  # the only side that a question for both brings
    absent_side: str | None = None  # never brought, whatever is asked for
    dates: list[date] = field(default_factory=list)  # of open interest, one an answer; then `newest`
    series: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        split = urlsplit(request.path)
        params = dict(parse_qsl(split.query))
        self.asked.append((split.path, params))
        answers = {
            "/volume-query": self._volume,
            "/series-search": self._series,
            "/mdapi/open-interest": self._dates,
            "/daily-open-interest": self._totals,
        }
        respond = answers.get(split.path)
        return said("Page not found") if respond is None else respond(params)

    def _volume(self, params: dict[str, str]) -> Answer:
        day = datetime.strptime(params["reportDate"], "%Y%m%d").date()
        if day > self.newest:
            return said(f"Report date cannot be greater than {self.newest:%m/%d/%Y}")
        if day < self.oldest:
            return said("Report date cannot be prior to  2 years")
        if day in self.closed:
            return said("No record(s) found")
        asked = params["porc"]
        sides = self.one_sided or "CP" if asked == "BOTH" else _SIDES[asked]
        return Answer(volume_csv(day, sides.replace(self.absent_side or " ", "")), content_type="text/csv")

    def _series(self, params: dict[str, str]) -> Answer:
        symbol = params.get("symbol")
        if not symbol:
            return said("Symbol is required.")
        if symbol not in self.series:
            return said(f"No data exists for {symbol} symbol")
        return Answer(self.series[symbol], content_type="text/plain")

    def _dates(self, params: dict[str, str]) -> Answer:
        datetime.strptime(params["report_date"], "%m/%d/%Y")
        day = self.dates.pop(0) if self.dates else self.newest
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("America/Chicago"))
        entity = {"lastBusDateOI": {"activityDate": int(midnight.timestamp() * 1000)}, "optionsOI": []}
        return Answer(json.dumps({"entity": entity}).encode())

    def _totals(self, params: dict[str, str]) -> Answer:
        day = datetime.strptime(params["reportDate"], "%m/%d/%Y").date()
        if day > self.newest:
            return said(f"Report date cannot be greater than {self.newest:%m/%d/%Y}")
        return Answer(totals_csv(day), content_type="text/csv")


def said(sentence: str) -> Answer:
    return Answer(f"{sentence}\r\n".encode(), content_type="text/plain")


def volume_csv(day: date, sides: str = "CP") -> bytes:
    """Rows end with a comma that the header does not have."""
    rows = [
        f"{40 if account != 'C' else 60},{symbol},{symbol},{account},{side},CBOE,{day:%m/%d/%Y},"
        for symbol in ("QQQ", "SPY")
        for side in sides
        for account in "CFM"
    ]
    return "\r\n".join([HEADER, *rows, ""]).encode()


def series_text(symbol: str, open_interest: int = 100) -> bytes:
    """An empty column follows the first."""
    rows = [
        f"{symbol}\t\t2024\t07\t19\t{strike}\t000\tC P\t{open_interest + strike}\t{open_interest}\t25000000"
        for strike in (540, 550, 560)
    ]
    header = "ProductSymbol\t\tyear\tMonth\tDay\tInteger\tDec\tC/P\tCall\tPut\tPosition Limit"
    return "\r\n".join(
        [f"Series Search Results for {symbol}", "", "\t\tSeries/contract\t\tStrike", header, *rows, ""]
    ).encode()


def totals_csv(day: date) -> bytes:
    """A row a weekday of the month, up to the day."""
    days = [day.replace(day=1) + timedelta(days=n) for n in range(day.day)]
    rows = [
        f'{one:%m/%d/%Y},"1,000","2,000","3,000","10","20","30","0","0","0","5","3,030"'
        for one in days
        if one.weekday() < 5
    ]
    titles = ["Daily Open Interest", "Date, Equity,,, Index/Other,,, Debt,,, Futures, OCC Total"]
    return "\r\n".join([*titles, ",Calls,Puts,Total,Calls,Puts,Total,Calls,Puts,Total,,", *rows, ""]).encode()
