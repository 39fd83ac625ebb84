"""Volume by who traded, in a layout that its owner declares: CSV or Parquet, a contract a row (docs/MAPPING.md)."""

from __future__ import annotations

import polars as pl

from pipelines.markets import root_of
from pipelines.sources import csv_table, mapped_cells, mapped_coin_rows, mapped_contracts
from pipelines.sources.chain_rows import plain_symbol
from pipelines.sources.many_pages import owners
from pipelines.sources.mapped_cells import Cells, read_cells
from pipelines.sources.mapping import open_close_mapping
from pipelines.sources.mapping_open_close import OpenCloseMapping
from pipelines.sources.page import Declared
from pipelines.sources.reports.open_close_rows import COUNTS, TABLE, checked_exchange, open_close_report
from pipelines.sources.reports.report import ReportFile, no_session

__all__ = ["LARGEST_BYTES", "NAME", "TABLE", "recognise", "report"]

NAME = "mapped_open_close"
LARGEST_BYTES = mapped_cells.LARGEST_BYTES

_NUMBERS = {name: f"columns.{name.removesuffix('_contracts')}" for name in COUNTS}
_REQUIRED = ("market_maker_buy_contracts", "market_maker_sell_contracts")


def recognise(data: bytes) -> bool:
    """Never by content: the owner says so."""
    del data
    return False


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of any number of days, underlyings and, where a column names them, exchanges."""
    no_session(declared)
    mapping = open_close_mapping(declared.mapping)
    cells = read_cells(data, mapping, {})
    underlying = mapping.underlying or plain_symbol(declared.underlying or "") or None
    typed = _typed(cells, mapping, underlying).with_columns(
        exchange=cells.text("columns.exchange")
        if cells.has("columns.exchange")
        else pl.lit(checked_exchange(mapping.exchange or declared.exchange))
    )
    reasons = [
        *mapped_contracts.us_reasons(cells),
        (pl.col("owner") != pl.col("underlying"), "symbol_contradicts_underlying"),
    ]
    return open_close_report(typed, cells.ragged, required=_REQUIRED, reasons=reasons)


def _typed(cells: Cells, mapping: OpenCloseMapping, underlying: str | None) -> pl.DataFrame:
    """What `open_close_report` asks for but the exchange, and `owner`: the underlying of the root."""
    stated = mapped_contracts.stated(cells, mapping, underlying)
    is_root_stated = cells.has("columns.root") or mapping.root is not None
    rows = mapped_contracts.us_contracts(stated, cells, is_root_stated=is_root_stated)
    keys = [key for key in (*_NUMBERS.values(), "columns.strike") if cells.has(key)]
    known = {root: root_of(root).is_standard for root in rows["root"].drop_nulls().unique()}
    typed = rows.with_columns(
        row_text=cells.table.select(csv_table.row_texts(cells.table)).to_series(),
        session_date=cells.day("columns.date", mapping.date_format, "date_format"),
        owner=owners(rows["root"]),
        is_standard=rows["root"].replace_strict(known, default=False, return_dtype=pl.Boolean),
        is_unreadable=cells.is_unreadable(keys),
        **mapped_coin_rows.numbers(cells, _NUMBERS),
    ).with_columns(underlying=pl.coalesce("underlying", "owner"))
    if not cells.has("columns.is_adjusted"):
        return typed
    return typed.with_columns(pl.col("is_standard") & ~cells.flag("columns.is_adjusted", mapping.words.adjusted))
