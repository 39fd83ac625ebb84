"""Identities of exposures, on chains of any shape."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.conventions import DEALER_MODELS, SCOPES
from models.exposures import MEASURES
from models.positioning import dealer_quantity
from models.snapshot import SnapshotExposures, expose
from tests.models.chains import SESSION, contracts_of, quoted, without_quotes

SPOT = 4000.0
MONTHLY = [SESSION + timedelta(days=35)]


def exposed(contracts: pl.DataFrame, *, has_expired: bool = True) -> SnapshotExposures:
    return expose(
        contracts, session_date=SESSION, spot=SPOT, monthly_expiries=MONTHLY, has_expired_session_contracts=has_expired
    )


def priced(seed: int = 0) -> pl.DataFrame:
    """Four expiries, one of them without any volatility, with random open interest."""
    silent = without_quotes(quoted(21)).with_columns(vendor_iv_frac=pl.lit(0.0))
    contracts = contracts_of(pl.concat([quoted(5), quoted(35), quoted(35, root="SPX"), quoted(200), silent]))
    counts = np.random.default_rng(seed).integers(0, 5000, contracts.height).astype(float)
    return contracts.with_columns(open_interest=pl.Series(counts))


SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(SEEDS)
def test_net_is_call_plus_put_and_per_cent_is_per_usd_times_a_hundredth_of_spot(seed: int):
    frames = exposed(priced(seed))
    for frame in (frames.strike_exposures, frames.exposure_summary):
        rows = frame.drop_nulls("net_dex_usd")
        for name in MEASURES:
            sides = rows[f"call_{name}"] + rows[f"put_{name}"]
            scale = (rows[f"call_{name}"].abs() + rows[f"put_{name}"].abs()).max()
            np.testing.assert_allclose(rows[f"net_{name}"], sides, rtol=1e-12, atol=1e-14 * scale)
        for side in ("call", "put", "net"):
            per_usd = rows[f"{side}_gex_usd_per_1usd"] * SPOT * 0.01
            np.testing.assert_allclose(rows[f"{side}_gex_usd_per_1pct"], per_usd, rtol=1e-12, atol=1e-3)


@FEW
@given(SEEDS)
def test_strikes_sum_to_the_totals_of_every_scope(seed: int):
    frames = exposed(priced(seed))
    days = (pl.col("expiry_date") - SESSION).dt.total_days()
    member = {
        "all": pl.lit(value=True), "0dte": days == 0, "weekly": days <= 7, "le_30d": days <= 30,
        "monthly": pl.col("expiry_date").is_in(MONTHLY),
        "next_expiry": pl.col("expiry_date") == pl.col("expiry_date").min(),
    }  # fmt: skip
    for row in frames.exposure_summary.filter(pl.col("scope_status") == "ok").iter_rows(named=True):
        own = frames.strike_exposures.filter((pl.col("dealer_model") == row["dealer_model"]) & member[row["scope"]])
        for name in (*(f"net_{m}" for m in MEASURES), "call_open_interest"):
            scale = own[name].abs().sum()
            assert row[name] == pytest.approx(own[name].sum(), abs=1e-12 * scale)


@FEW
@given(SEEDS, st.floats(0.1, 1000))
def test_exposures_are_linear_in_open_interest_and_the_flip_does_not_move(seed: int, factor: float):
    contracts = priced(seed)
    one, many = exposed(contracts), exposed(contracts.with_columns(pl.col("open_interest") * factor))
    for name in (*(f"net_{m}" for m in MEASURES), "gross_gex_usd_per_1pct", "dex_market_usd"):
        stated = one.exposure_summary[name].drop_nulls() * factor
        scale = max(1.0, one.exposure_summary["gross_gex_usd_per_1pct"].max() * factor)
        np.testing.assert_allclose(many.exposure_summary[name].drop_nulls(), stated, rtol=1e-9, atol=1e-9 * scale)
    np.testing.assert_allclose(
        many.key_levels["gamma_flip"].drop_nulls(), one.key_levels["gamma_flip"].drop_nulls(), rtol=1e-11
    )


@FEW
@given(SEEDS)
def test_the_profile_at_spot_is_the_net_exposure(seed: int):
    frames = exposed(priced(seed))
    for total, row in zip(
        frames.exposure_summary.iter_rows(named=True), frames.gamma_profile.iter_rows(named=True), strict=True
    ):
        if total["scope_status"] == "ok":
            place = int(np.argmin(np.abs(np.array(row["spot_levels"]) - SPOT)))
            assert row["spot_levels"][place] == pytest.approx(SPOT, rel=1e-12)
            tolerance = 1e-12 * total["gross_gex_usd_per_1pct"]
            at_spot = row["net_gex_usd_per_1pct_curve"][place]
            assert at_spot == pytest.approx(total["net_gex_usd_per_1pct"], abs=tolerance)


def test_equal_inputs_give_equal_bits_in_any_order_of_rows():
    contracts = priced()
    shuffled = contracts.sample(fraction=1.0, shuffle=True, seed=1)
    one, again, mixed = (exposed(frame) for frame in (contracts, contracts, shuffled))
    for name in ("strike_exposures", "exposure_summary", "key_levels", "gamma_profile", "opex_rolloff"):
        assert getattr(one, name).equals(getattr(again, name))
        assert getattr(one, name).equals(getattr(mixed, name))


def test_gross_counts_every_contract_without_sign():
    contracts = priced()
    size = pl.col("open_interest") * 100 * pl.col("gamma") * SPOT**2 * 0.01
    expected = contracts.select(size.sum()).item()
    found = exposed(contracts).exposure_summary.filter(pl.col("scope") == "all")["gross_gex_usd_per_1pct"]
    assert found.to_list() == pytest.approx([expected, expected], rel=1e-12)


def test_the_market_delta_takes_no_side():
    contracts = priced()
    expected = contracts.select((pl.col("open_interest") * 100 * pl.col("delta") * SPOT).sum()).item()
    found = exposed(contracts).exposure_summary.filter(pl.col("scope") == "all")["dex_market_usd"]
    assert found.to_list() == pytest.approx([expected, expected], rel=1e-12)


def test_contracts_without_volatility_are_counted_and_their_strikes_are_null():
    frames = exposed(priced())
    row = frames.exposure_summary.filter(pl.col("scope") == "le_30d").row(0, named=True)
    assert (row["contracts_counted"], row["contracts_not_counted"]) == (42, 42)
    silent = frames.strike_exposures.filter(pl.col("expiry_date") == SESSION + timedelta(days=21))
    assert silent["net_gex_usd_per_1pct"].null_count() == silent.height
    assert silent["call_open_interest"].null_count() == 0


def without_open_interest(contracts: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    return contracts.with_columns(open_interest=pl.when(~where).then("open_interest"))


LOST = {
    "one side of some strikes": (pl.col("option_type") == "call") & (pl.col("strike") % 200 == 0),
    "both sides of some strikes": pl.col("strike") < 3500,
    "an expiry": pl.col("days_to_expiry") == 5,
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_totals_without_some_open_interest_are_those_of_the_contracts_that_state_it(lost: pl.Expr):
    contracts = priced()
    found, left = exposed(without_open_interest(contracts, lost)), exposed(contracts.filter(~lost))
    compared = left.exposure_summary.filter(pl.col("scope").is_in(["all", "le_30d"]))
    totals = found.exposure_summary.filter(pl.col("scope").is_in(["all", "le_30d"]))
    assert (totals["contracts_not_counted"] > compared["contracts_not_counted"]).all()
    assert totals["contracts_counted"].equals(compared["contracts_counted"])
    for name, dtype in compared.schema.items():
        if dtype == pl.Float64():
            np.testing.assert_allclose(totals[name].to_numpy(), compared[name].to_numpy(), rtol=1e-12, atol=1e-3)
    levels = [frames.key_levels.filter(pl.col("scope") == "all") for frames in (found, left)]
    assert levels[0].drop("gamma_flips", "gamma_flip_slope").equals(levels[1].drop("gamma_flips", "gamma_flip_slope"))


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_contract_without_open_interest_is_null_by_strike_and_never_zero(lost: pl.Expr):
    contracts = without_open_interest(priced(), lost)
    missing = contracts.filter(pl.col("open_interest").is_null()).select("root", "expiry_ts", "strike", "option_type")
    strikes = exposed(contracts).strike_exposures
    for side in ("call", "put"):
        places = missing.filter(pl.col("option_type") == side)
        rows = strikes.join(places, on=["root", "expiry_ts", "strike"], how="semi")
        for name in (*MEASURES, "open_interest", "dealer_quantity"):
            assert rows[f"{side}_{name}"].null_count() == rows.height
    both = strikes.filter(pl.col("call_open_interest").is_null() & pl.col("put_open_interest").is_null())
    assert both["net_gex_usd_per_1pct"].null_count() == both.height
    for name in MEASURES:
        sides = strikes.select(pl.sum_horizontal(f"call_{name}", f"put_{name}")).to_series()
        known = strikes[f"net_{name}"].is_not_null()
        np.testing.assert_allclose(strikes[f"net_{name}"].filter(known), sides.filter(known), rtol=1e-12)


def test_a_lone_contract_without_open_interest_leaves_its_strike_without_a_net():
    contracts = priced().filter((pl.col("strike") != 4000) | (pl.col("option_type") == "call"))
    lone = exposed(without_open_interest(contracts, pl.col("strike") == 4000)).strike_exposures.filter(
        pl.col("strike") == 4000
    )
    assert lone["net_gex_usd_per_1pct"].null_count() == lone.height
    assert (lone["put_open_interest"] == 0).all()


def test_a_scope_without_any_open_interest_keeps_its_row_and_says_why():
    frames = exposed(without_open_interest(priced(), pl.col("days_to_expiry") <= 7))
    weekly = pl.col("scope") == "weekly"
    row = frames.exposure_summary.filter(weekly).row(0, named=True)
    assert (row["scope_status"], row["contracts_counted"], row["contracts_not_counted"]) == ("no_open_interest", 0, 42)
    stated = {"dealer_model", "scope", "scope_status", "contracts_counted", "contracts_not_counted"}
    assert all(value is None for name, value in row.items() if name not in stated)
    level = frames.key_levels.filter(weekly).row(0, named=True)
    assert (level["scope_status"], level["gamma_flip_status"]) == ("no_open_interest", "insufficient_data")
    stated = {"dealer_model", "scope", "scope_status", "spot", "gamma_flip_status"}
    assert all(value is None for name, value in level.items() if name not in stated)
    assert frames.gamma_profile.filter(weekly)["spot_levels"].to_list() == [None, None]
    rolloff = frames.opex_rolloff.filter(pl.col("days_to_expiry") == 5)
    assert rolloff["net_gex_usd_per_1pct"].to_list() == [None, None]


def test_a_snapshot_without_any_open_interest_has_no_strikes_and_no_figures():
    frames = exposed(without_open_interest(priced(), pl.lit(value=True)))
    assert frames.strike_exposures.height == frames.opex_rolloff.height == 0
    statuses = frames.exposure_summary.filter(pl.col("dealer_model") == "short_all")["scope_status"]
    assert statuses.to_list() == ["no_open_interest", "after_expiry", *["no_open_interest"] * 4]
    whole = frames.exposure_summary.filter(pl.col("scope") == "all")
    assert whole["contracts_not_counted"].to_list() == [priced().height] * 2
    assert whole.select(f"net_{name}" for name in MEASURES).null_count().row(0) == (2,) * len(MEASURES)


def test_open_interest_of_zero_is_a_figure_and_not_a_missing_one():
    frames = exposed(priced().with_columns(open_interest=pl.lit(0.0)))
    whole = frames.exposure_summary.filter(pl.col("scope") == "all")
    assert whole["scope_status"].to_list() == ["ok", "ok"]
    assert whole["net_gex_usd_per_1pct"].to_list() == [0.0, 0.0]


def test_a_volume_that_is_not_stated_is_null_and_leaves_the_exposures_alone():
    contracts = priced()
    is_lost = (pl.col("option_type") == "call") & (pl.col("strike") == 4000)
    found = exposed(contracts.with_columns(volume=pl.when(~is_lost).then(3.0))).strike_exposures
    assert found.filter(pl.col("strike") == 4000)["call_volume"].null_count() == found["call_volume"].null_count() == 10
    assert set(found["call_volume"].drop_nulls()) | set(found["put_volume"]) == {3.0}
    assert found.drop("call_volume", "put_volume").equals(
        exposed(contracts).strike_exposures.drop("call_volume", "put_volume")
    )


def test_every_model_and_scope_keeps_its_row():
    frames = exposed(priced())
    for frame in (frames.exposure_summary, frames.key_levels, frames.gamma_profile):
        assert frame.select("dealer_model", "scope").rows() == [(m, s) for m in DEALER_MODELS for s in SCOPES]


@pytest.mark.parametrize(("has_expired", "status"), [(True, "after_expiry"), (False, "empty")])
def test_a_scope_without_live_contracts_has_nulls_and_says_why(has_expired: bool, status: str):
    frames = exposed(priced(), has_expired=has_expired)
    row = frames.exposure_summary.filter(pl.col("scope") == "0dte").row(0, named=True)
    assert row["scope_status"] == status
    assert (row["net_gex_usd_per_1pct"], row["zero_dte_share_frac"], row["contracts_counted"]) == (None, None, 0)
    level = frames.key_levels.filter(pl.col("scope") == "0dte").row(0, named=True)
    stated = {"dealer_model", "scope", "scope_status", "spot"}
    assert all(value is None for name, value in level.items() if name not in stated)
    assert frames.gamma_profile.filter(pl.col("scope") == "0dte")["spot_levels"].to_list() == [None, None]


def test_the_zero_dte_share_is_its_part_of_the_gross_gamma():
    summary = exposed(contracts_of(pl.concat([quoted(0.125), quoted(35)]))).exposure_summary
    gross = dict(summary.select("scope", "gross_gex_usd_per_1pct").rows())
    assert gross["0dte"] > 0
    assert summary["zero_dte_share_frac"].to_list() == pytest.approx([gross["0dte"] / gross["all"]] * 12)


def test_a_snapshot_without_live_contracts_keeps_its_rows():
    frames = exposed(contracts_of(quoted(-1)))
    assert frames.strike_exposures.height == frames.opex_rolloff.height == 0
    assert frames.key_levels["scope_status"].to_list() == ["empty", "after_expiry", *["empty"] * 4] * 2


def test_dealers_hold_what_the_model_says():
    open_interest, is_call = np.array([3.0, 5.0]), np.array([True, False])
    assert dealer_quantity(open_interest, is_call, "calls_long_puts_short").tolist() == [3.0, -5.0]
    assert dealer_quantity(open_interest, is_call, "short_all").tolist() == [-3.0, -5.0]


def test_rolloff_shares_sum_to_one_and_mark_the_monthly_expiry():
    rolloff = exposed(priced()).opex_rolloff.filter(pl.col("dealer_model") == "short_all")
    assert rolloff["gross_share_frac"].sum() == pytest.approx(1.0)
    assert rolloff.filter(pl.col("is_opex"))["expiry_date"].to_list() == MONTHLY
    assert rolloff.filter(pl.col("days_to_expiry") == 21)["gross_gex_usd_per_1pct"].to_list() == [None]
