"""Chains of US underlyings as optionsdx.com writes them: bracketed names, a call and a put a line, New York clock.

The layout has no open interest, no symbol and no root: where two series of an index expire on one date, its lines
cannot be told apart and are set aside. The Deribit layout of the same site is another one.
"""

from __future__ import annotations

import polars as pl

from pipelines.calendar import NEW_YORK
from pipelines.sources import csv_table, unstated_roots
from pipelines.sources.chain_rows import checked_underlying, osi_symbol, plain_symbol
from pipelines.sources.many_pages import gather, session_instants
from pipelines.sources.page import ChainPage, Declared, Unreadable

NAME = "optionsdx_eod"
LARGEST_BYTES = 256 * 2**20

_SIDES = {"call": "C", "put": "P"}
_SIDE_NUMBERS = {
    "bid": "BID",
    "ask": "ASK",
    "last": "LAST",
    "volume": "VOLUME",
    "vendor_iv_frac": "IV",
    "vendor_delta": "DELTA",
    "vendor_gamma": "GAMMA",
}
_LINE_COLUMNS = ("QUOTE_READTIME", "QUOTE_DATE", "UNDERLYING_LAST", "EXPIRE_DATE", "STRIKE")
_COLUMNS = {*_LINE_COLUMNS, *(f"{letter}_{name}" for letter in _SIDES.values() for name in _SIDE_NUMBERS.values())}
_CLOCK_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


def recognise(data: bytes) -> bool:
    return {_plain(name) for name in csv_table.header_names(data)} >= _COLUMNS


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """A page for each instant of the one underlying, which its owner has to name."""
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than such a file can hold ({LARGEST_BYTES})")
    if declared.underlying is None:
        raise Unreadable("the file does not name its underlying; name it with --underlying SPX")
    underlying = checked_underlying(plain_symbol(declared.underlying))
    table, ragged = csv_table.read_texts(data, parts=tuple(_SIDES))
    table = csv_table.spelled(table, _plain, _COLUMNS)
    return gather(
        _typed(table, underlying),
        table,
        ragged,
        required=("strike",),
        reasons=[
            (pl.col("is_unreadable"), "unreadable_number"),
            (pl.col("is_in_doubt"), "root_not_stated"),
            (pl.col("quote_date") != pl.col("read_at").dt.date(), "dates_contradict"),
            (pl.col("is_no_session"), "not_a_session"),
        ],
        open_interest_rule="unknown",
    )


def _plain(name: str) -> str:
    return name.strip().strip("[]")


def _typed(table: pl.DataFrame, underlying: str) -> pl.DataFrame:
    """Two rows a line."""
    lines = table.select(
        "row_number",
        underlying=pl.lit(underlying),
        underlying_last=csv_table.number("UNDERLYING_LAST"),
        strike=csv_table.number("STRIKE"),
        expiry_date=csv_table.text("EXPIRE_DATE").str.to_date("%Y-%m-%d", strict=False),
        quote_date=csv_table.text("QUOTE_DATE").str.to_date("%Y-%m-%d", strict=False),
        read_at=pl.coalesce(
            csv_table.text("QUOTE_READTIME").str.to_datetime(form, strict=False, time_unit="us")
            for form in _CLOCK_FORMS
        ),
        is_adjusted=pl.lit(value=False),
        **dict.fromkeys(("open_interest", "multiplier"), pl.lit(None, dtype=pl.Float64)),
        header_ts=pl.lit(None, dtype=pl.Datetime("us")),
    )
    root, is_in_doubt = unstated_roots.roots(lines["underlying"], lines["expiry_date"])
    closes = session_instants(lines["read_at"].dt.date(), None)
    is_no_session = closes.is_null() & lines["read_at"].is_not_null()
    lines = lines.with_columns(
        root=root, is_in_doubt=is_in_doubt, is_no_session=is_no_session, quote_ts=_in_utc("read_at")
    )
    return pl.concat(pl.concat([lines, _side(table, side)], how="horizontal") for side in _SIDES).with_columns(
        contract_id=osi_symbol()
    )


def _side(table: pl.DataFrame, side: str) -> pl.DataFrame:
    columns = {name: f"{_SIDES[side]}_{column}" for name, column in _SIDE_NUMBERS.items()}
    stated = ("UNDERLYING_LAST", *columns.values())
    return table.select(
        pl.lit(side).alias("option_type"),
        *(csv_table.number(column).alias(name) for name, column in columns.items()),
        is_unreadable=pl.any_horizontal(csv_table.is_no_number(column) for column in stated),
    )


def _in_utc(column: str) -> pl.Expr:
    """A New York wall clock as an instant."""
    local = pl.col(column).dt.replace_time_zone(str(NEW_YORK), ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
