"""Chains in a layout that their owner declares: CSV or Parquet, a contract a row (docs/MAPPING.md)."""

from __future__ import annotations

import polars as pl

from pipelines.sources import mapped_cells, unstated_roots
from pipelines.sources.chain_rows import LARGEST_NUMBER, Reason, osi_parts, osi_symbol, plain_symbol
from pipelines.sources.many_pages import gather, plain_symbols
from pipelines.sources.mapped_cells import Cells, read_cells
from pipelines.sources.mapping import ChainMapping, chain_mapping
from pipelines.sources.page import ChainPage, Declared, Unreadable

NAME = "mapped_chain"
LARGEST_BYTES = mapped_cells.LARGEST_BYTES

_NUMBERS = {
    "bid": "columns.bid", "ask": "columns.ask", "last": "columns.last", "volume": "columns.volume",
    "open_interest": "columns.open_interest", "vendor_iv_frac": "columns.iv", "vendor_delta": "columns.delta",
    "vendor_gamma": "columns.gamma", "underlying_last": "columns.underlying_last",
    "multiplier": "columns.multiplier", "stated_strike": "columns.strike",
}  # fmt: skip
_TEXTS = {"stated_symbol": "columns.symbol", "stated_root": "columns.root"}
_REPEATED = {
    "columns.root": ("stated_root", "root"),
    "columns.expiry": ("stated_expiry", "expiry_date"),
    "columns.strike": ("stated_strike", "strike"),
    "columns.type": ("stated_type", "option_type"),
}
_DEFAULTS: dict[str, pl.Expr] = {
    **{name: pl.lit(None, dtype=pl.Float64) for name in _NUMBERS},
    **{name: pl.lit(None, dtype=pl.String) for name in (*_TEXTS, "stated_type", "underlying")},
    **{name: pl.lit(None, dtype=pl.Date) for name in ("stated_expiry", "quote_day")},
    "header_ts": pl.lit(None, dtype=pl.Datetime("us")),
    "is_adjusted": pl.lit(value=False),
}
_LETTERS = {"C": "call", "P": "put"}
_ROUNDING = 1e-4  # of a strike in thousandths, as OSI symbols write it


def recognise(data: bytes) -> bool:
    """Never by content: the owner says so."""
    del data
    return False


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """A page for each underlying and instant."""
    mapping = chain_mapping(declared.mapping)
    cells = read_cells(data, mapping, {"quotes": mapping.quotes} | ({"known": mapping.known} if mapping.known else {}))
    stated = _stated(cells, mapping, mapping.underlying or plain_symbol(declared.underlying or "") or None)
    contracts = _by_symbol(stated) if cells.has("columns.symbol") else _by_columns(stated, cells)
    return gather(
        contracts.with_columns(contract_id=osi_symbol()),
        cells.table,
        cells.ragged,
        required=("row_number",) if cells.has("columns.symbol") else ("strike",),
        reasons=_reasons(cells, mapping),
        open_interest_rule=mapping.open_interest_rule,
    )


def _stated(cells: Cells, mapping: ChainMapping, underlying: str | None) -> pl.DataFrame:
    """What the file says of each contract, under our names; null where it has no column."""
    numbers = {name: cells.number(key) for name, key in _NUMBERS.items() if cells.has(key)}
    texts = {name: cells.text(key) for name, key in _TEXTS.items() if cells.has(key)}
    others: dict[str, pl.Series] = {}
    if cells.has("columns.type"):
        words = {"call": mapping.words.call, "put": mapping.words.put}
        others["stated_type"] = cells.word("columns.type", words)
    if cells.has("columns.expiry"):
        others["stated_expiry"] = cells.day("columns.expiry", mapping.expiry_format, "expiry_format")
    if cells.has("columns.is_adjusted"):
        others["is_adjusted"] = cells.flag("columns.is_adjusted", mapping.words.adjusted)
    if cells.has("columns.underlying"):
        others["underlying"] = plain_symbols(cells.text("columns.underlying"))
    if mapping.quotes.clock is not None:
        others["quote_day"] = cells.day("quotes", mapping.quotes.format, "quotes.format")
    others["quote_ts"] = cells.instant("quotes", mapping.quotes, of_sessions=True)
    if mapping.known is not None:
        others["header_ts"] = cells.instant("known", mapping.known, of_sessions=False)
    defaults: dict[str, pl.Expr | pl.Series] = {**_DEFAULTS, "underlying": pl.lit(underlying, dtype=pl.String)}
    stated = cells.table.select("row_number").with_columns(
        is_unreadable=cells.is_unreadable(key for key in _NUMBERS.values() if cells.has(key)),
        **defaults | numbers | texts | others,
    )
    return stated.with_columns(pl.col("vendor_iv_frac") / (100 if mapping.iv_unit == "percent" else 1))


def _by_symbol(stated: pl.DataFrame) -> pl.DataFrame:
    """Contracts by their OSI symbols, padded or not."""
    stated = stated.with_columns(pl.col("stated_symbol").str.replace_all(" ", ""))
    return stated.with_columns(**osi_parts("stated_symbol"), is_in_doubt=pl.lit(value=False)).with_columns(
        expiry_date="coded_expiry",
        strike="coded_strike",
        option_type=pl.col("coded_type").replace_strict(_LETTERS, default=None),
    )


def _by_columns(stated: pl.DataFrame, cells: Cells) -> pl.DataFrame:
    """Contracts by root, expiry, strike and type; without a root by what can only be it."""
    root = stated["stated_root"]
    is_in_doubt = pl.repeat(value=False, n=stated.height, eager=True)
    if not cells.has("columns.root"):
        if stated.height and stated["underlying"].is_null().all():
            raise Unreadable("mapping: underlying: name it, or its column, or load with --underlying SYMBOL")
        root, is_in_doubt = unstated_roots.roots(stated["underlying"], stated["stated_expiry"])
    return stated.with_columns(
        root=root,
        is_in_doubt=is_in_doubt,
        expiry_date="stated_expiry",
        strike="stated_strike",
        option_type="stated_type",
    )


def _reasons(cells: Cells, mapping: ChainMapping) -> list[Reason]:
    """A symbol must say what the other columns say; a date of quotes must be a session."""
    repeated = {key: names for key, names in _REPEATED.items() if cells.has(key)} if cells.has("columns.symbol") else {}
    differs = [pl.col(stated).ne_missing(pl.col(coded)) for stated, coded in repeated.values()]
    symbol = pl.col("contract_id") != pl.col("stated_symbol")
    thousandths = pl.col("strike") * 1000
    multiplier = pl.col("multiplier")
    return [
        (pl.col("is_unreadable"), "unreadable_number"),
        ((thousandths - thousandths.round()).abs() > _ROUNDING, "strike_not_in_thousandths"),
        (~(multiplier.is_finite() & multiplier.is_between(0, LARGEST_NUMBER, closed="right")), "not_a_multiplier"),
        (pl.any_horizontal(symbol, *differs), "symbol_contradicts_columns"),
        (pl.col("is_in_doubt"), "root_not_stated"),
        (pl.col("quote_day").is_not_null() & pl.col("quote_ts").is_null(), "not_a_session"),
        (pl.lit(mapping.known is not None) & pl.col("header_ts").is_null(), "unreadable_known_time"),
    ]
