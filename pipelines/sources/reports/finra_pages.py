"""Answers of FINRA's query API: a bundle of pages as they were fetched, or one array of rows that was saved by hand.

Nothing of them is trusted: what a text may hold is counted before it is read, and a cell of another type than its
field's makes its row a rejected one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import polars as pl

from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, LONGEST_ROW_TEXT, Unreadable
from pipelines.sources.reports.answers import HEAD_BYTES, Page, answers, is_bundle, opened

PAGE_ROWS = 5000  # the API's limit of one answer
# Of one text, by its punctuation; a week of the largest tier by symbol and firm has some 200,000 rows of 17 fields.
MOST_ROWS, MOST_ITEMS = 600_000, 8_000_000
LONGEST_TEXT = 200  # of a cell
PAGE_MISSING, PAGES_DISAGREE = "a page is missing", "the pages count"  # how miscounted answers are refused
_DAY, _DAY_LENGTH = re.compile(r"^\d{4}-\d\d-\d\d$", re.ASCII), 10
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DTYPES = {"text": pl.String(), "code": pl.String(), "number": pl.Float64(), "count": pl.Int64(), "day": pl.Date()}
_LARGEST_COUNT = 2**53

Kind = Literal["text", "code", "number", "count", "day"]


class _Ambiguous:
    """An object that states one of its keys twice."""

    def __repr__(self) -> str:
        return "an object that states a key twice"


class _Wrong(Exception):
    """A cell that is not of its field's type; the message is the reason."""


def is_array_with(data: bytes, fields: Sequence[str]) -> bool:
    """Whether these bytes begin as an array of objects with one of these fields."""
    head = data[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    has_field = any(f'"{field}"'.encode() in head for field in fields)
    return re.match(rb"\[\s*\{", head) is not None and has_field


def rows_of(data: bytes, name: str) -> list[Any]:
    """Every row of the answer, in order. Unreadable where one of its pages is missing or there are none."""
    if is_bundle(data, name):
        rows = _rows_of_pages(answers(data, name, MOST_ITEMS, most_objects=MOST_ROWS).pages)
    else:
        rows = _array(data)
        if len(rows) == PAGE_ROWS:
            raise Unreadable(f"exactly {PAGE_ROWS} rows are one page of several: fetch or join all of them")
    if not rows:
        raise Unreadable("the answer has no rows: nothing is published of what was asked for")
    return rows


def _rows_of_pages(pages: Sequence[Page]) -> list[Any]:
    rows: list[Any] = []
    for page in sorted(pages, key=lambda page: page.offset):
        if page.offset != len(rows):
            raise Unreadable(f"a page begins at row {page.offset} where row {len(rows)} is next: {PAGE_MISSING}")
        rows += _array(page.body) if page.body.strip() else []  # no rows are an empty answer
    totals = {page.record_total for page in pages if page.record_total is not None}
    if len(totals) > 1:
        raise Unreadable(f"{PAGES_DISAGREE} {min(totals)} and {max(totals)} rows: the data changed between them")
    if rows and not totals:
        raise Unreadable("no page says how many rows there are, so none may be missing")
    if totals and len(rows) != max(totals):
        raise Unreadable(f"{len(rows)} of {max(totals)} rows: {PAGE_MISSING}")
    return rows


def _array(content: bytes | str) -> list[Any]:
    rows = opened(content, MOST_ITEMS, most_objects=MOST_ROWS, on_repeat=_Ambiguous)
    if not isinstance(rows, list):
        raise Unreadable("neither an array of rows nor a bundle of pages of them")
    return rows


def missing_fields(rows: Sequence[Any], fields: Sequence[str]) -> list[str]:
    """Fields that no row has: then they were not asked for."""
    present: set[str] = set().union(*(row.keys() for row in rows if isinstance(row, dict)))
    return [field for field in fields if field not in present]


def typed(rows: Sequence[Any], fields: Mapping[str, tuple[str, Kind]]) -> pl.DataFrame:
    """Cells by column with `row_number`, `row_text` and `wrong`: the first reason why a row cannot be read, or null.

    `fields`: the API's name and type of each column. A cell that is missing, null or blank is null.
    """
    columns: dict[str, list[Any]] = {column: [] for column in fields}
    wrong: list[str | None] = []
    for row in rows:
        reason: str | None = None
        if not isinstance(row, dict):
            reason = "duplicated_key" if isinstance(row, _Ambiguous) else "not_an_object"
        for column, (field, kind) in fields.items():
            value: Any = None
            if reason is None:
                try:
                    value = _cell(row.get(field), kind)
                except _Wrong as error:
                    reason = str(error)
            columns[column].append(value)
        wrong.append(reason)
    frame = {name: pl.Series(values, dtype=_DTYPES[fields[name][1]]) for name, values in columns.items()}
    return pl.DataFrame(
        {
            "row_number": pl.Series(range(1, len(rows) + 1), dtype=pl.Int64),
            "row_text": pl.Series([_shown(row) for row in rows], dtype=pl.String),
            "wrong": pl.Series(wrong, dtype=pl.String),
            **frame,
        }
    )


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "text":
        return _label(value)
    if kind == "day":
        return _day(value)
    if kind == "code" and isinstance(value, str):
        return _label(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("wrong_type")
    if not math.isfinite(value):
        raise _Wrong("not_finite")
    if kind == "number":
        return float(value)
    if value != int(value) or abs(value) > _LARGEST_COUNT:
        raise _Wrong("not_a_count")
    return str(int(value)) if kind == "code" else int(value)


def _label(value: Any) -> str | None:
    if not isinstance(value, str):
        raise _Wrong("wrong_type")
    if len(value) > LONGEST_TEXT:
        raise _Wrong("unreadable_text")
    return _plain(value)


@lru_cache(maxsize=2**15)
def _plain(value: str) -> str | None:
    text = " ".join(value.split())
    if _UNFIT.search(text):
        raise _Wrong("unreadable_text")
    return text or None


def _day(value: Any) -> date:
    if not isinstance(value, str) or len(value) != _DAY_LENGTH:
        raise _Wrong("unreadable_date")
    return _calendar_day(value)


@lru_cache(maxsize=2**12)
def _calendar_day(value: str) -> date:
    if not _DAY.match(value):
        raise _Wrong("unreadable_date")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise _Wrong("unreadable_date") from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise _Wrong("date_out_of_range")
    return day


def _shown(row: Any) -> str:
    if isinstance(row, list):
        return "a list"
    try:
        return repr(row)[:LONGEST_ROW_TEXT]
    except RecursionError:
        return "an object that is nested deeply"
