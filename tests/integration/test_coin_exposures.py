"""Exposures of coin options: identities everywhere, and the flow models by a few lines that share nothing with ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths
from pipelines.stages import coin_exposures
from tests.integration.coin_lakes import (
    CoinLake,
    all_lines,
    bundles,
    captured_at,
    derive_coins,
    is_about_trades,
    largest,
    load_coins,
    tiny_market,
)
from tests.integration.spine import current

SNAPSHOT = ["underlying", "snapshot_ts"]
MEASURES = ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")
MODELS = ("calls_long_puts_short", "short_all", "taker_flow", "taker_flow_screen")
FLOW = MODELS[2:]
LAST_TRADE = datetime(2024, 6, 28, 4)  # that the visits of `stopped` brought


@pytest.fixture(scope="module")
def summary(coins: CoinLake) -> pl.DataFrame:
    return current(coins.lake, "exposure_summary")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Visits every ten minutes of which those after 04:00 bring chains alone."""
    folder = tmp_path_factory.mktemp("stopped")
    near = (datetime(2024, 6, 28, 3, 15), datetime(2024, 6, 28, 5))
    lines = [
        line
        for line in all_lines(tiny_market(visit_minutes=10))
        if (captured_at(line) < LAST_TRADE + timedelta(minutes=5) if is_about_trades(line)
            else near[0] < captured_at(line) < near[1])
    ]  # fmt: skip
    with opened(Paths(folder / "data")) as lake:
        load_coins(lake, bundles(folder / "visits", lines, "%Y-%m-%d"))
        derive_coins(lake)
        yield lake


def test_net_is_calls_and_puts_and_one_percent_is_a_hundredth_of_the_spot(
    coins: CoinLake, summary: pl.DataFrame
) -> None:
    spots = current(coins.lake, "snapshot_marks").select(*SNAPSHOT, "spot")
    for frame in (summary, current(coins.lake, "strike_exposures")):
        stated = frame.filter(pl.col("net_gex_usd_per_1pct").is_not_null()).join(spots, on=SNAPSHOT)
        assert stated.height > 1000
        for name in MEASURES:
            size = stated[f"call_{name}"].abs() + stated[f"put_{name}"].abs() + 1e-6
            parts = stated[f"call_{name}"] + stated[f"put_{name}"]
            assert largest((stated[f"net_{name}"] - parts) / size) < 1e-9
        by_unit = stated["net_gex_usd_per_1usd"] * stated["spot"] * 0.01
        assert largest((stated["net_gex_usd_per_1pct"] - by_unit) / (by_unit.abs() + 1e-6)) < 1e-9


def test_strikes_sum_to_the_totals_of_every_snapshot_and_model(coins: CoinLake, summary: pl.DataFrame) -> None:
    whole = summary.filter(scope="all", scope_status="ok")
    sums = (
        current(coins.lake, "strike_exposures")
        .group_by(*SNAPSHOT, "dealer_model")
        .agg(pl.col(f"net_{name}").sum().alias(f"sum_{name}") for name in MEASURES)
    )
    both = whole.join(sums, on=[*SNAPSHOT, "dealer_model"], how="full", coalesce=True)
    assert both.height == whole.height > 300
    for name in MEASURES:
        size = both[f"sum_{name}"].abs() + both[f"call_{name}"].abs() + both[f"put_{name}"].abs() + 1e-6
        assert largest((both[f"net_{name}"] - both[f"sum_{name}"]) / size) < 1e-9


def test_the_profile_at_the_spot_is_net_gamma(coins: CoinLake, summary: pl.DataFrame) -> None:
    profiles = current(coins.lake, "gamma_profile").filter(pl.col("spot_levels").is_not_null())
    assert set(profiles["scope"]) == {"all", "0dte"}
    spots = current(coins.lake, "snapshot_marks").select(*SNAPSHOT, "spot")
    key = [*SNAPSHOT, "dealer_model", "scope"]
    both = profiles.join(summary, on=key).join(spots, on=SNAPSHOT)
    assert both.height == profiles.height > 300
    for row in both.iter_rows(named=True):
        levels, curve = np.array(row["spot_levels"]), np.array(row["net_gex_usd_per_1pct_curve"])
        place = int(np.argmin(np.abs(levels - row["spot"])))
        assert abs(levels[place] / row["spot"] - 1) < 1e-9
        assert abs(curve[place] - row["net_gex_usd_per_1pct"]) <= 1e-9 * row["gross_gex_usd_per_1pct"]


