"""What a parser of a coin venue's file hands on: typed rows of every kind that the file holds, and rejected rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import polars as pl

from pipelines.sources.page import REJECTED_SCHEMA

_INSTANT = pl.Datetime("us")
CONTRACT_SCHEMA = {
    "contract_id": pl.String(), "underlying": pl.String(), "root": pl.String(), "expiry_date": pl.Date(),
    "expiry_ts": _INSTANT, "strike": pl.Float64(), "option_type": pl.String(), "is_inverse": pl.Boolean(),
}  # fmt: skip

# One contract at one snapshot. Prices in what the venue quotes: coins for an inverse option, USD for a linear one.
# Quantities in coins of the underlying. `snapshot_ts` is one instant for the whole chain of an underlying, `known_at`
# when the rows were seen. `forward` is the venue's own of that expiry, `index_price` its index at that row, in USD.
COIN_CHAIN_SCHEMA = {
    "row_number": pl.Int64(), "snapshot_ts": _INSTANT, "known_at": _INSTANT, **CONTRACT_SCHEMA,
    "bid": pl.Float64(), "ask": pl.Float64(), "last": pl.Float64(), "mark": pl.Float64(), "volume": pl.Float64(),
    "open_interest": pl.Float64(), "vendor_iv_frac": pl.Float64(), "vendor_delta": pl.Float64(),
    "vendor_gamma": pl.Float64(), "forward": pl.Float64(), "index_price": pl.Float64(),
}  # fmt: skip

FlowClass = Literal["screen", "combo", "block", "block_rfq", "liquidation"]
FLOW_CLASSES: tuple[FlowClass, ...] = get_args(FlowClass)
# One trade of one contract (combos: their legs). `taker_side`: buy, sell or unknown. `known_at`: when anybody could
# know it.
TRADE_SCHEMA = {
    "row_number": pl.Int64(), "trade_ts": _INSTANT, "known_at": _INSTANT, **CONTRACT_SCHEMA,
    "trade_id": pl.String(), "trade_seq": pl.Int64(), "taker_side": pl.String(), "price": pl.Float64(),
    "quantity": pl.Float64(), "index_price": pl.Float64(), "vendor_iv_frac": pl.Float64(), "flow_class": pl.String(),
    "liquidated_side": pl.String(), "block_id": pl.String(), "combo_id": pl.String(),
}  # fmt: skip

# Spans of which the file holds every trade of the underlying: from_ts <= trade_ts < until_ts.
COVERAGE_SCHEMA = {"underlying": pl.String(), "from_ts": _INSTANT, "until_ts": _INSTANT, "known_at": _INSTANT}

# What the venue says of a contract; `contract_size_coins` coins a contract, read and never assumed.
INSTRUMENT_SCHEMA = {
    **CONTRACT_SCHEMA, "known_at": _INSTANT, "contract_size_coins": pl.Float64(), "min_trade_coins": pl.Float64(),
    "listed_ts": _INSTANT,
}  # fmt: skip

# `symbol` is an instrument (BTC-PERPETUAL) or an index (BTC_DVOL); `bar_ts` the bar's end; volume in coins.
COIN_BAR_SCHEMA = {
    "symbol": pl.String(), "interval": pl.String(), "bar_ts": _INSTANT, "known_at": _INSTANT, "open": pl.Float64(),
    "high": pl.Float64(), "low": pl.Float64(), "close": pl.Float64(), "volume": pl.Float64(),
}  # fmt: skip
DELIVERY_SCHEMA = {
    "underlying": pl.String(), "delivery_ts": _INSTANT, "delivery_price": pl.Float64(), "known_at": _INSTANT,
}  # fmt: skip

# A row set aside also says which kind of row it would have been, and where it belongs if that can be read.
COIN_REJECTED_SCHEMA = {**REJECTED_SCHEMA, "kind": pl.String(), "underlying": pl.String(), "day_ts": _INSTANT}


def _nothing(schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, slots=True)
class CoinFile:
    """Everything one file holds.

    rows_in = rows of all frames but `coverage`, + rejected + rows_duplicate + rows_passed.
    `rows_passed`: records that the file holds and that are none of ours (futures, combo parents, and rows between two
    10-minute snapshots), counted.
    """

    chains: pl.DataFrame = field(default_factory=lambda: _nothing(COIN_CHAIN_SCHEMA))
    trades: pl.DataFrame = field(default_factory=lambda: _nothing(TRADE_SCHEMA))
    coverage: pl.DataFrame = field(default_factory=lambda: _nothing(COVERAGE_SCHEMA))
    instruments: pl.DataFrame = field(default_factory=lambda: _nothing(INSTRUMENT_SCHEMA))
    bars: pl.DataFrame = field(default_factory=lambda: _nothing(COIN_BAR_SCHEMA))
    deliveries: pl.DataFrame = field(default_factory=lambda: _nothing(DELIVERY_SCHEMA))
    rejected: pl.DataFrame = field(default_factory=lambda: _nothing(COIN_REJECTED_SCHEMA))
    rows_in: int = 0
    rows_duplicate: int = 0
    rows_passed: int = 0
