"""Which contract each row of an owner's file is of: by its symbol, or by the columns that name its parts."""

from __future__ import annotations

import polars as pl

from pipelines.sources import unstated_roots
from pipelines.sources.chain_rows import Reason, osi_parts, osi_symbol
from pipelines.sources.coin_names import NO_OPTION, name_parts
from pipelines.sources.many_pages import plain_symbols
from pipelines.sources.mapped_cells import Cells
from pipelines.sources.mapping import ChainMapping
from pipelines.sources.mapping_coins import CoinChainMapping, TradesMapping
from pipelines.sources.mapping_open_close import OpenCloseMapping
from pipelines.sources.page import Unreadable

_REPEATED = {
    "columns.root": ("stated_root", "root"),
    "columns.expiry": ("stated_expiry", "expiry_date"),
    "columns.strike": ("stated_strike", "strike"),
    "columns.type": ("stated_type", "option_type"),
}
_DEFAULTS: dict[str, pl.Expr] = {
    **{name: pl.lit(None, dtype=pl.String) for name in ("stated_symbol", "stated_root", "stated_type", "underlying")},
    "stated_expiry": pl.lit(None, dtype=pl.Date),
    "stated_strike": pl.lit(None, dtype=pl.Float64),
}
_LETTERS = {"C": "call", "P": "put"}
_Mapping = ChainMapping | CoinChainMapping | TradesMapping | OpenCloseMapping
_ROUNDING = 1e-4  # of a strike in thousandths, as OSI symbols write it


def stated(cells: Cells, mapping: _Mapping, underlying: str | None = None) -> pl.DataFrame:
    """row_number and what the file says of each contract, under our names; null where it says nothing.

    `underlying`: of US contracts that no column tells.
    """
    found: dict[str, pl.Expr | pl.Series] = {**_DEFAULTS, "underlying": pl.lit(underlying, dtype=pl.String)}
    if cells.has("columns.symbol"):
        found["stated_symbol"] = cells.text("columns.symbol")
    if cells.has("columns.root"):
        found["stated_root"] = cells.text("columns.root")
    if cells.has("columns.strike"):
        found["stated_strike"] = cells.number("columns.strike")
    if cells.has("columns.type"):
        words = {"call": mapping.words.call, "put": mapping.words.put}
        found["stated_type"] = cells.word("columns.type", words)
    if cells.has("columns.expiry"):
        found["stated_expiry"] = _expiry(cells, mapping)
    if cells.has("columns.underlying"):
        found["underlying"] = plain_symbols(cells.text("columns.underlying"))
    if not isinstance(mapping, ChainMapping):
        if mapping.root is not None:
            found["stated_root"] = pl.lit(mapping.root)
        if mapping.expiry is not None:
            found["stated_expiry"] = pl.lit(mapping.expiry)
    return cells.table.select("row_number").with_columns(**found)


def us_contracts(rows: pl.DataFrame, cells: Cells, *, is_root_stated: bool) -> pl.DataFrame:
    """With contract_id, root, expiry_date, strike, option_type and whether the root is in doubt."""
    if cells.has("columns.symbol"):
        return _by_osi_symbol(rows).with_columns(contract_id=osi_symbol())
    root = rows["stated_root"]
    is_in_doubt = pl.repeat(value=False, n=rows.height, eager=True)
    if not is_root_stated:
        if rows.height and rows["underlying"].is_null().all():
            raise Unreadable("mapping: underlying: name it, or its column, or load with --underlying SYMBOL")
        root, is_in_doubt = unstated_roots.roots(rows["underlying"], rows["stated_expiry"])
    return rows.with_columns(
        root=root,
        is_in_doubt=is_in_doubt,
        expiry_date="stated_expiry",
        strike="stated_strike",
        option_type="stated_type",
    ).with_columns(contract_id=osi_symbol())


def us_reasons(cells: Cells) -> list[Reason]:
    """Strikes as symbols can write them, a symbol that says what the other columns say, a root beyond doubt."""
    thousandths = pl.col("strike") * 1000
    symbol = pl.col("contract_id") != pl.col("stated_symbol")
    return [
        ((thousandths - thousandths.round()).abs() > _ROUNDING, "strike_not_in_thousandths"),
        (pl.any_horizontal(symbol, *_differing(cells)), "symbol_contradicts_columns"),
        (pl.col("is_in_doubt"), "root_not_stated"),
    ]


def coin_contracts(rows: pl.DataFrame, cells: Cells) -> pl.DataFrame:
    """With the columns of CONTRACT_SCHEMA and `is_no_option`: what the venue lists beside options."""
    rows = rows.drop("underlying")
    names = rows["stated_symbol"] if cells.has("columns.symbol") else rows.select(_coin_name()).to_series()
    is_no_option = names.str.contains(NO_OPTION).fill_null(value=False)
    return pl.concat([rows, name_parts(names)], how="horizontal").with_columns(is_no_option=is_no_option)


def coin_reasons(cells: Cells) -> list[Reason]:
    return [
        (pl.col("contract_id").is_null(), "unreadable_symbol"),
        (pl.any_horizontal(pl.lit(value=False), *_differing(cells)), "symbol_contradicts_columns"),
    ]


def _expiry(cells: Cells, mapping: _Mapping) -> pl.Series:
    if not isinstance(mapping, ChainMapping) and mapping.expiry_unit is not None:
        return cells.since_1970("columns.expiry", mapping.expiry_unit).dt.date()
    return cells.day("columns.expiry", mapping.expiry_format, "expiry_format")


def _by_osi_symbol(rows: pl.DataFrame) -> pl.DataFrame:
    """Contracts by their OSI symbols, padded or not."""
    rows = rows.with_columns(pl.col("stated_symbol").str.replace_all(" ", ""))
    return rows.with_columns(**osi_parts("stated_symbol"), is_in_doubt=pl.lit(value=False)).with_columns(
        expiry_date="coded_expiry",
        strike="coded_strike",
        option_type=pl.col("coded_type").replace_strict(_LETTERS, default=None),
    )


def _differing(cells: Cells) -> list[pl.Expr]:
    """Columns beside a symbol that do not repeat it."""
    if not cells.has("columns.symbol"):
        return []
    return [pl.col(stated).ne_missing(pl.col(coded)) for key, (stated, coded) in _REPEATED.items() if cells.has(key)]


def _coin_name() -> pl.Expr:
    """The name that the venue would give: `SOL_USDC-26JUN26-90-P`."""
    strike = pl.col("stated_strike")
    is_whole = strike == strike.round()
    written = (
        pl.when(is_whole).then(strike.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(strike.cast(pl.String))
    )
    return pl.concat_str(
        pl.col("stated_root").str.to_uppercase(),
        pl.col("stated_expiry").dt.strftime("%-d%b%y").str.to_uppercase(),
        written,
        pl.col("stated_type").str.head(1).str.to_uppercase(),
        separator="-",
    )
