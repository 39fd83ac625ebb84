"""Trades as files state them -> each once, and the spans of which all are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from models.taker_flow import unique_trades
from pipelines.lake.partitions import empty
from pipelines.sources.coin_file import CoinFile
from pipelines.stages.snapshots import conformed


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
