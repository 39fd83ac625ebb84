"""Exposures where dealers' positions are given, in coins, and every row has a forward of its own."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.conventions import COIN_DEALER_MODELS, DEALER_MODELS, FLOW_MODELS, SCOPES, DealerModel
from models.exposures import MEASURES, book_of, quantities
from models.positioning import dealer_quantity
from models.repricing import reprice
from models.snapshot import SnapshotExposures, expose
from tests.models import chains
from tests.models.coin_chains import (
    DAY,
    MONTHLY,
    POSITIONS,
    SNAPSHOT,
    SPOT,
    STRIKES,
    TOMORROW,
    coin_greeks,
    contracts_of,
)

SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FRAMES = ("strike_exposures", "exposure_summary", "key_levels", "gamma_profile", "opex_rolloff")


def exposed(contracts: pl.DataFrame, **changed: object) -> SnapshotExposures:
    usual: dict[str, object] = {
        "session_date": DAY, "spot": SPOT, "monthly_expiries": MONTHLY, "has_expired_session_contracts": False,
        "dealer_models": COIN_DEALER_MODELS, "positions": POSITIONS, "zero_dte_date": TOMORROW,
        "quantity_unit": "coins", "is_delta_of_forward": True,
    }  # fmt: skip
    return expose(contracts, **(usual | changed))  # type: ignore[arg-type]


def of(frame: pl.DataFrame, model: str, scope: str = "all") -> dict[str, object]:
    return frame.filter((pl.col("dealer_model") == model) & (pl.col("scope") == scope)).row(0, named=True)


def hundred_coins(spot: float) -> dict[str, object]:
    """Dealers long 100 at-the-money calls of 30 days at 45 %, F = K = 90,000."""
    expiry = SNAPSHOT + timedelta(days=30)
    contract = contracts_of(strikes=(90_000.0,), unevenness=0.0).head(1).with_columns(
        forward=pl.lit(90_000.0), iv_frac=pl.lit(0.45), t_years=pl.lit(30 / 365), open_interest=pl.lit(100.0),
        expiry_ts=pl.lit(expiry), expiry_date=pl.lit(expiry.date()),
    )  # fmt: skip
    found = coin_greeks(contract, spot, spot)
    greeks = {
        "delta": found.delta, "gamma": found.gamma, "vanna_per_volpt": found.vanna / 100,
        "charm_per_day": found.charm / 365,
    }  # fmt: skip
    frames = exposed(contract.with_columns(**{n: pl.Series(v) for n, v in greeks.items()}), spot=spot)
    profile = of(frames.gamma_profile, "calls_long_puts_short")
    return of(frames.exposure_summary, "calls_long_puts_short") | profile


def test_a_hundred_coins_at_the_money_have_the_exposures_of_the_worked_example():
    found = hundred_coins(90_000.0)
    assert found["net_gex_usd_per_1usd"] == pytest.approx(308.59, abs=5e-3)
    assert found["net_gex_usd_per_1pct"] == pytest.approx(277_729.70, abs=5e-3)
    assert found["net_chex_usd_per_day"] / 90_000 == pytest.approx(-0.0428, abs=5e-5)
    assert found["net_vex_usd_per_volpt"] / 90_000 == pytest.approx(0.0571, abs=5e-5)


def test_a_spot_below_the_forward_gives_the_gamma_of_forwards_and_so_does_the_profile():
    found = hundred_coins(90_000.0 / 1.05)
    assert found["net_gex_usd_per_1pct"] == pytest.approx(264_504.48, abs=5e-3)
    assert found["net_gex_usd_per_1pct_curve"][200] == pytest.approx(264_504.48, abs=5e-3)


@FEW
@given(SEEDS, st.floats(-0.3, 0.3), st.booleans())
def test_the_profile_at_spot_is_the_net_exposure_in_both_conventions(seed: int, carry: float, is_of_forward: bool):
    contracts = contracts_of(seed, carry=carry)
    if not is_of_forward:  # a delta in units of spot carries b = F/S, and so does its gamma
        contracts = contracts.with_columns(pl.col("gamma") * pl.col("forward") / SPOT)
    frames = exposed(contracts, is_delta_of_forward=is_of_forward)
    for model in COIN_DEALER_MODELS:
        for scope in SCOPES:
            total, profile = of(frames.exposure_summary, model, scope), of(frames.gamma_profile, model, scope)
            at_spot = profile["net_gex_usd_per_1pct_curve"][200]
            assert profile["spot_levels"][200] == pytest.approx(SPOT, rel=1e-15)
            assert at_spot == pytest.approx(
                total["net_gex_usd_per_1pct"], abs=1e-12 * total["gross_gex_usd_per_1pct"], rel=0
            )


def test_the_profile_is_the_book_repriced_contract_by_contract():
    contracts = contracts_of(7)
    profile = of(exposed(contracts).gamma_profile, "taker_flow")
    curve, spots = np.array(profile["net_gex_usd_per_1pct_curve"]), profile["spot_levels"]
    for place in (0, 77, 200, 333, 400):
        each = contracts["flow"].to_numpy() * coin_greeks(contracts, spots[place]).gamma * spots[place] ** 2 * 0.01
        assert curve[place] == pytest.approx(each.sum(), abs=1e-12 * np.abs(each).sum())


def test_net_gamma_repriced_at_the_flip_is_nothing():
    contracts = contracts_of(3)
    for model, held in POSITIONS.items():
        flip = of(exposed(contracts).key_levels, model)["gamma_flip"]
        each = contracts[held].to_numpy() * coin_greeks(contracts, flip).gamma * flip**2 * 0.01
        assert abs(each.sum()) < 1e-9 * np.abs(each).sum()


@pytest.mark.parametrize(("unevenness", "legs_a_strike"), [(0.0, 1), (0.002, 2)])
def test_calls_and_puts_are_one_leg_only_where_they_are_priced_alike(unevenness: float, legs_a_strike: int):
    book = book_of(contracts_of(unevenness=unevenness), SPOT)
    quantity = quantities(book, ("short_all",), {})
    legs = reprice(book, quantity, is_delta_of_forward=True).legs[0]
    assert legs.slope.size == legs_a_strike * book.strike.size


def test_rows_that_differ_in_the_last_digit_give_the_levels_of_equal_rows():
    alike = contracts_of(unevenness=0.0)
    is_put = pl.col("option_type") == "put"
    uneven = alike.with_columns(pl.when(is_put).then(pl.col("forward") * (1 + 1e-14)).otherwise("forward"))
    one, two = (exposed(frame).key_levels for frame in (alike, uneven))
    for name in ("gamma_flip", "gamma_flip_low", "gamma_flip_high", "gamma_flip_slope"):
        np.testing.assert_allclose(one[name].to_numpy(), two[name].to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("model", FLOW_MODELS)
def test_usual_positions_are_summed_with_the_dealers_sign(model: DealerModel):
    contracts = contracts_of(1)
    found = of(exposed(contracts).exposure_summary, model)
    n = contracts[POSITIONS[model]] * SPOT
    expected = {
        "net_gex_usd_per_1pct": n * contracts["gamma"] * SPOT * 0.01,
        "net_dex_usd": n * contracts["delta"],
        "net_vex_usd_per_volpt": n * contracts["vanna_per_volpt"],
        "net_chex_usd_per_day": n * contracts["charm_per_day"],
    }
    for name, each in expected.items():
        assert found[name] == pytest.approx(each.sum(), abs=1e-12 * each.abs().sum())
    assert found["dex_market_usd"] == pytest.approx((contracts["open_interest"] * contracts["delta"]).sum() * SPOT)


def test_positions_that_equal_a_model_of_open_interest_give_its_figures():
    contracts = contracts_of(2)
    is_call = (contracts["option_type"] == "call").to_numpy()
    naive = dealer_quantity(contracts["open_interest"].to_numpy(), is_call, "calls_long_puts_short")
    frames = exposed(contracts.with_columns(flow=pl.Series(naive)))
    for name in FRAMES:
        one, other = (
            getattr(frames, name).filter(pl.col("dealer_model") == model).drop("dealer_model")
            for model in ("calls_long_puts_short", "taker_flow")
        )
        assert one.equals(other)


def test_models_of_open_interest_do_not_notice_those_beside_them():
    contracts = contracts_of(4)
    alone, beside = exposed(contracts, dealer_models=DEALER_MODELS, positions={}), exposed(contracts)
    for name in FRAMES:
        kept = getattr(beside, name).filter(pl.col("dealer_model").is_in(list(DEALER_MODELS)))
        assert kept.equals(getattr(alone, name))


@pytest.mark.parametrize("is_column_there", [True, False])
def test_a_model_without_positions_says_so_and_has_no_figures(is_column_there: bool):
    contracts = contracts_of().with_columns(screen=pl.lit(None, pl.Float64))
    known = {"taker_flow": "flow"}
    frames = exposed(contracts, positions=POSITIONS if is_column_there else known)
    for scope in SCOPES:
        row, level = (of(f, "taker_flow_screen", scope) for f in (frames.exposure_summary, frames.key_levels))
        assert row["scope_status"] == level["scope_status"] == "no_positions"
        assert (row["contracts_counted"], level["gamma_flip_status"]) == (0, "insufficient_data")
        stated = {
            "dealer_model", "scope", "scope_status", "contracts_counted", "contracts_not_counted", "spot",
            "gamma_flip_status",
        }  # fmt: skip
        assert all(value is None for name, value in (row | level).items() if name not in stated)
    assert of(frames.exposure_summary, "taker_flow_screen")["contracts_not_counted"] == contracts.height
    for frame in (frames.strike_exposures, frames.opex_rolloff):
        assert frame["dealer_model"].unique().sort().to_list() == sorted(COIN_DEALER_MODELS[:3])
    assert set(of(frames.gamma_profile, "taker_flow_screen").values()) == {"taker_flow_screen", "all", None}


def test_a_scope_may_lack_the_positions_that_others_have():
    near = pl.col("expiry_date") == TOMORROW
    frames = exposed(contracts_of().with_columns(flow=pl.when(~near).then("flow")))
    statuses = {scope: of(frames.exposure_summary, "taker_flow", scope)["scope_status"] for scope in SCOPES}
    assert {scope for scope, status in statuses.items() if status == "no_positions"} == {"0dte", "next_expiry"}
    assert of(frames.exposure_summary, "taker_flow")["zero_dte_share_frac"] is None
    assert of(frames.exposure_summary, "short_all")["zero_dte_share_frac"] > 0


def test_an_unknown_position_is_null_by_strike_and_not_counted():
    is_lost = (pl.col("option_type") == "call") & (pl.col("strike") == SPOT)
    contracts = contracts_of()
    found = exposed(contracts.with_columns(flow=pl.when(~is_lost).then("flow")))
    left = exposed(contracts.filter(~is_lost))
    rows = found.strike_exposures.filter((pl.col("dealer_model") == "taker_flow") & (pl.col("strike") == SPOT))
    for name in (*MEASURES, "dealer_quantity"):
        assert rows[f"call_{name}"].null_count() == rows.height == 4
    assert rows["call_open_interest"].null_count() == rows["net_dex_usd"].null_count() == 0
    row, rest = (of(frames.exposure_summary, "taker_flow") for frames in (found, left))
    assert (row["contracts_counted"], row["contracts_not_counted"]) == (rest["contracts_counted"], 4)
    for name in MEASURES:
        assert row[f"net_{name}"] == pytest.approx(rest[f"net_{name}"], rel=1e-12)


def test_positions_stand_without_open_interest():
    contracts = contracts_of()
    frames = exposed(contracts.with_columns(open_interest=pl.lit(None, pl.Float64)))
    full = exposed(contracts)
    statuses = [of(frames.exposure_summary, model)["scope_status"] for model in COIN_DEALER_MODELS]
    assert statuses == ["no_open_interest"] * 2 + ["ok"] * 2
    row, level = of(frames.exposure_summary, "taker_flow"), of(frames.key_levels, "taker_flow")
    assert row["net_gex_usd_per_1pct"] == of(full.exposure_summary, "taker_flow")["net_gex_usd_per_1pct"]
    assert level["gamma_flip"] == of(full.key_levels, "taker_flow")["gamma_flip"]
    assert (row["dex_market_usd"], row["call_open_interest"], row["put_open_interest"]) == (None, None, None)
    assert (level["max_pain"], level["highest_open_interest"]) == (None, None)


def test_levels_of_the_market_are_the_same_under_every_model():
    levels = exposed(contracts_of(5)).key_levels
    for name in ("max_pain", "highest_open_interest"):
        assert (levels.group_by("scope").agg(pl.col(name).n_unique())[name] == 1).all()


def test_quantities_are_in_coins_and_are_not_multiplied():
    contracts = contracts_of()
    strikes = exposed(contracts).strike_exposures
    assert strikes["quantity_unit"].unique().to_list() == ["coins"]
    flow = strikes.filter(pl.col("dealer_model") == "taker_flow").select("call_dealer_quantity", "put_dealer_quantity")
    assert flow.sum().sum_horizontal().item() == pytest.approx(contracts["flow"].sum())


def test_zero_dte_is_what_expires_at_the_next_eight_oclock():
    contracts = contracts_of()
    summary = exposed(contracts).exposure_summary
    assert of(summary, "short_all", "0dte")["contracts_counted"] == 2 * len(STRIKES)
    assert (
        exposed(contracts, zero_dte_date=None)
        .exposure_summary.filter(pl.col("scope") == "0dte")["scope_status"]
        .to_list()
        == ["empty"] * 4
    )
    later = exposed(contracts.filter(pl.col("expiry_date") > TOMORROW)).exposure_summary
    assert of(later, "short_all", "0dte")["scope_status"] == "empty"
    assert of(later, "short_all", "next_expiry")["scope_status"] == "ok"


def test_without_profiles_everything_else_is_the_same():
    contracts = contracts_of(6)
    whole, bare = exposed(contracts), exposed(contracts, has_profiles=False)
    assert bare.gamma_profile.height == 0
    assert bare.gamma_profile.schema == whole.gamma_profile.schema
    for name in FRAMES:
        if name != "gamma_profile":
            assert getattr(bare, name).equals(getattr(whole, name))


def test_equal_inputs_give_equal_bits_in_any_order_of_rows():
    contracts = contracts_of(8)
    mixed = exposed(contracts.sample(fraction=1.0, shuffle=True, seed=1))
    for name in FRAMES:
        assert getattr(exposed(contracts), name).equals(getattr(mixed, name))


def test_a_row_without_forward_and_volatility_is_shown_and_not_priced():
    is_bare = (pl.col("strike") == 120_000) & (pl.col("option_type") == "put")
    unknown = ("forward", "iv_frac", "gamma", "delta", "vanna_per_volpt", "charm_per_day")
    contracts = contracts_of().with_columns(pl.when(~is_bare).then(name).alias(name) for name in unknown)
    frames = exposed(contracts)
    assert of(frames.exposure_summary, "taker_flow")["contracts_not_counted"] == 4
    rows = frames.strike_exposures.filter((pl.col("strike") == 120_000) & (pl.col("dealer_model") == "taker_flow"))
    assert rows["put_gex_usd_per_1pct"].null_count() == rows.height
    assert rows["put_dealer_quantity"].null_count() == 0
    total, profile = of(frames.exposure_summary, "taker_flow"), of(frames.gamma_profile, "taker_flow")
    assert profile["net_gex_usd_per_1pct_curve"][200] == pytest.approx(
        total["net_gex_usd_per_1pct"], abs=1e-12 * total["gross_gex_usd_per_1pct"]
    )


def test_an_empty_chain_keeps_its_rows():
    frames = exposed(contracts_of().clear())
    assert frames.strike_exposures.height == frames.opex_rolloff.height == 0
    assert frames.key_levels["scope_status"].to_list() == ["empty"] * 6 * 4


def test_shares_of_the_rolloff_are_those_of_each_model():
    rolloff = exposed(contracts_of(9)).opex_rolloff
    shares = rolloff.group_by("dealer_model").agg(pl.col("gross_share_frac").sum())
    assert shares["gross_share_frac"].to_list() == pytest.approx([1.0] * 4)
    assert rolloff.filter("is_opex")["expiry_date"].unique().sort().to_list() == MONTHLY


@pytest.mark.parametrize("basis", [-0.2, 0.2])
def test_contracts_of_spot_keep_their_own_convention(basis: float):
    """The same book in US convention, F != S: D and b belong to its gamma, on the way to the profile too."""
    contracts = chains.contracts_of(chains.quoted(60, carry=0.04 - basis))
    frames = expose(
        contracts, session_date=chains.SESSION, spot=4000.0, monthly_expiries=[date(2023, 6, 13)],
        has_expired_session_contracts=False,
    )  # fmt: skip
    assert abs(contracts["forward"][0] / 4000.0 - 1) > 0.03
    for model in DEALER_MODELS:
        total, profile = of(frames.exposure_summary, model), of(frames.gamma_profile, model)
        tolerance = 1e-12 * total["gross_gex_usd_per_1pct"]
        at_spot = profile["net_gex_usd_per_1pct_curve"][200]
        assert at_spot == pytest.approx(total["net_gex_usd_per_1pct"], abs=tolerance, rel=0)
