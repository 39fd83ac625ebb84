"""Premium by minute against sums made by hand, its delta against the normal distribution, its spikes against a loop."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.premium import PREMIUM_SCHEMA, premium_flow, zero_dte_flow, zero_dte_trades

DAY = datetime(2026, 1, 14)
MINUTE = timedelta(minutes=1)
EXPIRY = DAY + timedelta(days=30, hours=8)
SCHEMA = {
    "trade_ts": pl.Datetime("us"), "known_at": pl.Datetime("us"), "expiry_ts": pl.Datetime("us"),
    "price_usd": pl.Float64(), "index_price": pl.Float64(), "vendor_iv_frac": pl.Float64(),
}  # fmt: skip


def trade(second: float = 0, **changed: Any) -> dict[str, Any]:
    at = DAY + timedelta(seconds=second)
    row = {
        "trade_ts": at, "known_at": at, "root": "BTC", "expiry_ts": EXPIRY, "expiry_date": EXPIRY.date(),
        "strike": 90_000.0, "option_type": "call", "taker_side": "buy", "flow_class": "screen", "price_usd": 900.0,
        "quantity": 2.0, "index_price": 90_000.0, "vendor_iv_frac": 0.45,
    }  # fmt: skip
    return row | changed


def tape(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([trade(), *rows], schema_overrides=SCHEMA)[1:]


def delta(spot: float, b: float, strike: float, years: float, vol: float, is_call: bool) -> float:
    d1 = (math.log(spot * b / strike) + vol**2 * years / 2) / (vol * math.sqrt(years))
    tail = 0.5 * (1 + math.erf(d1 / math.sqrt(2)))
    return tail if is_call else tail - 1


def only(rows: pl.DataFrame) -> dict[str, Any]:
    assert rows.height == 1
    return rows.row(0, named=True)


def test_premium_is_price_times_quantity_and_us_contracts_are_of_a_hundred_shares():
    made = tape(trade(60), trade(119.9, quantity=0.5, price_usd=1000.0))
    coins = only(premium_flow(made))
    assert coins["minute_ts"] == DAY + MINUTE
    assert (coins["premium_usd"], coins["quantity"], coins["trades"]) == (2300.0, 2.5, 2)
    shares = only(premium_flow(made, multiplier=100.0))
    assert (shares["premium_usd"], shares["quantity"]) == (230_000.0, 2.5)
    assert shares["delta_usd"] == pytest.approx(100 * coins["delta_usd"])
    assert coins["known_at"] == made["known_at"].max()


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
@pytest.mark.parametrize("option_type", ["call", "put"])
def test_delta_is_blacks_at_the_trades_own_volatility_time_and_index_signed_by_the_taker(side, sign, option_type):
    made = tape(trade(36_000, taker_side=side, option_type=option_type, index_price=88_000.0, vendor_iv_frac=0.6))
    found = only(premium_flow(made))
    years = (EXPIRY - DAY - timedelta(seconds=36_000)) / timedelta(days=365)
    expected = sign * 2.0 * 88_000 * delta(88_000, 1.0, 90_000, years, 0.6, option_type == "call")
    assert found["delta_usd"] == pytest.approx(expected, rel=1e-12)


def test_the_basis_is_that_of_the_last_chain_at_or_before_the_trade_of_the_same_expiry():
    chains = [(0, EXPIRY, 1.01), (600, EXPIRY, 1.02), (600, EXPIRY + timedelta(days=7), 1.5), (900, EXPIRY, None)]
    basis = pl.DataFrame(
        [
            {"snapshot_ts": DAY + timedelta(seconds=s), "root": "BTC", "expiry_ts": e, "forward_over_spot": b}
            for s, e, b in reversed(chains)
        ],
        schema_overrides={"snapshot_ts": pl.Datetime("us"), "expiry_ts": pl.Datetime("us")},
    )  # fmt: skip
    seconds = (599, 600, 1000)
    found = premium_flow(tape(*(trade(s) for s in seconds)), basis=basis)
    for second, b, value in zip(seconds, (1.01, 1.02, 1.02), found["delta_usd"], strict=True):
        years = (EXPIRY - DAY - timedelta(seconds=second)) / timedelta(days=365)
        assert value == pytest.approx(2 * 90_000 * delta(90_000, b, 90_000, years, 0.45, True), rel=1e-12)
    without = premium_flow(tape(trade(5, root="ETH")), basis=basis)
    assert without.equals(premium_flow(tape(trade(5, root="ETH"))))


@pytest.mark.parametrize(
    "lack",
    [
        {"vendor_iv_frac": None}, {"vendor_iv_frac": 0.0}, {"vendor_iv_frac": float("nan")}, {"index_price": None},
        {"index_price": 0.0},
        {"taker_side": "unknown"}, {"expiry_ts": DAY},
    ],
)  # fmt: skip
def test_a_trade_whose_delta_cannot_be_told_is_counted_and_its_premium_stays(lack):
    alone = only(premium_flow(tape(trade(1, **lack))))
    assert (alone["premium_usd"], alone["delta_usd"], alone["trades_without_delta"]) == (1800.0, None, 1)
    side = {"taker_side": lack.get("taker_side", "buy")}
    beside = only(premium_flow(tape(trade(1, **lack), trade(2, **side))))
    assert beside["trades"] == 2
    if side["taker_side"] == "buy":
        assert beside["delta_usd"] == only(premium_flow(tape(trade(2))))["delta_usd"]


def test_a_trade_without_a_price_in_dollars_is_counted_and_premium_is_null_only_if_none_has_one():
    alone = only(premium_flow(tape(trade(1, price_usd=None))))
    assert (alone["premium_usd"], alone["trades_without_premium"], alone["is_spike"]) == (None, 1, None)
    beside = only(premium_flow(tape(trade(1, price_usd=None), trade(2))))
    assert (beside["premium_usd"], beside["trades_without_premium"], beside["trades"]) == (1800.0, 1, 2)


TRADES = st.lists(
    st.builds(
        trade,
        st.integers(0, 300),
        option_type=st.sampled_from(["call", "put"]),
        taker_side=st.sampled_from(["buy", "sell", "unknown", None]),
        flow_class=st.sampled_from(["screen", "combo", "block"]),
        price_usd=st.none() | st.floats(0, 1e5),
        quantity=st.floats(0.1, 1000),
        strike=st.sampled_from([80_000.0, 90_000.0, 110_000.0]),
        vendor_iv_frac=st.none() | st.floats(0.03, 3),
    ),
    max_size=30,
)


@given(TRADES, st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_every_minute_and_series_has_the_sums_of_its_trades_in_whatever_order_they_come(rows, random):
    made = tape(*rows)
    found = premium_flow(made)
    assert found.schema == PREMIUM_SCHEMA
    by_hand: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        minute = row["trade_ts"].replace(second=0)
        by_hand[minute, row["option_type"], row["taker_side"] or "unknown", row["flow_class"]].append(row)
    assert [row[:4] for row in found.iter_rows()] == sorted(by_hand)
    for row in found.to_dicts():
        group = by_hand[row["minute_ts"], row["option_type"], row["taker_side"], row["flow_class"]]
        paid = [r["price_usd"] * r["quantity"] for r in group if r["price_usd"] is not None]
        assert row["premium_usd"] == (math.fsum(paid) if paid else None)
        assert row["quantity"] == math.fsum(r["quantity"] for r in group)
        assert (row["trades"], row["trades_without_premium"]) == (len(group), len(group) - len(paid))
        lacking = [r for r in group if r["vendor_iv_frac"] is None or row["taker_side"] == "unknown"]
        assert row["trades_without_delta"] == len(lacking)
    shuffled = list(range(made.height))
    random.shuffle(shuffled)
    assert premium_flow(made[shuffled]).equals(found)


def minutes(premiums: list[float | None], first: datetime = DAY, step: int = 1) -> pl.DataFrame:
    """Trades of one series whose minutes have these premiums in USD."""
    offset = (first - DAY).total_seconds()
    return tape(
        *(trade(offset + 60 * step * k, price_usd=p, quantity=1.0) for k, p in enumerate(premiums) if p is not None)
    )


def test_a_spike_is_far_above_the_usual_minute_and_above_the_floor():
    usual = [100_000.0 + 1000 * (k % 5) for k in range(20)]  # median 102,000, median distance 1,000
    edge = 102_000 + 8 * 1.482602218505602 * 1000
    flags = premium_flow(minutes([*usual, edge + 1.0]))["is_spike"].to_list()
    assert flags == [None] * 20 + [True]
    assert premium_flow(minutes([*usual, edge - 1.0]))["is_spike"].to_list()[-1] is False
    assert premium_flow(minutes([*usual, edge + 1.0]), spike_floor_usd=edge + 1.0)["is_spike"].to_list()[-1] is False
    small = [p / 1000 for p in usual]
    assert premium_flow(minutes([*small, 99_999.0]))["is_spike"].to_list()[-1] is False
    assert premium_flow(minutes([*small, 100_001.0]))["is_spike"].to_list()[-1] is True


def test_the_day_before_is_the_history_of_the_first_minutes_for_24_hours():
    yesterday = premium_flow(minutes([1000.0] * 30, first=DAY - timedelta(hours=12), step=2))
    today = minutes([500_000.0])
    assert premium_flow(today)["is_spike"].to_list() == [None]
    assert premium_flow(today, history=yesterday)["is_spike"].to_list() == [True]
    later = minutes([500_000.0], first=DAY + timedelta(hours=12, minutes=20))  # the first ten are out of the window
    assert premium_flow(later, history=yesterday)["is_spike"].to_list() == [True]
    too_late = minutes([500_000.0], first=DAY + timedelta(hours=12, minutes=21))
    assert premium_flow(too_late, history=yesterday)["is_spike"].to_list() == [None]
    others = yesterday.with_columns(flow_class=pl.lit("block"))
    assert premium_flow(today, history=others)["is_spike"].to_list() == [None]
    assert premium_flow(today, history=premium_flow(today))["is_spike"].to_list() == [None]


@given(st.lists(st.none() | st.floats(1e4, 1e6), min_size=60, max_size=120), st.integers(1, 40))
@settings(max_examples=15)
def test_spikes_are_those_of_a_plain_loop(premiums, step):
    found = premium_flow(minutes(premiums, step=step))
    known = list(zip(found["minute_ts"], found["premium_usd"], strict=True))
    for place, (at, premium) in enumerate(known):
        before = [p for t, p in known[:place] if t >= at - timedelta(hours=24)]
        expected = None
        if len(before) >= 20:
            centre = statistics.median(before)
            deviation = 1.482602218505602 * statistics.median(abs(p - centre) for p in before)
            expected = premium > 100_000 and premium > centre + 8 * deviation
        assert found["is_spike"][place] is expected


@pytest.mark.parametrize(
    ("traded", "expires", "counts"),
    [
        ("14 07:59:59", "14 08:00", True),
        ("14 08:00:00", "14 08:00", False),
        ("14 08:00:00", "15 08:00", True),
        ("14 23:59:59", "15 08:00", True),
        ("15 00:00:00", "15 08:00", True),
        ("14 07:59:59", "15 08:00", False),
    ],
)
def test_the_day_of_coin_venues_rolls_at_eight_utc(traded, expires, counts):
    at, expiry = (datetime.strptime(f"2026-01-{text}", f"%Y-%m-%d {f}") for text, f in
                  ((traded, "%H:%M:%S"), (expires, "%H:%M")))  # fmt: skip
    made = tape(trade(trade_ts=at, expiry_ts=expiry, expiry_date=expiry.date()))
    assert zero_dte_trades(made).height == int(counts)
    assert zero_dte_flow(made).equals(premium_flow(made if counts else made.clear()))


def test_us_same_day_flow_expires_on_the_session():
    session = date(2026, 1, 14)
    today, later = (trade(70_000, expiry_date=d, expiry_ts=DAY + timedelta(hours=21)) for d in (session, EXPIRY.date()))
    found = zero_dte_flow(tape(today, later), session_date=session, multiplier=100.0)
    assert found.equals(premium_flow(tape(today), multiplier=100.0))


def test_nothing_gives_typed_nothing():
    assert premium_flow(tape()).schema == PREMIUM_SCHEMA
    assert zero_dte_flow(tape(), history=premium_flow(tape(trade(1)))).is_empty()
