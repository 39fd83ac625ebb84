"""End-of-day chains of historicaloptiondata.com (DeltaNeutral): many underlyings and dates a file, a contract a line.

`optionroot` holds the whole OSI symbol; older files hold the root there. The clock of the quotes is not stated.
"""

from __future__ import annotations

from datetime import time

import polars as pl

from pipelines.sources import csv_table
from pipelines.sources.chain_rows import OSI_SYMBOL, osi_symbol
from pipelines.sources.many_pages import gather, plain_symbols, session_instants
from pipelines.sources.page import ChainPage, Declared, Unreadable

NAME = "deltaneutral_eod"
LARGEST_BYTES = 256 * 2**20

_END_OF_DAY = time(16, 15)
_NUMBERS = {
    "strike": "strike",
    "last": "last",
    "bid": "bid",
    "ask": "ask",
    "volume": "volume",
    "open_interest": "openinterest",
    "vendor_iv_frac": "impliedvol",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
    "underlying_last": "underlying_last",
}
_COLUMNS = {"underlying", "optionroot", "type", "expiration", "quotedate", *_NUMBERS.values()}
_REQUIRED = ("strike", "bid", "ask", "volume", "open_interest")
_DATE_FORMS = ("%Y-%m-%d", "%m/%d/%Y")
_TYPES = {"call": "call", "c": "call", "put": "put", "p": "put"}


def recognise(data: bytes) -> bool:
    return {_plain(name) for name in csv_table.header_names(data)} >= _COLUMNS


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """A page for each underlying and quote date; the owner's word is not needed to read it."""
    del declared
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than such a file can hold ({LARGEST_BYTES})")
    table, ragged = csv_table.read_texts(data)
    table = csv_table.spelled(table, _plain, _COLUMNS)
    return gather(
        _typed(table),
        table,
        ragged,
        required=_REQUIRED,
        reasons=[
            (pl.col("is_unreadable"), "unreadable_number"),
            (pl.col("stated_symbol") != pl.col("contract_id"), "symbol_contradicts_columns"),
            (pl.col("quote_date").is_null(), "unreadable_date"),
            (pl.col("quote_ts").is_null(), "not_a_session"),
        ],
        open_interest_rule="unknown",
    )


def _plain(name: str) -> str:
    """Real headers have blanks before some names."""
    return name.strip().lower()


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    symbol = csv_table.text("optionroot").str.replace_all(" ", "")
    is_whole = symbol.str.contains(OSI_SYMBOL)
    named = table.select(
        "row_number",
        **{name: csv_table.number(column) for name, column in _NUMBERS.items()},
        underlying=plain_symbols(table["underlying"]),
        quote_date=_day("quotedate"),
        expiry_date=_day("expiration"),
        option_type=csv_table.text("type").str.to_lowercase().replace_strict(_TYPES, default=None),
        root=pl.when(is_whole).then(symbol.str.head(-15)).otherwise(symbol),
        stated_symbol=pl.when(is_whole).then(symbol),
        is_unreadable=pl.any_horizontal(csv_table.is_no_number(column) for column in _NUMBERS.values()),
        is_adjusted=pl.lit(value=False),
        multiplier=pl.lit(None, dtype=pl.Float64),
        header_ts=pl.lit(None, dtype=pl.Datetime("us")),
    )
    return named.with_columns(contract_id=osi_symbol(), quote_ts=session_instants(named["quote_date"], _END_OF_DAY))


def _day(column: str) -> pl.Expr:
    return pl.coalesce(csv_table.text(column).str.to_date(form, strict=False) for form in _DATE_FORMS)
