"""Chains of coin options as optionsdx.com writes them: bracketed names with blanks before them, an option a line.

A read of the chain takes the vendor some seconds; all its lines bear one wall clock of New York (`QUOTE_READTIME`) and
a unix time. The newest unix time of a read is the chain's instant. Sizes are in coins and prices in what the venue
quotes; 0 is no price. Forwards are the venue's, a line's own; there is no index and no mark. The layout of the same
site for US underlyings is another one.
"""

from __future__ import annotations

import polars as pl

from pipelines.sources import csv_table
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA, CoinFile
from pipelines.sources.coin_names import name_parts
from pipelines.sources.coin_rows import judge, volatility, without_repeats
from pipelines.sources.page import Declared, Unreadable

NAME = "optionsdx_coin"
LARGEST_BYTES = 256 * 2**20

_NUMBERS = {
    "bid": "BID_PRICE",
    "ask": "ASK_PRICE",
    "volume": "VOLUME",
    "open_interest": "OPEN_INTEREST",
    "iv_percent": "MARK_IV",
    "vendor_delta": "DELTA",
    "vendor_gamma": "GAMMA",
    "forward": "UNDERLYING_PRICE",
    "stated_strike": "STRIKE",
    "days_left": "DTE",
    "read_unix": "QUOTE_UNIXTIME",
    "expiry_unix": "EXPIRY_UNIX",
}
_TEXTS = ("QUOTE_READTIME", "INSTRUMENT_NAME", "BASE_CURRENCY", "OPTION_RIGHT")
_COLUMNS = {*_NUMBERS.values(), *_TEXTS}
_LARGEST_DAYS_OFF = 0.01  # between the stated days to expiry and the two clocks: a quarter of an hour
_LARGEST_UNIX = 1e10


def recognise(data: bytes) -> bool:
    return {_plain(name) for name in csv_table.header_names(data)} >= _COLUMNS


def coin_file(data: bytes, declared: Declared) -> CoinFile:
    """The chains of a file, which names everything itself: nothing of what is declared is used."""
    del declared
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than such a file can hold ({LARGEST_BYTES})")
    table, ragged = csv_table.read_texts(data)
    table = csv_table.spelled(table, _plain, _COLUMNS)
    chains, rejected = judge(
        _typed(table),
        "chains",
        [
            (pl.col("is_unreadable"), "unreadable_number"),
            (pl.col("is_of_another"), "symbol_contradicts_columns"),
            (pl.col("days_off").abs() > _LARGEST_DAYS_OFF, "dates_contradict"),
        ],
    )
    chains = _at_newest_of_read(chains, table)
    chains, others, repeats = without_repeats(chains, "chains")
    broken = pl.concat([ragged, pl.DataFrame(schema=COIN_REJECTED_SCHEMA)], how="diagonal").with_columns(
        kind=pl.lit("chains")
    )
    return CoinFile(
        chains=chains,
        rejected=pl.concat([rejected, others, broken]).sort("row_number"),
        rows_in=table.height + ragged.height,
        rows_duplicate=repeats,
    )


def _plain(name: str) -> str:
    return name.strip().strip("[]")


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    names = table.select(pl.col("INSTRUMENT_NAME").str.strip_chars().str.to_uppercase()).to_series()
    lines = table.select(
        "row_number",
        "BASE_CURRENCY",
        "OPTION_RIGHT",
        row_text=csv_table.row_texts(table),
        is_unreadable=pl.any_horizontal(csv_table.is_no_number(column) for column in _NUMBERS.values()),
        **{name: csv_table.number(column) for name, column in _NUMBERS.items()},
    )
    lines = pl.concat([lines, name_parts(names)], how="horizontal")
    read_at, expiry = _instant("read_unix"), _instant("expiry_unix")
    return lines.with_columns(
        *(pl.when(pl.col(name) != 0).then(name).alias(name) for name in ("bid", "ask")),
        is_of_another=(
            (pl.col("stated_strike") != pl.col("strike"))
            | (csv_table.text("OPTION_RIGHT").str.to_lowercase() != pl.col("option_type"))
            | (csv_table.text("BASE_CURRENCY") != pl.col("root").str.split("_").list.first())
            | (expiry != pl.col("expiry_ts"))
        ),
        days_off=pl.col("days_left") - (pl.col("expiry_unix") - pl.col("read_unix")) / 86400,
        snapshot_ts=read_at,
        known_at=read_at,
    ).with_columns(
        vendor_iv_frac=volatility(pl.col("iv_percent") / 100),
        **dict.fromkeys(("last", "mark", "index_price"), pl.lit(None, dtype=pl.Float64)),
    )


def _instant(seconds: str) -> pl.Expr:
    stated = pl.col(seconds)
    is_sane = stated.is_finite() & stated.is_between(0, _LARGEST_UNIX)
    return pl.from_epoch(pl.when(is_sane).then((stated * 1e6).round()).cast(pl.Int64), time_unit="us")


def _at_newest_of_read(chains: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    reads = table.select("row_number", read=csv_table.text("QUOTE_READTIME"))
    newest = pl.max("snapshot_ts").over("read", "underlying")
    told = chains.join(reads, on="row_number", how="left", maintain_order="left")
    return told.with_columns(snapshot_ts=newest, known_at=newest).drop("read")
