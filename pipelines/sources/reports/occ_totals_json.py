"""The clearing house's JSON answers on the whole market: open interest of a month by day, volume of a day by exchange.

The answer on volume does not say its day: a bundle does, by what was asked, or its owner by --session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pipelines.calendar import us_sessions
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.answers import answers, is_bundle, opened
from pipelines.sources.reports.occ_text import day_of, day_of_instant
from pipelines.sources.reports.occ_totals import ALL, GROUPS, TABLE, Fact, Found, contracts
from pipelines.sources.reports.report import ReportFile, no_session

__all__ = ["LARGEST_BYTES", "NAME", "TABLE", "recognise", "report"]
NAME = "occ_totals_json"
LARGEST_BYTES = 4 * 2**20
_MOST_ITEMS = 200_000
_HEAD_BYTES = 65536
_DAYS, _LAST_DAY, _VOLUME = "optionsOI", "lastBusDateOI", "_volume"
_GROUP_NAMES = {"equity": "equity", "index": "index_other", "debt": "debt", "futures": "futures", "total": ALL}
_PREFIXES = dict(zip(GROUPS, ("equity", "index", "treasury"), strict=True))
_FIGURES: dict[Fact, str] = {
    **{(group, kind): f"{prefix}{name}" for group, prefix in _PREFIXES.items()
       for kind, name in (("call", "Calls"), ("put", "Puts"), (ALL, "Total"))},
    ("futures", ALL): "futuresTotal",
    (ALL, ALL): "occTotal",
}  # fmt: skip
_KINDS = (("call", "calls"), ("put", "puts"), (ALL, "volume"))
_EXCHANGE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 /&.()-]{0,39}$", re.ASCII)


def recognise(data: bytes) -> bool:
    head = data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if is_bundle(data, NAME):
        return True
    is_answer = head.startswith(b"{") and b'"entity"' in head and b'"dealerflow_bundle"' not in head[:64]
    return (
        is_answer and re.search(rb'"(optionsOI|(equity|index|debt|futures|total)_volume)"\s*:\s*\[', head) is not None
    )


def report(data: bytes, declared: Declared) -> ReportFile:
    asked: object = None
    if is_bundle(data, NAME):
        found = answers(data, NAME, _MOST_ITEMS)
        if len(found.bodies) != 1:
            raise Unreadable(f"the bundle holds {len(found.bodies)} answers; one is expected")
        asked, document = found.request.get("report_date"), opened(found.bodies[0], _MOST_ITEMS)
    else:
        document = opened(data, _MOST_ITEMS)
    entity = document.get("entity") if isinstance(document, dict) else None
    if not isinstance(entity, dict):
        raise Unreadable("the answer holds no totals")
    if isinstance(entity.get(_DAYS), list):
        no_session(declared)
        return _open_interest(entity[_DAYS])
    return _volume(entity, declared.session or (day_of(asked) if isinstance(asked, str) else None))


def _open_interest(days: list[Any]) -> ReportFile:
    found = Found("open_interest")
    for number, row in enumerate(days, start=1):
        if not isinstance(row, dict):
            found.reject(number, type(row).__name__, "not_an_object")
            continue
        figures = {fact: contracts(row.get(name)) for fact, name in _FIGURES.items()}
        found.take_day(number, _shown(row), day_of_instant(row.get("activityDate")), figures)
    return found.report()


def _volume(entity: Mapping[str, Any], day: date | None) -> ReportFile:
    lists = {name.removesuffix(_VOLUME): rows for name, rows in entity.items() if name.endswith(_VOLUME)}
    if not any(isinstance(rows, list) and rows for rows in lists.values()):
        raise Unreadable("the answer has no rows: nothing is published of that day")
    if day is None:
        raise Unreadable("the answer does not say of which day it is: declare it with --session")
    if not us_sessions().is_session(day):
        raise Unreadable(f"{day} is no session of the exchanges")
    found = Found("volume")
    number = 0
    for name, rows in lists.items():
        stated = rows if isinstance(rows, list) else [rows]
        sums = _sums(stated)
        for row in stated:
            number += 1
            _take_exchange(found, number, _GROUP_NAMES.get(name), row, day, sums)
    return found.report()


def _take_exchange(
    found: Found, number: int, group: str | None, row: object, day: date, sums: Mapping[str, float]
) -> None:
    """Calls, puts and both of one exchange, or of all of them."""
    if not isinstance(row, dict):
        found.reject(number, type(row).__name__, "not_an_object")
        return
    exchange = row.get("exchange")
    stated = [(kind, name) for kind, name in _KINDS if row.get(name) is not None]
    figures = {name: contracts(row[name]) for _, name in stated}
    reason = None
    if group is None:
        reason = "unknown_product_group"
    elif not isinstance(exchange, str) or not _EXCHANGE.match(exchange):
        reason = "unreadable_exchange"
    elif not figures or None in figures.values():
        reason = "unreadable_number"
    elif not _adds_up(figures) or (_is_total(row) and any(sums[name] != figures[name] for name in figures)):
        reason = "does_not_add_up"
    if group is None or reason is not None:
        for kind, _ in stated or [("row", "")]:
            found.reject(number, _shown(row), reason or "", kind if stated else "row")
        return
    place = ALL if _is_total(row) else str(exchange)
    for kind, name in stated:
        found.take(number, _shown(row), day, (group, kind), figures[name] or 0.0, place)


def _adds_up(figures: Mapping[str, float | None]) -> bool:
    calls, puts, both = (figures.get(name) for _, name in _KINDS)
    return calls is None or puts is None or both is None or calls + puts == both


def _sums(rows: list[Any]) -> dict[str, float]:
    """Over exchanges; what cannot be read adds nothing, so that the total does not match it."""
    parts = [row for row in rows if isinstance(row, dict) and not _is_total(row)]
    return {name: sum(contracts(row.get(name)) or 0.0 for row in parts) for _, name in _KINDS}


def _is_total(row: Mapping[str, Any]) -> bool:
    return str(row.get("exchange")).strip().lower() == "total"


def _shown(row: Mapping[str, Any]) -> str:
    plain = (f"{str(key)[:40]}={str(value)[:40]}" for key, value in row.items() if not isinstance(value, dict | list))
    return ",".join(plain).encode("utf-8", "replace").decode()
