"""Simulated answers of an exchange through every stage: what dealers hold, beside what they truly hold."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from datetime import datetime, timedelta

import polars as pl
import pytest

from models.conventions import FLOW_MODELS
from pipelines.simulate.coins import truth
from tests.integration.coin_lakes import CoinLake, largest
from tests.integration.spine import current

KINDS = ("among_customers", "liquidated_maker", "among_dealers", "makers_side", "late_start")
BUCKET_MS = 600_000
OFF_SCREEN = ("block_trade_id", "block_rfq_id", "liquidation")


@pytest.fixture(scope="module")
def held(coins: CoinLake) -> pl.DataFrame:
    return current(coins.lake, "dealer_inventory")


@pytest.fixture(scope="module")
def compared(coins: CoinLake, held: pl.DataFrame) -> pl.DataFrame:
    return truth.compare(coins.market.dealer_inventory, held)


def test_the_flow_model_is_off_by_exactly_what_was_planted(compared: pl.DataFrame) -> None:
    planted = pl.sum_horizontal(truth.PLANTED)
    kept = compared.filter(pl.all_horizontal(pl.col(name) == 0 for name in truth.PLANTED))
    broken = compared.filter(planted.abs() > truth.EXACT_COINS)
    assert min(kept.height, broken.height) > 400
    assert largest(kept["error_taker_flow_coins"]) <= truth.EXACT_COINS
    assert largest(broken.select(pl.col("error_taker_flow_coins") - planted).to_series()) <= truth.EXACT_COINS


@pytest.mark.parametrize("kind", KINDS)
def test_the_bucket_of_a_violation_is_off_by_that_violation(compared: pl.DataFrame, kind: str) -> None:
    """Buckets in which nothing else was planted; a late start is there from the first one on."""
    moved = ["error_taker_flow_coins", *truth.PLANTED]
    steps = compared.sort("contract_id", "bucket_ts").with_columns(
        pl.col(name) - pl.col(name).shift(1, fill_value=0.0).over("contract_id") for name in moved
    )
    others = [name for name in truth.PLANTED if name != f"planted_{kind}_coins"]
    alone = steps.filter(pl.all_horizontal(pl.col(name).abs() < truth.EXACT_COINS for name in others)).filter(
        pl.col(f"planted_{kind}_coins").abs() > truth.EXACT_COINS
    )
    assert alone.height > 3
    assert largest(alone["error_taker_flow_coins"] - alone[f"planted_{kind}_coins"]) <= truth.EXACT_COINS


def test_models_of_open_interest_are_further_off(compared: pl.DataFrame) -> None:
    told = {(row["underlying"], row["dealer_model"]): row for row in truth.summarise(compared).iter_rows(named=True)}
    for coin in ("BTC", "SOL"):
        flow, *others = (told[coin, model] for model in ("taker_flow", "calls_long_puts_short", "short_all"))
        assert flow["as_planted"] == flow["rows"]
        for other in others:
            assert flow["mean_absolute_error_coins"] < other["mean_absolute_error_coins"]
            assert flow["right_side_share_frac"] > other["right_side_share_frac"]


def test_a_position_that_is_right_is_never_larger_than_the_open_interest_beside_it(
    compared: pl.DataFrame, held: pl.DataFrame
) -> None:
    """Chains stand at full hours: in between nobody knows the open interest."""
    key = ["contract_id", "bucket_ts"]
    flow = held.filter(dealer_model="taker_flow")
    judged = flow.filter(pl.col("open_interest").is_not_null())
    assert set(judged["bucket_ts"].dt.minute()) == {0}
    right = compared.filter(pl.all_horizontal(pl.col(name) == 0 for name in truth.PLANTED)).join(judged, on=key)
    assert right.height > 80
    assert (right["open_interest"] - right["open_interest_coins"]).abs().quantile(0.9) == 0
    assert right.filter(pl.col("inventory_to_open_interest") > 1).is_empty()


def test_inventory_is_minus_all_that_takers_bought_of_the_tape(coins: CoinLake, held: pl.DataFrame) -> None:
    """By a loop over the exchange's own records, in tenths of a coin, both models."""
    expected: dict[tuple[str, str, int], int] = defaultdict(int)
    for history in coins.market.histories:
        for text in history.tape.records:
            record = json.loads(text)
            end = record["timestamp"] // BUCKET_MS * BUCKET_MS + BUCKET_MS
            signed = round(10 * record["amount"]) * (1 if record["direction"] == "buy" else -1)
            name = record["instrument_name"]
            expected[name, "taker_flow", end] += signed
            expected[name, "taker_flow_screen", end] += 0 if any(k in record for k in OFF_SCREEN) else signed
    found = {
        (name, model, at // 1_000_000 * 1000 + at % 1_000_000 // 1000): (net, position)
        for name, model, at, net, position in held.select(
            "contract_id", "dealer_model", pl.col("bucket_ts").cast(pl.Int64), "taker_net_quantity",
            "inventory_quantity",
        ).iter_rows()
    }  # fmt: skip
    so_far: dict[tuple[str, str], int] = defaultdict(int)
    seen = 0
    for name, model, end in sorted(expected.keys() | found.keys(), key=lambda key: key[2]):
        net = expected.get((name, model, end), 0)
        so_far[name, model] += net
        if (name, model, end) in found:
            assert found[name, model, end] == (net / 10, -so_far[name, model] / 10)
            seen += (name, model, end) in expected
    expiries = dict(held.select("contract_id", pl.col("expiry_ts").dt.epoch("ms")).unique().iter_rows())
    unseen = [key for key in expected if key not in found]
    assert seen > 2000
    assert all(end >= expiries.get(name, 0) for name, _, end in unseen)


def test_history_is_incomplete_exactly_where_recording_began_late(coins: CoinLake, held: pl.DataFrame) -> None:
    late = {
        name
        for history in coins.market.histories
        for name, is_late in zip(history.contracts.names, history.contracts.is_late.tolist(), strict=True)
        if is_late
    }
    told = held.group_by("contract_id").agg(pl.col("is_history_complete").unique())
    found = dict(told.iter_rows())
    assert {name for name, flags in found.items() if flags == [False]} == late & found.keys() != set()
    assert {name for name, flags in found.items() if flags == [True]} == found.keys() - late
    assert current(coins.lake, "option_trades")["trade_seq"].null_count() == 0


def test_a_day_opens_with_what_the_day_before_closed_with(held: pl.DataFrame) -> None:
    key = ["contract_id", "dealer_model"]
    first, second = held["session_date"].unique().sort()
    midnight = pl.lit(second).cast(pl.Datetime("us"))
    closed = held.filter(session_date=first).sort("bucket_ts").unique(key, keep="last").filter(
        pl.col("expiry_ts") > midnight
    )  # fmt: skip
    opened = held.filter(pl.col("session_date") == second).filter(pl.col("bucket_ts") == pl.col("bucket_ts").min())
    both = closed.select(*key, before="inventory_quantity", seq="last_trade_seq").join(opened, on=key, how="left")
    assert both.height == closed.height > 20
    assert both["inventory_quantity"].null_count() == 0
    assert largest(both["before"] - both["taker_net_quantity"] - both["inventory_quantity"]) < truth.EXACT_COINS
    assert (both["last_trade_seq"] >= both["seq"]).all()


def test_nothing_is_held_at_or_after_expiry(held: pl.DataFrame) -> None:
    assert set(held["dealer_model"]) == set(FLOW_MODELS)
    assert held.filter(pl.col("bucket_ts") >= pl.col("expiry_ts")).is_empty()
    expired = held.filter(pl.col("expiry_ts") < held["bucket_ts"].max())
    assert expired["contract_id"].n_unique() > 5


def test_premium_and_delta_by_minute_are_those_of_the_tape(coins: CoinLake) -> None:
    """By a loop over the exchange's own records; forwards from the last chain before each trade."""
    surface = current(coins.lake, "expiry_surface").join(
        current(coins.lake, "snapshot_marks").select("underlying", "snapshot_ts", "spot"),
        on=["underlying", "snapshot_ts"],
    )  # fmt: skip
    ratios: dict[tuple[str, datetime], list[tuple[datetime, float]]] = defaultdict(list)
    columns = ("underlying", "expiry_ts", "snapshot_ts", "forward", "spot")
    for name, expiry, at, forward, spot in surface.select(columns).sort("snapshot_ts").iter_rows():
        ratios[name, expiry].append((at, forward / spot))
    expected: dict[tuple[object, ...], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for history in coins.market.histories:
        name = history.coin.underlying
        for record in map(json.loads, history.tape.records):
            _, day, strike, kind = record["instrument_name"].split("-")
            at = datetime(1970, 1, 1) + timedelta(milliseconds=record["timestamp"])
            expiry = datetime.strptime(day, "%d%b%y") + timedelta(hours=8)
            index, amount = record["index_price"], record["amount"]
            before = [ratio for when, ratio in ratios[name, expiry] if when <= at]
            forward = index * (before[-1] if before else 1.0)
            delta = 0.0
            if 0 < record["iv"] <= 400:  # else the exchange knows none
                width = record["iv"] / 100 * math.sqrt((expiry - at) / timedelta(days=365))
                d1 = math.log(forward / float(strike.replace("d", "."))) / width + width / 2
                delta = 0.5 * math.erfc(-d1 / math.sqrt(2)) if kind == "C" else -0.5 * math.erfc(d1 / math.sqrt(2))
            side = 1 if record["direction"] == "buy" else -1
            scopes = ["premium_flow"]
            if expiry.date() == at.date() + timedelta(days=at.hour >= 8):
                scopes.append("zero_dte_flow")
            for table in scopes:
                cell = expected[table, name, at.replace(second=0, microsecond=0), kind, side]
                cell[0] += record["price"] * amount * (index if history.coin.is_inverse else 1.0)
                cell[1] += amount
                cell[2] += side * amount * delta * index
    compared = 0
    for table in ("premium_flow", "zero_dte_flow"):
        sums = current(coins.lake, table).group_by("underlying", "minute_ts", "option_type", "taker_side").agg(
            pl.col("premium_usd", "quantity", "delta_usd").sum()
        )  # fmt: skip
        for name, minute, kind, side, *found in sums.iter_rows():
            key = (table, name, minute, kind[0].upper(), 1 if side == "buy" else -1)
            assert found == pytest.approx(expected.pop(key), rel=1e-9, abs=1e-6)
            compared += 1
    assert not expected
    assert compared > 800
