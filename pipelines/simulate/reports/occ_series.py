"""The clearing house's open interest by series: its answer about one underlying, and the one that dates it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np

from pipelines.simulate.history import History
from pipelines.simulate.reports.bundle import answer, bundle

_HOST = "https://marketdata.theocc.com"
_PREAMBLE = "Series Search Results for {symbol}\n\nProducts\t\t\t\t\t\t\t\tOpen Interest\n"
_HEADER = "ProductSymbol\t\tyear\tMonth\tDay\tInteger\tDec\tC/P\tCall\tPut\tPosition Limit\n"
_POSITION_LIMIT = 25_000_000
_MIDNIGHT_IN_CHICAGO = time(5)  # UTC, in summer


@dataclass(frozen=True, slots=True)
class Corrected:
    """What the clearing house corrected after the exchanges had published theirs: by contract, how many more."""

    underlying: str
    session_date: date
    contracts: int  # how many of the most held
    more: int


LATE_CORRECTION = Corrected("SPY", date(2024, 6, 24), contracts=3, more=150)


def file_name(symbol: str, day: date) -> str:
    return f"simulated_occ_series_{symbol}_{day}.json"


def series_file(history: History, day: date) -> bytes:
    symbol = history.instrument.name
    listed = "".join(f"{row}\n" for row in _rows(history, day))
    text = _PREAMBLE.format(symbol=symbol) + _HEADER + listed
    stamp = int(datetime.combine(day, _MIDNIGHT_IN_CHICAGO, tzinfo=UTC).timestamp() * 1000)
    dated = json.dumps({"entity": {"lastBusDateOI": {"activityDate": stamp}}})
    pages = [
        answer(f"{_HOST}/series-search?symbolType=U&symbol={symbol}", text, "text/plain"),
        answer(f"{_HOST}/mdapi/open-interest?report_date={day:%m/%d/%Y}", dated),
    ]
    return bundle("occ_series", {"symbol": symbol}, pages)


def open_interest(history: History, day: date) -> dict[str, int]:
    """What the answer says of the session's close, by contract: without what has expired, with late corrections."""
    contracts, held = history.contracts, history.sessions[day].after.open_interest
    is_listed = contracts.listed_on(day) & (contracts.expiry_date > np.datetime64(day)) & (held > 0.0)
    found = dict(zip(contracts.contract_id[is_listed].tolist(), held[is_listed].astype(int).tolist(), strict=True))
    late = LATE_CORRECTION
    if (late.underlying, late.session_date) == (history.instrument.name, day):
        most = sorted(found, key=lambda contract: (-found[contract], contract))[: late.contracts]
        found |= {contract: found[contract] + late.more for contract in most}
    return found


def _rows(history: History, day: date) -> Iterator[str]:
    """A row for a call and a put of one root, expiry and strike; one of them alone where only it is held."""
    held = open_interest(history, day)
    pairs: dict[str, dict[str, int]] = {}
    for contract, count in held.items():
        pairs.setdefault(contract[:-9] + contract[-8:], {})[contract[-9]] = count
    for series, sides in pairs.items():
        yield _row(series, sides)
    yield from _flexible(history, pairs)


def _flexible(history: History, pairs: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """A flexible series beside the standard ones, told by the digit before its root."""
    root = history.instrument.name
    series = next((series for series in pairs if series[:-14] == root), None)
    if series is not None:
        yield _row(f"2{series}", {"C": 500, "P": 750})


def _row(series: str, sides: Mapping[str, int]) -> str:
    root, expiry, strike = series[:-14], series[-14:-8], series[-8:]
    flag = " ".join(sorted(sides))
    cells = [
        root, "", f"20{expiry[:2]}", expiry[2:4], expiry[4:], str(int(strike[:5])), strike[5:], flag,
        str(sides.get("C", 0)), str(sides.get("P", 0)), str(_POSITION_LIMIT),
    ]  # fmt: skip
    return "\t".join(cells)
