"""What the daily short volume files of FINRA and of Nasdaq's exchanges have in common: one day, plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Unreadable
from pipelines.sources.reports.piped import day, number, read_piped, rejected, split_by_reason
from pipelines.sources.reports.report import ReportFile, judged
from pipelines.symbols import SYMBOL, symbol_keys

TABLE = "short_volume_daily"
LARGEST_BYTES = 16 * 2**20  # the consolidated file has 0.3 MB
_SHARES = ("short_volume_shares", "short_exempt_volume_shares", "total_volume_shares")
_STATED = {"short_volume_shares": "short", "short_exempt_volume_shares": "exempt", "total_volume_shares": "total"}


def read_lines(lines: Sequence[str], columns: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the one day that the file is of, and the others as REJECTED_SCHEMA.

    `columns`: date, vendor_symbol, short, total, market_codes and, where the file has it, exempt.
    """
    cells, ragged = read_piped(lines, columns)
    numbered = cells.with_columns(
        (number(text) if text in columns else pl.lit(None, dtype=pl.Float64)).alias(name)
        for name, text in _STATED.items()
    ).with_columns(session_date=day("date", "%Y%m%d"))
    stated = [name for name, text in _STATED.items() if text in columns]
    rows, wrong = split_by_reason(numbered, _reasons(stated))
    rows, of_other_days = _of_one_day(rows)
    return rows, pl.concat([ragged, wrong, of_other_days])


def of_facility(
    rows: pl.DataFrame, rejected_rows: pl.DataFrame, facility: str, rows_in: int, market: str | None
) -> ReportFile:
    """The report of rows as `read_lines` gives them; those of another market than the only one are not taken."""
    is_other = pl.lit(value=False) if market is None else pl.col("market_codes") != market
    placed = rows.filter(~is_other).with_columns(
        part=pl.lit(facility),
        facility=pl.lit(facility),
        underlying=symbol_keys("vendor_symbol"),
        published_date=pl.lit(None, dtype=pl.Date),
    )
    return judged(TABLE, placed, pl.concat([rejected_rows, rejected(rows.filter(is_other), "other_market")]), rows_in)


def _of_one_day(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A slip in one row must not cost the file; without a day that most rows share nobody knows whose it is."""
    counted = rows["session_date"].value_counts(sort=True)
    if counted.is_empty():
        return rows, rejected(rows, "")
    shared, count = counted.row(0)
    if 2 * count <= rows.height:
        raise Unreadable(f"the file is of {counted.height} days; one is expected")
    is_of_day = pl.col("session_date") == shared
    return rows.filter(is_of_day), rejected(rows.filter(~is_of_day), "other_day")


def _reasons(stated: Sequence[str]) -> list[tuple[pl.Expr, str]]:
    return [
        (pl.col("session_date").is_null(), "unreadable_date"),
        (~pl.col("session_date").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "date_out_of_range"),
        (~pl.col("vendor_symbol").str.contains(SYMBOL), "unreadable_symbol"),
        (pl.any_horizontal(pl.col(name).is_null() for name in stated), "unreadable_number"),
        (pl.any_horizontal(pl.col(name) < 0 for name in stated), "negative_quantity"),
        (pl.any_horizontal(pl.col(name) > LARGEST_NUMBER for name in stated), "not_a_quantity"),
        (pl.col("short_volume_shares") > pl.col("total_volume_shares"), "short_above_total"),
        (pl.col("short_exempt_volume_shares") > pl.col("short_volume_shares"), "exempt_above_short"),
        (~pl.col("market_codes").str.contains(r"^[A-Z](,[A-Z])*$"), "unreadable_market"),
    ]