def _members(dates: pl.Series, at: datetime) -> dict[str, np.ndarray]:
    """Expiries by scope, of two days in June 2024."""
    days = np.array([(day - (at - timedelta(microseconds=1)).date()).days for day in dates])
    zero = at.date() + timedelta(days=at.hour >= 8)
    listed = dates.to_numpy()
    return {
        "all": days >= 0, "0dte": listed == np.datetime64(zero), "weekly": days <= 7, "le_30d": days <= 30,
        "monthly": np.isin(listed, [np.datetime64(day) for day in (date(2024, 6, 28), date(2024, 7, 26))]),
        "next_expiry": listed == listed.min(),
    }  # fmt: skip


def test_flow_exposures_are_positions_of_the_inventory_times_greeks(coins: CoinLake, summary: pl.DataFrame) -> None:
    held = current(coins.lake, "dealer_inventory").sort("bucket_ts")
    options = current(coins.lake, "option_snapshots")
    stated = {
        (row["underlying"], row["snapshot_ts"], row["dealer_model"], row["scope"]): row
        for row in summary.filter(pl.col("dealer_model").is_in(FLOW)).iter_rows(named=True)
    }
    compared = 0
    for (name, at), chain in options.group_by("underlying", "snapshot_ts"):
        strike, forward, sigma, spot = (chain[c].to_numpy() for c in ("strike", "forward", "iv_frac", "spot"))
        years = (chain["expiry_ts"] - at).dt.total_microseconds().to_numpy() / (365 * 86_400e6)
        is_call = (chain["option_type"] == "C").to_numpy() | (chain["option_type"] == "call").to_numpy()
        width = sigma * np.sqrt(years)
        d1 = (np.log(forward / strike) + width**2 / 2) / width
        d2, density = d1 - width, np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
        unit = {
            "gex_usd_per_1pct": density / (spot * width) * spot**2 * 0.01,
            "dex_usd": np.where(is_call, ndtr(d1), -ndtr(-d1)) * spot,
            "vex_usd_per_volpt": -density * d2 / sigma * spot * 0.01,
            "chex_usd_per_day": density * d2 / (2 * years) * spot / 365,
        }
        for model in FLOW:
            rests_on = stated[name, at, model, "all"]["positions_ts"]
            if rests_on is None:
                continue
            newest = held.filter((pl.col("dealer_model") == model) & (pl.col("bucket_ts") <= rests_on)).unique(
                "contract_id", keep="last", maintain_order=True
            )
            quantity = chain.join(newest, on="contract_id", how="left", maintain_order="left")["inventory_quantity"]
            n = quantity.fill_null(0.0).to_numpy()
            for scope, member in _members(chain["expiry_date"], at).items():
                row = stated[name, at, model, scope]
                assert (row["scope_status"] == "ok") == bool(member.any())
                for measure, value in unit.items() if member.any() else ():
                    net = (n * value)[member].sum()
                    assert abs(row[f"net_{measure}"] - net) <= 1e-9 * np.abs(n * value)[member].sum()
                    compared += 1
    assert compared > 3000


def test_positions_stand_at_the_last_bucket_that_is_covered(coins: CoinLake, summary: pl.DataFrame) -> None:
    flow = summary.filter(pl.col("dealer_model").is_in(FLOW)).select(*SNAPSHOT, "positions_ts").unique().sort(*SNAPSHOT)
    # Visits claim a second beyond the full hour, their chains stand some seconds behind it. Before the first claim
    # nobody knows what was traded.
    start = coins.market.scenario.start
    expected = [None if at < start + timedelta(minutes=1) else at.replace(minute=0, second=0, microsecond=0)
                for at in flow["snapshot_ts"]]  # fmt: skip
    assert flow["positions_ts"].to_list() == expected
    assert flow["positions_ts"].null_count() == 2
    others = summary.filter(~pl.col("dealer_model").is_in(FLOW))
    assert others["positions_ts"].null_count() == others.height


