"""Public trades. Each leg of a combo is published as a trade of its own; the combo's own trade is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.sources.chain_rows import Reason
from pipelines.sources.coin_file import TRADE_SCHEMA
from pipelines.sources.coin_rows import volatility
from pipelines.sources.deribit_rows import (
    Judged,
    Layout,
    contract_reasons,
    is_ahead,
    judge,
    number_reasons,
    once,
    table,
    with_contracts,
)

KIND = "trade"
_LAYOUT = Layout(
    numbers={"price": "price", "quantity": "amount", "stated_index": "index_price", "iv_percent": "iv"},
    texts={
        "trade_id": "trade_id",
        "direction": "direction",
        "liquidation": "liquidation",
        "block_id": "block_trade_id",
        "block_rfq_id": "block_rfq_id",
        "combo_id": "combo_id",
        "combo_trade_id": "combo_trade_id",
    },
    clocks={"trade_ts": "timestamp"},
    integers={"trade_seq": "trade_seq"},
)
_SIDES = ("buy", "sell")  # of the taker
_LIQUIDATED = {"M": "M", "T": "T", "MT": "MT", "TM": "MT"}
_FACTS = [name for name in TRADE_SCHEMA if name not in {"row_number", "known_at"}]


def trades(records: Sequence[Any], origins: pl.DataFrame) -> Judged:
    """TRADE_SCHEMA, in the order of the records and with repeats."""
    ours, passed = with_contracts(table(records, origins, _LAYOUT).with_row_index("place"))
    reasons: list[Reason] = [
        *contract_reasons(),
        (pl.col("odd").is_null() & pl.any_horizontal(pl.col("price", "quantity").is_null()), "unreadable_number"),
        *number_reasons(["price", "stated_index"], ["quantity"]),
        (pl.col("quantity") == 0, "quantity_not_positive"),
        (~pl.col("direction").is_in(_SIDES), "unreadable_side"),
        (pl.col("odd").is_null() & pl.col("trade_ts").is_null(), "unreadable_clock"),
        (is_ahead("trade_ts"), "clock_ahead_of_capture"),
        (pl.col("odd").is_null() & pl.col("trade_id").is_null(), "no_trade_id"),
    ]
    judged = judge(ours, records, reasons, kind=KIND, day_ts="trade_ts", passed=passed)
    iv = pl.col("iv_percent") / 100
    rows = judged.rows.with_columns(
        known_at="trade_ts",  # the exchange publishes a trade to everyone at once, whenever it was asked for
        trade_seq=pl.when(pl.col("trade_seq") >= 1).then("trade_seq"),  # Deribit counts from 1
        taker_side=pl.col("direction").fill_null("unknown"),
        index_price=pl.when(pl.col("stated_index") > 0).then("stated_index"),
        vendor_iv_frac=volatility(pl.when(iv.is_finite() & (iv >= 0)).then(iv)),
        flow_class=_flow_class(),
        liquidated_side=pl.col("liquidation").replace_strict(_LIQUIDATED, default=None, return_dtype=pl.String),
    )
    return Judged(rows.select(list(TRADE_SCHEMA)), judged.rejected, passed=judged.passed)


def unique(rows: pl.DataFrame) -> Judged:
    """Pages overlap: each trade once."""
    found = once(rows, ["underlying", "trade_id"], _FACTS, kind=KIND, day_ts="trade_ts")
    ordered = found.rows.sort("underlying", "trade_ts", "contract_id", "trade_seq", "trade_id")
    return Judged(ordered, found.rejected, found.duplicates)


def _flow_class() -> pl.Expr:
    is_liquidation = pl.col("liquidation").str.to_lowercase().ne("none")
    return (
        pl.when(is_liquidation)
        .then(pl.lit("liquidation"))
        .when(pl.col("block_rfq_id").is_not_null())
        .then(pl.lit("block_rfq"))
        .when(pl.col("block_id").is_not_null())
        .then(pl.lit("block"))
        .when(pl.col("combo_id").is_not_null() | pl.col("combo_trade_id").is_not_null())
        .then(pl.lit("combo"))
        .otherwise(pl.lit("screen"))
    )
