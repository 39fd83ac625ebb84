"""The Treasury's daily par yield curve, as its site writes it: a row a day, a column a tenor, percent.

Columns come and go with the years (1.5 Mo from 2025, 4 Mo from 2022); a blank means the tenor was not quoted.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA, Unreadable

NAME = "treasury_par_csv"
LARGEST_BYTES = 16 * 2**20
_TENOR = re.compile(r"^(\d+(?:\.\d+)?) (Mo|Month|Yr)$")
_DATE_FORMS = ("%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d")
_FIRST_YEAR, _LAST_YEAR = 1990, 2045
_HIGHEST_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class ParCurve:
    """The par yields of one day: percent by tenor in months."""

    curve_date: date
    percent_by_months: dict[float, float]


@dataclass(frozen=True, slots=True)
class TreasuryFile:
    curves: list[ParCurve]  # oldest first
    rejected: pl.DataFrame
    rows_in: int
    rows_duplicate: int


def recognise(data: bytes) -> bool:
    head = data[:2048].decode("utf-8-sig", errors="replace").lstrip().splitlines()
    if not head:
        return False
    names = [name.strip().strip('"') for name in head[0].split(",")]
    return names[0] == "Date" and "10 Yr" in names


def parse(data: bytes) -> TreasuryFile:
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than a curve file can hold ({LARGEST_BYTES})")
    try:
        table = list(csv.reader(io.StringIO(data.decode("utf-8-sig").lstrip())))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"not a readable CSV: {error}") from None
    if not table:
        raise Unreadable("the file is empty")
    months = [_months(name) for name in table[0][1:]]
    if len(set(months)) < len(months):
        raise Unreadable("a tenor has two columns")
    curves: dict[date, ParCurve] = {}
    rejected: list[dict[str, object]] = []
    duplicates = 0
    listed = [(number, row) for number, row in enumerate(table[1:], 2) if any(cell.strip() for cell in row)]
    for number, row in listed:
        curve = _curve(row, months)
        if isinstance(curve, ParCurve) and curve.curve_date not in curves:
            curves[curve.curve_date] = curve
        elif isinstance(curve, ParCurve) and curves[curve.curve_date] == curve:
            duplicates += 1
        else:
            reason = curve if isinstance(curve, str) else "conflicting_duplicate"
            rejected.append(
                {
                    "row_number": number,
                    "row_part": "row",
                    "reason": reason,
                    "row_text": ",".join(row)[:LONGEST_ROW_TEXT],
                }
            )
    if not curves:
        raise Unreadable(f"none of {len(listed)} rows is a curve")
    ordered = [curves[day] for day in sorted(curves)]
    return TreasuryFile(ordered, pl.DataFrame(rejected, schema=REJECTED_SCHEMA), len(listed), duplicates)


def _months(name: str) -> float:
    match = _TENOR.match(name.strip())
    if match is None:
        raise Unreadable(f"{name!r} is not a tenor")
    return float(match[1]) * (12 if match[2] == "Yr" else 1)


def _curve(row: list[str], months: list[float]) -> ParCurve | str:
    """The day's curve, or the reason why the row is none."""
    day = _date(row[0].strip())
    if day is None:
        return "unreadable_date"
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return "date_out_of_range"
    if len(row) - 1 != len(months):
        return "wrong_column_count"
    quoted: dict[float, float] = {}
    for tenor, cell in zip(months, row[1:], strict=True):
        text = cell.strip()
        if text in {"", "N/A", "."}:
            continue
        try:
            percent = float(text)
        except ValueError:
            return "unreadable_number"
        if not math.isfinite(percent) or abs(percent) > _HIGHEST_PERCENT:
            return "not_a_yield"
        quoted[tenor] = percent
    return ParCurve(day, quoted) if len(quoted) >= 2 else "too_few_tenors"


def _date(text: str) -> date | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None