def test_positions_older_than_half_an_hour_are_none(stopped: Lake) -> None:
    summary = current(stopped, "exposure_summary").filter(pl.col("snapshot_ts") > LAST_TRADE - timedelta(minutes=30))
    for (at, model), rows in summary.group_by("snapshot_ts", "dealer_model"):
        statuses = set(rows.filter(pl.col("scope") != "monthly")["scope_status"])
        if model not in FLOW or at < LAST_TRADE + timedelta(minutes=30):
            assert statuses == {"ok"}
        else:
            assert statuses == {"no_positions"}
            figures = rows.select(pl.col("^(net|call|put)_.ex_.*$"), "gross_gex_usd_per_1pct", "positions_ts")
            assert figures.null_count().row(0) == (rows.height,) * figures.width
            assert rows["contracts_counted"].sum() == 0
            assert rows["history_complete_share_frac"].null_count() == rows.height
    expected = {0: 0, 10: 0, 20: 0, 30: None, 40: None, 50: None}
    at_four = summary.filter(dealer_model="taker_flow", scope="all").filter(pl.col("snapshot_ts") > LAST_TRADE)
    told = dict(zip(at_four["snapshot_ts"].dt.minute(), at_four["positions_ts"], strict=True))
    assert told == {minute: None if late is None else LAST_TRADE for minute, late in expected.items()}


def test_without_positions_another_model_stands_for_the_snapshot(stopped: Lake, coins: CoinLake) -> None:
    levels = current(stopped, "key_levels").filter(scope="all")
    default = dict(levels.filter("is_default_model").select("snapshot_ts", "dealer_model").iter_rows())
    assert len(default) == levels["snapshot_ts"].n_unique()
    assert {model for at, model in default.items() if at > LAST_TRADE + timedelta(minutes=30)} == {MODELS[0]}
    flips = levels.filter(pl.col("dealer_model").is_in(FLOW), pl.col("snapshot_ts") > LAST_TRADE.replace(minute=30))
    assert set(flips["gamma_flip_status"]) == {"insufficient_data"}
    assert flips["call_wall"].null_count() == flips.height
    # Elsewhere the share of open interest with a whole history decides.
    shares = current(coins.lake, "exposure_summary").filter(scope="all", dealer_model="taker_flow")
    whole = shares.select(*SNAPSHOT, "history_complete_share_frac").join(
        current(coins.lake, "key_levels").filter(scope="all").filter("is_default_model"), on=SNAPSHOT
    )
    is_flow = whole["dealer_model"] == "taker_flow"
    assert (is_flow == (whole["history_complete_share_frac"].fill_null(0.0) >= 0.999)).all()
    assert 0 < is_flow.sum() < is_flow.len()


def _previous_whole(lake: Lake) -> dict[tuple[str, datetime], datetime | None]:
    """Of each snapshot the last one before it that was whole, also of the day before."""
    found: dict[tuple[str, datetime], datetime | None] = {}
    newest: dict[str, datetime] = {}
    marks = current(lake, "snapshot_marks").sort(*SNAPSHOT)
    for name, at, is_partial in marks.select(*SNAPSHOT, "is_partial").iter_rows():
        found[name, at] = newest.get(name)
        if not is_partial:
            newest[name] = at
    return found


