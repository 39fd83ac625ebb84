"""Real recordings of Deribit under mappings: every row accounted for, and the exchange's own greeks from ours."""

from __future__ import annotations

import ast

import numpy as np
import polars as pl
import pytest

from models.black import Greeks, greeks
from models.conventions import Floats
from pipelines.sources import mapped_coin_chain, mapped_trades
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.page import Declared
from tests.pipelines.mapped_documents import example
from tests.samples import needs_samples, sample

pytestmark = [needs_samples, pytest.mark.samples]

TRADES = """
kind = "trades"
market = "crypto"
iv_unit = "percent"
flow_class = "screen"
[columns]
symbol = "instrument_name"
price = "p"
quantity = "q"
side = "direction"
iv = "iv"
index_price = "index_price"
trade_id = "trade_id"
trade_seq = "trade_seq"
[time]
column = "t"
unit = "ms"
[coverage]
complete = "file"
"""
TICKERS = """
kind = "coin_chain"
iv_unit = "percent"
is_one_snapshot = true
expiry_unit = "ms"
[columns]
symbol = "instrument_name"
strike = "strike"
expiry = "expiration_timestamp"
type = "option_type"
bid = "best_bid_price"
ask = "best_ask_price"
last = "last_price"
mark = "mark_price"
open_interest = "open_interest"
iv = "mark_iv"
forward = "underlying_price"
index_price = "index_price"
[quotes]
column = "timestamp"
unit = "ms"
[none]
bid = [0]
ask = [0]
"""
BOARD = """
kind = "coin_chain"
root = "BTC"
expiry = 2025-12-26
quoted_at = 2025-08-30T00:00:00Z
missing = ["-"]
[columns]
strike = "Strike"
type = "OptionType"
bid = "Bid"
ask = "Ask"
last = "Last"
mark = "Mark"
volume = "Volume"
open_interest = "Open"
"""
YEAR_MS = 365 * 86_400_000
MINUTE_MS = 60_000
HALF_A_DIGIT = 5.0e-6  # of a greek in five decimals
HALF_AN_IV = 0.5e-4  # of a volatility in hundredths of a point, as a fraction
SLACK = 1e-7


def tickers(name: str) -> tuple[CoinFile, pl.DataFrame]:
    """What the mapping reads, and the same rows as they stand, in the order of the file."""
    data = sample("deribit_raw").joinpath(name).read_bytes()
    found = mapped_coin_chain.coin_file(data, Declared(mapping=TICKERS))
    return found, pl.read_csv(data)


def ours(found: CoinFile, stated: pl.DataFrame, t_ms: Floats) -> Greeks:
    rows = found.chains.sort("row_number")
    assert rows["contract_id"].to_list() == stated["instrument_name"].to_list()
    forward, strike, iv_frac = (rows[name].to_numpy() for name in ("forward", "strike", "vendor_iv_frac"))
    return greeks(
        spot=forward,
        forward=forward,
        strike=strike,
        t_years=t_ms / YEAR_MS,
        iv_frac=iv_frac,
        discount_factor=1.0,
        is_call=(rows["option_type"] == "call").to_numpy(),
        is_delta_of_forward=True,
    )


def vega_excess(found: CoinFile, stated: pl.DataFrame, vega: pl.Series, t_ms: Floats) -> Floats:
    """By how much our vega per point differs beyond what the roundings of volatility and vega allow, relative."""
    rows = found.chains.sort("row_number")
    iv_frac, forward, strike = (rows[name].to_numpy() for name in ("vendor_iv_frac", "forward", "strike"))
    total = iv_frac * np.sqrt(t_ms / YEAR_MS)
    d1 = np.log(forward / strike) / total + total / 2
    computed = ours(found, stated, t_ms).vega / 100
    allowed = computed * np.abs(d1 * (d1 - total)) / iv_frac * HALF_AN_IV + HALF_A_DIGIT + SLACK
    return np.maximum(np.abs(computed - vega.to_numpy()) - allowed, 0) / np.maximum(vega.to_numpy(), HALF_A_DIGIT)


