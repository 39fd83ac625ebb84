"""Daily bars in a layout that their owner declares: CSV or Parquet, a symbol's day a row (docs/MAPPING.md)."""

from __future__ import annotations

import polars as pl

from pipelines.sources import csv_table, mapped_cells
from pipelines.sources.bars import BAR_SCHEMA, PRICES, BarFile, judge_bars
from pipelines.sources.chain_rows import plain_symbol
from pipelines.sources.many_pages import plain_symbols
from pipelines.sources.mapped_cells import read_cells
from pipelines.sources.mapping import bar_mapping
from pipelines.sources.page import Declared, Unreadable

NAME = "mapped_bars"
LARGEST_BYTES = mapped_cells.LARGEST_BYTES


def recognise(data: bytes) -> bool:
    """Never by content: the owner says so."""
    del data
    return False


def bars(data: bytes, declared: Declared) -> BarFile:
    """The days of one or several symbols."""
    mapping = bar_mapping(declared.mapping)
    cells = read_cells(data, mapping, {})
    symbol = mapping.underlying or plain_symbol(declared.underlying or "") or None
    is_stated = cells.has("columns.underlying")
    if symbol is None and not is_stated:
        raise Unreadable("mapping: underlying: name it, or its column, or load with --underlying SYMBOL")
    keys = {name: f"columns.{name}" for name in (*PRICES, "volume") if cells.has(f"columns.{name}")}
    typed = cells.table.select("row_number", row_text=csv_table.row_texts(cells.table)).with_columns(
        underlying=plain_symbols(cells.text("columns.underlying")) if is_stated else pl.lit(symbol),
        bar_date=cells.day("columns.date", mapping.date_format, "date_format"),
        is_unreadable=cells.is_unreadable(keys.values()),
        **{name: pl.lit(None, dtype=pl.Float64) for name in (*PRICES, "volume") if name not in keys},
        **{name: cells.number(key) for name, key in keys.items()},
    )
    return judge_bars(typed.select(*BAR_SCHEMA, "row_number", "row_text", "is_unreadable"), cells.ragged)
