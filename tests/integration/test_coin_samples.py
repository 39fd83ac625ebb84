"""Real recordings of Deribit's options by mappings, from their bytes to exposures and flow."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.lake.store import Lake
from pipelines.load import load_files
from pipelines.sources.page import Declared
from tests.integration.coin_lakes import derive_coins, largest
from tests.integration.spine import current
from tests.pipelines.mapped_documents import example
from tests.pipelines.test_real_coin_files import TRADES
from tests.samples import needs_samples, sample

pytestmark = [needs_samples, pytest.mark.samples]


def test_recorded_snapshots_run_whole_by_the_documents_mapping(lake: Lake) -> None:
    path = sample("deribit_snapshots") / "btc_eth_202512.parquet"
    (loaded,) = load_files(lake, [path], declared=Declared(mapping=example("snapshots")[1]), progress=lambda _: None)
    assert (loaded.fate, loaded.source, loaded.rows_quarantined) == ("landed", "mapped_coin_chain", 0)
    derive_coins(lake)
    chains, options = current(lake, "chains"), current(lake, "option_snapshots")
    expired = chains.filter(pl.col("expiry_ts") <= pl.col("snapshot_ts")).height
    assert loaded.rows_landed == chains.height == options.height + expired
    assert set(current(lake, "snapshot_marks")["spot_source"]) == {"index"}
    assert options.filter(pl.col("iv_source") == "none").height < 0.01 * options.height
    stated = chains.join(options, on=["contract_id", "snapshot_ts"], suffix="_ours").filter(
        pl.col("vendor_delta").is_not_null(), pl.col("iv_source") == "vendor", pl.col("t_years") > 1 / 365
    )
    assert stated.height > 0.8 * options.height
    off = (stated["delta"] - stated["vendor_delta"]).abs().to_numpy()  # it was asked for after the rest of the row
    assert np.median(off) < 2e-4
    assert np.quantile(off, 0.99) < 1e-2
    summary = current(lake, "exposure_summary").filter(scope="all")
    by_model = dict(summary.group_by("dealer_model").agg(pl.col("scope_status").unique()).iter_rows())
    assert by_model["calls_long_puts_short"] == by_model["short_all"] == ["ok"]
    assert by_model["taker_flow"] == by_model["taker_flow_screen"] == ["no_positions"]
    interest = options.group_by("underlying", "snapshot_ts").agg(pl.col("open_interest").sum())
    both = summary.filter(dealer_model="short_all").join(interest, on=["underlying", "snapshot_ts"])
    assert both.height == interest.height
    assert largest(both["call_open_interest"] + both["put_open_interest"] - both["open_interest"]) < 1e-6


def test_recorded_trades_give_the_premium_and_the_positions_of_the_tape(lake: Lake) -> None:
    (path,) = sample("deribit_trades").glob("*.csv")
    (loaded,) = load_files(lake, [path], declared=Declared(mapping=TRADES), progress=lambda _: None)
    assert (loaded.fate, loaded.rows_landed) == ("landed", 1350)
    derive_coins(lake)
    trades, flow = current(lake, "option_trades"), current(lake, "premium_flow")
    assert (trades.height, flow["trades"].sum(), flow["trades_without_premium"].sum()) == (1350, 1350, 0)
    paid = flow.group_by("option_type", "taker_side").agg(pl.col("premium_usd").sum() / 1e6)
    assert {(kind, side): round(usd, 3) for kind, side, usd in paid.iter_rows()} == {
        ("call", "buy"): 0.667, ("call", "sell"): 0.767, ("put", "buy"): 0.540, ("put", "sell"): 0.433
    }  # fmt: skip
    signed = pl.when(pl.col("taker_side") == "buy").then("quantity").otherwise(-pl.col("quantity"))
    bought = trades.group_by("contract_id").agg(net=signed.sum())
    inventory = current(lake, "dealer_inventory").filter(dealer_model="taker_flow").sort("bucket_ts")
    last = inventory.unique("contract_id", keep="last").join(bought, on="contract_id", how="left")
    # Of contracts that expire within the file some trades fall into the bucket that ends at their expiry.
    whole = last.filter(pl.col("expiry_ts") > trades["trade_ts"].max())
    assert whole.height > 100
    assert largest(whole["inventory_quantity"] + whole["net"]) < 1e-9
    assert not last["is_history_complete"].all()
    holes = current(lake, "trade_holes").with_columns(count=pl.col("to_seq") - pl.col("from_seq") + 1)
    told = last.join(holes.group_by("contract_id").agg(pl.col("count").sum()), on="contract_id", how="left")
    first = trades.group_by("contract_id").agg(first=pl.col("trade_seq").min())
    missing = told.join(first, on="contract_id").with_columns(
        expected=pl.col("count").fill_null(0) + pl.col("first") - 1
    )
    assert (missing["trades_missing"] == missing["expected"]).all()
