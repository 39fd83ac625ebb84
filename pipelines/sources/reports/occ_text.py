"""What the clearing house's answers have in common: refusals that arrive as text, and how it writes days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Unreadable
from pipelines.sources.reports.piped import day, lines_of
from pipelines.sources.text import decode

_HEAD_BYTES = 400
# How its refusals begin, in its own words.
_REFUSALS = re.compile(
    r"(No record\(s\) found|Report date cannot be|Symbol is required|Report (Type|Format|Date) is|"
    r"Volume query type is|No data exists for)",
    re.IGNORECASE,
)
_CHICAGO = ZoneInfo("America/Chicago")  # at whose midnight its days begin
_LATEST_MS = 4_102_444_800_000
DAY_FORMATS = ("%m/%d/%Y", "%Y%m%d", "%Y-%m-%d")  # the first is the one that it is known to use


def refusal(head: bytes | str) -> str | None:
    """The sentence with which the clearing house refuses, if these are one."""
    text = head[:_HEAD_BYTES].decode("utf-8", "replace") if isinstance(head, bytes) else head[:_HEAD_BYTES]
    line = text.lstrip("\ufeff \t\r\n").partition("\n")[0].strip()
    return line if _REFUSALS.match(line) else None


def refuse_refusals(head: bytes | str) -> None:
    if (said := refusal(head)) is not None:
        raise Unreadable(f"OCC answers: {said}")


def whole_lines(data: bytes, most: int) -> list[str]:
    """The lines but for blank ones at the end. More of them than `most` are no such file."""
    if data.count(b"\n") > most:
        raise Unreadable(f"more than {most} lines are no such file")
    lines = lines_of(decode(data))
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def days(column: str) -> pl.Expr:
    """The day of a cell, null where it has none of the forms or lies out of range."""
    found = day(column, *DAY_FORMATS)
    return pl.when(found.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR)).then(found)


def day_of(text: str) -> date | None:
    if not text.isascii():  # half a character of JSON is no text of polars'
        return None
    found: date | None = pl.DataFrame({"cell": [text.strip()]}).select(days("cell")).item()
    return found


def newest_day(document: object) -> date | None:
    """The newest day of which the clearing house has published open interest, as its answer on the market says."""
    entity = document.get("entity") if isinstance(document, dict) else None
    last = entity.get("lastBusDateOI") if isinstance(entity, dict) else None
    return day_of_instant(last.get("activityDate") if isinstance(last, dict) else None)


def day_of_instant(milliseconds: object) -> date | None:
    """The day that begins at an instant: at midnight in Chicago, where the clearing house is, or at that of UTC."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or not 0 < milliseconds < _LATEST_MS:
        return None
    instant = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    is_midnight = instant.time() == datetime.min.time()
    found = instant.date() if is_midnight else instant.astimezone(_CHICAGO).date()
    return found if EARLIEST_YEAR <= found.year <= LATEST_YEAR else None