def test_four_months_of_snapshots_are_read_by_the_documents_mapping_row_for_row() -> None:
    _, mapping = example("snapshots")
    rows, snapshots = 0, 0
    for path in sorted(sample("deribit_snapshots").glob("*.parquet")):
        found = mapped_coin_chain.coin_file(path.read_bytes(), Declared(mapping=mapping))
        assert found.chains.height == found.rows_in
        rows += found.chains.height
        snapshots += found.chains.select("underlying", "snapshot_ts").n_unique()
    assert (rows, snapshots) == (769_346, 2 * 481)


def test_trades_with_two_thirds_repeats_are_read_once_and_their_premium_is_that_of_the_tape() -> None:
    (path,) = sample("deribit_trades").glob("*.csv")
    found = mapped_trades.coin_file(path.read_bytes(), Declared(mapping=TRADES))
    assert (found.rows_in, found.trades.height, found.rows_duplicate) == (3719, 1350, 2369)
    assert found.rejected.is_empty() and found.coverage.height == 1
    assert found.trades["vendor_iv_frac"].null_count() == 2  # stated as 0 and as 500 %
    premium = (pl.col("price") * pl.col("quantity") * pl.col("index_price")).sum() / 1e6
    paid = found.trades.group_by("option_type", "taker_side").agg(premium=premium)
    assert {(kind, side): round(usd, 3) for kind, side, usd in paid.iter_rows()} == {
        ("call", "buy"): 0.667, ("call", "sell"): 0.767, ("put", "buy"): 0.540, ("put", "sell"): 0.433
    }  # fmt: skip
    assert round(paid["premium"].sum(), 2) == 2.41


def test_a_board_that_names_neither_expiry_nor_time_is_read_under_its_owners_word() -> None:
    data = sample("deribit_raw").joinpath("oipd_bitcoin_date20250830.csv").read_bytes()
    found = mapped_coin_chain.coin_file(data, Declared(mapping=BOARD))
    assert (found.chains.height, found.rows_in) == (76, 76)
    stated = [line.split(",")[3] for line in data.decode().splitlines()[1:]]
    assert found.chains["open_interest"].sum() == pytest.approx(sum(float(cell) for cell in stated if cell != "-"))


def test_delta_and_gamma_of_656_tickers_are_the_exchanges_by_each_ones_own_clock() -> None:
    found, stated = tickers("mikehyland_BTC_20260114_options_raw.csv")
    assert (found.chains.height, found.rows_in) == (656, 656)
    t_ms = (stated["expiration_timestamp"] - stated["timestamp"]).to_numpy()
    by_us = ours(found, stated, t_ms)
    assert np.abs(by_us.delta - stated["greeks_delta"].to_numpy()).max() <= 1e-4
    assert np.abs(by_us.gamma - stated["greeks_gamma"].to_numpy()).max() <= HALF_A_DIGIT


@pytest.mark.parametrize(
    ("name", "options", "strays"),
    [("mikehyland_BTC_20260114_options_raw.csv", 656, 0), ("schepal_options_data_20200521.csv", 326, 1)],
)
def test_vega_is_the_exchanges_to_its_rounding_where_time_is_counted_in_its_whole_minutes(
    name: str, options: int, strays: int
) -> None:
    """The exchange's own clock ticks by the minute: by the millisecond vega is off where little time is left."""
    found, stated = tickers(name)
    vega = _greek(stated, "vega")
    t_ms = (stated["expiration_timestamp"] - stated["timestamp"]).to_numpy()
    in_minutes = np.round(t_ms / MINUTE_MS) * MINUTE_MS
    by_minute = vega_excess(found, stated, vega, in_minutes)
    by_millisecond = vega_excess(found, stated, vega, t_ms)
    assert (by_minute.size, (by_minute > 5e-5).sum()) == (options, strays)
    assert (by_millisecond > 5e-5).mean() < 0.12
    assert np.median(by_millisecond) <= 5e-5
    delta = ours(found, stated, in_minutes).delta - _greek(stated, "delta").to_numpy()
    assert np.abs(delta).max() <= 3.5e-5


def _greek(stated: pl.DataFrame, name: str) -> pl.Series:
    if f"greeks_{name}" in stated.columns:
        return stated[f"greeks_{name}"]
    return pl.Series([ast.literal_eval(text)[name] for text in stated["greeks"]])
