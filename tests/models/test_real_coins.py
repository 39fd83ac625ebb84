"""Real chains and trades of a coin venue: its own greeks, and figures that others took from the same file."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from models.coin_surface import coin_surface
from models.premium import premium_flow, zero_dte_trades
from models.taker_flow import positions_at, taker_inventory, trade_holes, unique_trades
from pipelines.sources.coin_names import name_parts
from tests.samples import needs_samples, sample

pytestmark = [pytest.mark.samples, needs_samples]
DAY = datetime(2022, 1, 1)
EIGHT = datetime(2022, 1, 1, 8)


def vendor_chain() -> pl.DataFrame:
    """A venue's tickers with its own greeks; each row is dated by its own clock."""
    raw = pl.read_csv(sample("deribit_raw") / "mikehyland_BTC_20260114_options_raw.csv", infer_schema_length=None)
    told = raw.select(
        snapshot_ts=pl.from_epoch("timestamp", "ms").cast(pl.Datetime("us")), source=pl.lit("file"),
        bid="best_bid_price", ask="best_ask_price", last="last_price", mark="mark_price", volume="stats_volume",
        open_interest="open_interest", vendor_iv_frac=pl.col("mark_iv") / 100, forward="underlying_price",
        spot="index_price", vendor_delta="greeks_delta", vendor_gamma="greeks_gamma", vendor_vega="greeks_vega",
        vendor_theta="greeks_theta",
    )  # fmt: skip
    return pl.concat([name_parts(raw["instrument_name"]), told], how="horizontal")


def test_greeks_are_the_venues_own_to_its_digits():
    chain = vendor_chain()
    contracts, _ = coin_surface(chain, session_date=date(2026, 1, 15))
    stated = chain.select("snapshot_ts", "contract_id", pl.col("^vendor_(delta|gamma|vega|theta)$"))
    both = contracts.join(stated, on=["snapshot_ts", "contract_id"], how="inner").filter(pl.col("t_years") > 1 / 365)
    assert both.height > 500
    np.testing.assert_allclose(both["delta"], both["vendor_delta"], atol=6e-5)
    own_forward_gamma = both["gamma"] * both["spot"] / both["forward"]
    np.testing.assert_allclose(own_forward_gamma, both["vendor_gamma"], atol=5.1e-6)
    np.testing.assert_allclose(both["vega_usd_per_volpt"], both["vendor_vega"], rtol=1e-3, atol=1e-4)
    lasting = both.filter(-pl.col("theta_usd_per_day") < 0.5 * pl.col("mark"))  # the venue's loses its value at most
    assert lasting.height > 400
    np.testing.assert_allclose(lasting["theta_usd_per_day"], lasting["vendor_theta"], rtol=1e-3, atol=1e-2)


@pytest.fixture(scope="module")
def pages() -> pl.DataFrame:
    """Ten hours of trades as overlapping pages."""
    raw = pl.read_csv(sample("deribit_trades") / "deribit_trades_20220101_venteng.csv", infer_schema_length=0)
    at = pl.from_epoch(pl.col("t").cast(pl.Int64), "ms").cast(pl.Datetime("us"))
    told = raw.select(
        "trade_id", trade_ts=at, known_at=at, trade_seq=pl.col("trade_seq").cast(pl.Int64), taker_side="direction",
        price=pl.col("p").cast(pl.Float64), quantity=pl.col("q").cast(pl.Float64), flow_class=pl.lit("screen"),
        index_price=pl.col("index_price").cast(pl.Float64), vendor_iv_frac=pl.col("iv").cast(pl.Float64) / 100,
    )  # fmt: skip
    whole = pl.concat([name_parts(raw["instrument_name"]), told], how="horizontal")
    return whole.with_columns(price_usd=pl.col("price") * pl.col("index_price"))


def test_overlapping_pages_hold_each_trade_once(pages):
    trades = unique_trades(pages)
    assert (pages.height, trades.height) == (3719, 1350)
    assert trades["contract_id"].n_unique() == 171
    seqs = trades.group_by("contract_id").agg(first=pl.col("trade_seq").min())
    inner = trade_holes(trades, None).join(seqs, on="contract_id").filter(pl.col("from_seq") > pl.col("first"))
    assert inner["contract_id"].n_unique() == 28


def test_premium_is_what_others_summed_from_the_file(pages):
    rows = premium_flow(unique_trades(pages))
    sums = dict(rows.group_by("option_type", "taker_side").agg(pl.col("premium_usd").sum() / 1e6).select(
        pl.concat_str("option_type", "taker_side", separator=" "), "premium_usd").iter_rows())  # fmt: skip
    stated = {"call buy": 0.667, "call sell": 0.767, "put buy": 0.540, "put sell": 0.433}
    assert sums == pytest.approx(stated, abs=6e-4)
    assert float(premium_flow(pages)["premium_usd"].sum()) == pytest.approx(7.05e6, abs=5e3)
    assert rows["trades_without_delta"].sum() == 1  # one volatility of 0


def test_positions_are_takers_net_trades_until_the_morning_expiry(pages):
    trades = unique_trades(pages)
    rows = taker_inventory(trades, None, from_ts=DAY)
    expired = trades.filter(pl.col("expiry_ts") == EIGHT)["contract_id"].n_unique()
    assert expired == 10
    end = datetime(2022, 1, 1, 10, 30)
    found = positions_at(rows, None, [end]).filter(pl.col("dealer_model") == "taker_flow")
    assert found.height == 171 - expired
    signed = pl.when(pl.col("taker_side") == "buy").then(-pl.col("quantity")).otherwise("quantity")
    before = trades.filter((pl.col("trade_ts") < end) & (pl.col("expiry_ts") > end))
    expected = dict(before.group_by("contract_id").agg(signed.sum()).iter_rows())
    assert dict(found.select("contract_id", "inventory_quantity").iter_rows()) == pytest.approx(expected, abs=1e-9)
    complete = found.filter("is_history_complete")["contract_id"].to_list()
    assert 0 < len(complete) < 20  # only what was listed that day starts at its first trade
    firsts = trades.filter(pl.col("contract_id").is_in(complete)).group_by("contract_id").agg(pl.col("trade_seq").min())
    assert set(firsts["trade_seq"]) == {1}
    assert set(zero_dte_trades(trades)["expiry_ts"]) == {EIGHT, datetime(2022, 1, 2, 8)}
