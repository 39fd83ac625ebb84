"""Members of indices as their owner lists them, in a layout of our own.

    index,effective_date,symbol
    SPX,2024-06-24,AAPL
    SPX,2024-06-24,BRK.B

A row a member: the index, the day from whose opening on its list holds (YYYY-MM-DD), and the symbol as anybody spells
it. A list is whole: whoever is not on it is no member until the next list of the same index. A file may hold several
indices and days. The columns may stand in any order; others are refused.
"""

from __future__ import annotations

import polars as pl

from pipelines.sources.csv_table import header_names, read_texts, row_texts, spelled
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Declared
from pipelines.sources.reports.piped import day, split_by_reason
from pipelines.sources.reports.report import ReportFile, judged, no_session
from pipelines.symbols import SYMBOL, symbol_keys

NAME = "index_members_csv"
TABLE = "index_members"
LARGEST_BYTES = 16 * 2**20
COLUMNS = ("index", "effective_date", "symbol")
_INDEX = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"  # it names a partition


def recognise(data: bytes) -> bool:
    names = [name.strip() for name in header_names(data[:1024])]
    return sorted(names) == sorted(COLUMNS)


def report(data: bytes, declared: Declared) -> ReportFile:
    no_session(declared)
    texts, ragged = read_texts(data)
    cells = spelled(texts, str.strip, COLUMNS)
    typed = cells.with_columns(
        row_text=row_texts(cells),
        index_name=pl.col("index").str.strip_chars(),
        effective_date=pl.col("effective_date").str.strip_chars(),
        vendor_symbol=pl.col("symbol").str.strip_chars(),
    ).with_columns(session_date=day("effective_date", "%Y-%m-%d"))
    rows, wrong = split_by_reason(typed, _REASONS)
    placed = rows.with_columns(
        part="index_name", published_date=pl.lit(None, dtype=pl.Date), underlying=symbol_keys("vendor_symbol")
    )
    return judged(TABLE, placed, pl.concat([ragged, wrong]), cells.height + ragged.height)


_REASONS = (
    (~pl.col("index_name").str.contains(_INDEX).fill_null(value=False), "unreadable_index"),
    (pl.col("session_date").is_null(), "unreadable_date"),
    (~pl.col("session_date").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "date_out_of_range"),
    (~pl.col("vendor_symbol").str.contains(SYMBOL).fill_null(value=False), "unreadable_symbol"),
)
