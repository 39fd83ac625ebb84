"""Chains in a layout that their owner declares: CSV or Parquet, a contract a row (docs/MAPPING.md)."""

from __future__ import annotations

import polars as pl

from pipelines.sources import mapped_cells, mapped_contracts
from pipelines.sources.chain_rows import LARGEST_NUMBER, Reason, plain_symbol
from pipelines.sources.many_pages import gather
from pipelines.sources.mapped_cells import Cells, read_cells
from pipelines.sources.mapping import ChainMapping, chain_mapping
from pipelines.sources.page import ChainPage, Declared

NAME = "mapped_chain"
LARGEST_BYTES = mapped_cells.LARGEST_BYTES

_NUMBERS = {
    "bid": "columns.bid", "ask": "columns.ask", "last": "columns.last", "volume": "columns.volume",
    "open_interest": "columns.open_interest", "vendor_iv_frac": "columns.iv", "vendor_delta": "columns.delta",
    "vendor_gamma": "columns.gamma", "underlying_last": "columns.underlying_last",
    "multiplier": "columns.multiplier",
}  # fmt: skip
_DEFAULTS: dict[str, pl.Expr] = {
    **{name: pl.lit(None, dtype=pl.Float64) for name in _NUMBERS},
    "quote_day": pl.lit(None, dtype=pl.Date),
    "header_ts": pl.lit(None, dtype=pl.Datetime("us")),
    "is_adjusted": pl.lit(value=False),
}


def recognise(data: bytes) -> bool:
    """Never by content: the owner says so."""
    del data
    return False


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """A page for each underlying and instant."""
    mapping = chain_mapping(declared.mapping)
    cells = read_cells(data, mapping, {"quotes": mapping.quotes} | ({"known": mapping.known} if mapping.known else {}))
    stated = _stated(cells, mapping, mapping.underlying or plain_symbol(declared.underlying or "") or None)
    return gather(
        mapped_contracts.us_contracts(stated, cells, is_root_stated=cells.has("columns.root")),
        cells.table,
        cells.ragged,
        required=("row_number",) if cells.has("columns.symbol") else ("strike",),
        reasons=_reasons(cells, mapping),
        open_interest_rule=mapping.open_interest_rule,
    )


def _stated(cells: Cells, mapping: ChainMapping, underlying: str | None) -> pl.DataFrame:
    """What the file says of each contract, under our names; null where it has no column."""
    numbers = {name: cells.number(key) for name, key in _NUMBERS.items() if cells.has(key)}
    others: dict[str, pl.Series] = {}
    if cells.has("columns.is_adjusted"):
        others["is_adjusted"] = cells.flag("columns.is_adjusted", mapping.words.adjusted)
    if mapping.quotes.clock is not None:
        others["quote_day"] = cells.day("quotes", mapping.quotes.format, "quotes.format")
    others["quote_ts"] = cells.instant("quotes", mapping.quotes, of_sessions=True)
    if mapping.known is not None:
        others["header_ts"] = cells.instant("known", mapping.known, of_sessions=False)
    defaults: dict[str, pl.Expr | pl.Series] = {**_DEFAULTS}
    stated = mapped_contracts.stated(cells, mapping, underlying).with_columns(
        is_unreadable=cells.is_unreadable(key for key in (*_NUMBERS.values(), "columns.strike") if cells.has(key)),
        **defaults | numbers | others,
    )
    return stated.with_columns(pl.col("vendor_iv_frac") / (100 if mapping.iv_unit == "percent" else 1))


def _reasons(cells: Cells, mapping: ChainMapping) -> list[Reason]:
    """Beside those of any contract: a date of quotes must be a session."""
    strikes, *others = mapped_contracts.us_reasons(cells)
    multiplier = pl.col("multiplier")
    return [
        (pl.col("is_unreadable"), "unreadable_number"),
        strikes,
        (~(multiplier.is_finite() & multiplier.is_between(0, LARGEST_NUMBER, closed="right")), "not_a_multiplier"),
        *others,
        (pl.col("quote_day").is_not_null() & pl.col("quote_ts").is_null(), "not_a_session"),
        (pl.lit(mapping.known is not None) & pl.col("header_ts").is_null(), "unreadable_known_time"),
    ]
