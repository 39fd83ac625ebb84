"""Trades as files state them -> each once, and the spans of which all are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from models.taker_flow import unique_trades
from pipelines.lake.partitions import empty
from pipelines.sources.coin_file import CoinFile
from pipelines.stages.snapshots import conformed

_NAMES = ("contract_id", "trade_seq", "trade_id")
_STATED = ("taker_side", "price", "quantity")


def trades_of(heard: list[pl.DataFrame]) -> pl.DataFrame:
    """Every trade once, in order, with its price in USD."""
    if not any(frame.height for frame in heard):
        return empty("option_trades")
    index = pl.col("index_price")
    trades = unique_trades(pl.concat(heard)).sort("trade_ts", "contract_id", "trade_seq", "trade_id")
    trades = trades.with_columns(
        price_coins=pl.when("is_inverse").then("price"),
        price_usd=pl.when("is_inverse").then(pl.col("price") * index).otherwise("price"),
        trade_number=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )
    return conformed(trades, "option_trades")


def account_of(heard: list[pl.DataFrame], trades: pl.DataFrame) -> dict[str, float]:
    """Every row that came: it landed, says again what another says of the same trade, or contradicts it. The last two
    are counted by the trades' names and not as what is missing, so that a trade which is lost does not balance."""
    account = {"in": float(sum(frame.height for frame in heard)), "landed": float(trades.height)}
    if not account["in"]:
        return account
    told = _named(pl.concat(heard)).select("name", *_STATED)
    statements = told.unique()
    return account | {
        "repeated": float(told.height - statements.height),
        "contradicting": float(statements.height - statements["name"].n_unique()),
    }


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the `name` that all rows of one trade share: its number, else that of the row with its trade_id,
    else this; a row that has neither is alone. A side that is not known is that which another row states."""
    rows = rows.select(*_NAMES, *_STATED).with_row_index("row")
    numbers = rows.drop_nulls(["trade_seq", "trade_id"]).group_by("contract_id", "trade_id").agg(
        number=pl.col("trade_seq").min()
    )  # fmt: skip
    numbered = rows.join(numbers, on=["contract_id", "trade_id"], how="left", maintain_order="left").with_columns(
        number=pl.coalesce("trade_seq", "number")
    )
    is_alone = pl.col("number").is_null() & pl.col("trade_id").is_null()
    name = pl.struct(
        "contract_id",
        "number",
        trade_id=pl.when(pl.col("number").is_null()).then("trade_id"),
        row=pl.when(is_alone).then("row"),
    )
    side = pl.when(pl.col("taker_side") != "unknown").then("taker_side")
    named = numbered.select(*_STATED, name=name).with_columns(taker_side=side)
    return named.with_columns(pl.col("taker_side").fill_null(pl.col("taker_side").drop_nulls().first().over("name")))


def coverage_of(files: Sequence[CoinFile], underlying: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Spans between two instants of which every trade of an underlying is there, those that touch put together; known
    when the last of them is."""
    if not files:
        return empty("trade_coverage")
    first, last = (pl.lit(instant, dtype=pl.Datetime("us")) for instant in (start, end))
    spans = (
        pl.concat(file.coverage for file in files)
        .filter(pl.col("underlying") == underlying)
        .with_columns(from_ts=pl.max_horizontal("from_ts", first), until_ts=pl.min_horizontal("until_ts", last))
        .filter(pl.col("from_ts") < pl.col("until_ts"))
        .unique()
        .sort("from_ts", "until_ts", "known_at")
    )
    is_apart = pl.col("from_ts") > pl.col("until_ts").cum_max().shift(1)
    runs = spans.with_columns(run=is_apart.fill_null(value=True).cum_sum()).group_by("run", maintain_order=True)
    merged = runs.agg(
        pl.col("underlying").first(), pl.col("from_ts").first(), pl.col("until_ts").max(), pl.col("known_at").max()
    )
    return conformed(merged, "trade_coverage")