def test_the_heatmap_tells_the_trades_of_the_tape_between_two_snapshots(coins: CoinLake) -> None:
    fills = []
    for history in coins.market.histories:
        for record in map(json.loads, history.tape.records):
            name, day, strike, _ = record["instrument_name"].split("-")
            sign = 1 if record["direction"] == "buy" else -1
            expiry = datetime.strptime(day, "%d%b%y").date()
            at = datetime(1970, 1, 1) + timedelta(milliseconds=record["timestamp"])
            fills.append((name.split("_")[0], float(strike.replace("d", ".")), expiry, at, sign * record["amount"]))
    previous = _previous_whole(coins.lake)
    heatmap = current(coins.lake, "exposure_heatmap").filter(dealer_model=MODELS[0])
    traded = 0
    for (name, at, scope), rows in heatmap.group_by("underlying", "snapshot_ts", "scope"):
        before = previous[name, at]
        zero = at.date() + timedelta(days=at.hour >= 8)
        if scope == "0dte" and before is not None and before.date() + timedelta(days=before.hour >= 8) != zero:
            before = None  # another expiry's
        assert rows["previous_snapshot_ts"].unique().to_list() == [before]
        for row in rows.iter_rows(named=True):
            if before is None:
                assert row["taker_net_quantity"] is row["trades"] is None
                continue
            signed = [
                quantity
                for whose, strike, expiry, when, quantity in fills
                if whose == name and strike == row["strike"] and before <= when < at
                and (scope == "all" or expiry == zero)
            ]  # fmt: skip
            assert row["trades"] == len(signed)
            assert abs(row["taker_net_quantity"] - sum(signed)) < 1e-6
            traded += bool(signed)
    assert traded > 300


def test_without_coverage_the_heatmap_does_not_say_that_nothing_was_traded(stopped: Lake) -> None:
    heatmap = current(stopped, "exposure_heatmap").filter(dealer_model=MODELS[0], scope="all")
    first = heatmap["snapshot_ts"].min()
    for (at,), rows in heatmap.group_by("snapshot_ts"):
        is_known = at != first and at < LAST_TRADE + timedelta(minutes=1)
        for name in ("trades", "taker_net_quantity"):
            assert rows[name].null_count() == (0 if is_known else rows.height)
        assert rows["net_gex_change_usd_per_1pct"].null_count() == (rows.height if at == first else 0)


def test_changes_go_on_over_midnight(coins: CoinLake) -> None:
    heatmap = current(coins.lake, "exposure_heatmap").filter(scope="all")
    previous = _previous_whole(coins.lake)
    second = heatmap.filter(pl.col("session_date") == pl.col("session_date").max())
    for name, at in second.group_by("underlying").agg(pl.col("snapshot_ts").min()).iter_rows():
        now, whole = heatmap.filter(underlying=name, snapshot_ts=at), previous[name, at]
        assert whole is not None
        assert whole.date() < at.date()
        assert now["previous_snapshot_ts"].unique().to_list() == [whole]
        before = heatmap.filter(underlying=name, snapshot_ts=whole)
        both = now.join(before, on=["dealer_model", "strike"], how="left", suffix="_before")
        expected = both["net_gex_usd_per_1pct"] - both["net_gex_usd_per_1pct_before"].fill_null(0.0)
        size = both["net_gex_usd_per_1pct"].abs() + 1.0
        assert largest((both["net_gex_change_usd_per_1pct"] - expected) / size) < 1e-9


def test_the_profile_of_an_hour_is_that_of_its_first_snapshot(stopped: Lake) -> None:
    at = current(stopped, "gamma_profile")["snapshot_ts"].unique().sort().to_list()
    marks = current(stopped, "snapshot_marks")["snapshot_ts"].sort().to_list()
    hours = {instant.replace(minute=0, second=0, microsecond=0): instant for instant in reversed(marks)}
    assert at == sorted(hours.values())


def test_after_a_break_of_the_day_the_flow_model_is_not_the_default(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coin_exposures, "WHOLE_HISTORY_SHARE_FRAC", 0.0)
    silent = (datetime(2024, 6, 28, 5), datetime(2024, 6, 28, 7))
    lines = [
        line
        for line in all_lines(tiny_market(visit_minutes=10))
        if not silent[0] < captured_at(line) < silent[1]
        and (is_about_trades(line) or (captured_at(line).hour in (4, 8) and captured_at(line).minute == 10))
    ]
    load_coins(lake, bundles(tmp_path / "visits", lines, "%Y-%m-%d"))
    derive_coins(lake)
    flow = current(lake, "exposure_summary").filter(scope="all", dealer_model="taker_flow")
    assert flow["positions_ts"].null_count() == 0
    levels = current(lake, "key_levels").filter(scope="all").filter("is_default_model").sort("snapshot_ts")
    assert levels["dealer_model"].to_list() == ["taker_flow"] * 3 + [MODELS[0]]
