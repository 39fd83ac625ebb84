"""What a parser of a market-wide report hands on: rows of one lake table, by period and part.

A report is a file of a regulator, a clearing house or an exchange that describes a whole period: a session, a week,
half a month. Its rows carry the columns of their table, but for `source` and `known_at`, which the lake adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from pipelines.sources.page import REJECTED_SCHEMA, Declared, Unreadable
from pipelines.tables import TABLES

# Whose period a row describes, and when the vendor says that it was published (null where it does not say).
PLACE_SCHEMA = {
    "row_number": pl.Int64(), "session_date": pl.Date(), "part": pl.String(), "published_date": pl.Date(),
}  # fmt: skip
_OF_THE_LAKE = frozenset({"source", "known_at"})


@dataclass(frozen=True, slots=True)
class ReportFile:
    """Rows of `table` (`report_schema`) and those that were not taken.

    rejected: REJECTED_SCHEMA. rows_in = rows + rows_merged + rejected + rows_duplicate.
    """

    table: str
    rows: pl.DataFrame
    rejected: pl.DataFrame
    rows_in: int
    rows_duplicate: int = 0
    rows_merged: int = 0  # of the rows that were taken, those added to another's


@lru_cache(maxsize=32)
def report_schema(table: str) -> dict[str, pl.DataType]:
    """What a parser gives of a row: its place, and the table's columns without those that the lake adds."""
    return PLACE_SCHEMA | {name: dtype for name, dtype in TABLES[table].schema().items() if name not in _OF_THE_LAKE}


def no_session(declared: Declared) -> None:
    """Refuse an owner's word on what a file dates by itself: one of the two would be wrong."""
    if declared.session is not None:
        raise Unreadable("the file states its own days; --session is for files that do not")


def judged(table: str, typed: pl.DataFrame, rejected: pl.DataFrame, rows_in: int) -> ReportFile:
    """The report of typed rows: an exact repeat counts once, of rows that say of one key different things the first.

    `typed`: `report_schema` and `row_text`. `rejected`: what could not be typed. Raises Unreadable without any row.
    """
    schema = report_schema(table)
    facts = [name for name in schema if name != "row_number"]
    distinct = typed.unique(facts, keep="first", maintain_order=True)
    is_first = distinct.select(pl.struct("session_date", "part", *TABLES[table].key).is_first_distinct()).to_series()
    conflicting = distinct.filter(~is_first).select(
        "row_number", row_part=pl.lit("row"), reason=pl.lit("conflicting_duplicate"), row_text="row_text"
    )
    found = pl.concat([rejected.select(list(REJECTED_SCHEMA)), conflicting.cast(REJECTED_SCHEMA)])  # type: ignore[arg-type]
    rows = distinct.filter(is_first).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    if rows.is_empty():
        reason = f" ({found['reason'][0]})" if found.height else ""
        raise Unreadable(f"none of {rows_in} rows can be read{reason}")
    duplicates = typed.height - distinct.height
    if rows_in != rows.height + found.height + duplicates:
        raise ValueError(f"{table}: {rows_in} rows came in and {rows.height + found.height + duplicates} went out")
    return ReportFile(table, rows, found.sort("row_number"), rows_in, duplicates)
