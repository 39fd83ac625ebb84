"""Chains of American quotes whose volatility and carry are known: what each way of reading them finds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.american import american_price
from models.forwards import SnapshotMark
from models.surface import IV_SOURCES, build_surface
from tests.models.chains import FLAT_RATE, SESSION, marks, quoted, without_quotes

VOL, CARRY, SPOT = 0.2, 0.015, 4000.0
NEAR = pl.col("strike").is_between(3600.0, 4400.0)
STRIKES = np.arange(2800.0, 5601.0, 50.0)


def american(
    days: float, carry: float = CARRY, spread: float = 0.02, strikes: np.ndarray = STRIKES
) -> pl.DataFrame:  # fmt: skip
    chain = quoted(days, root="SPY", strikes=strikes, carry=carry, vol=VOL, exercise="american")
    t = days / 365
    price = american_price(
        spot=SPOT, forward=SPOT * np.exp((FLAT_RATE - carry) * t), strike=chain["strike"].to_numpy(), t_years=t,
        iv_frac=VOL, discount_factor=np.exp(-FLAT_RATE * t), is_call=(chain["option_type"] == "call").to_numpy(),
    )  # fmt: skip
    return chain.with_columns(bid=pl.Series(np.maximum(price - spread / 2, 0.0)), ask=pl.Series(price + spread / 2))


def surface(chain: pl.DataFrame, american_quotes: str) -> tuple[pl.DataFrame, pl.DataFrame, SnapshotMark]:
    forwards, mark = marks(chain, american_quotes=american_quotes)
    contracts, expiries = build_surface(chain, forwards, mark, session_date=SESSION, american_quotes=american_quotes)
    return contracts, expiries, mark


def test_the_forward_and_the_volatility_of_american_quotes_are_found():
    chain = pl.concat([american(days) for days in (30, 180, 365)])
    contracts, expiries, mark = surface(chain, "de_americanised")
    assert expiries["carry_frac"].to_list() == pytest.approx([CARRY] * 3, abs=2e-5)
    solved = contracts.filter(NEAR)
    assert set(solved["iv_source"]) == {"solved_american"}
    assert np.abs(solved["iv_frac"].to_numpy() - VOL).max() < 1e-4
    assert mark.smooth_carry_frac == pytest.approx(FLAT_RATE - CARRY, abs=1e-4)


def test_between_forward_and_spot_the_side_that_pays_nothing_at_once_is_solved():
    chain, true_forward = american(365, carry=0.25), SPOT * np.exp(FLAT_RATE - 0.25)
    forwards, mark = marks(chain)
    known = forwards.with_columns(forward=pl.lit(true_forward))
    contracts, _ = build_surface(chain, known, mark, session_date=SESSION, american_quotes="de_americanised")
    between = contracts.filter(pl.col("strike").is_between(true_forward, 3950.0))
    calls = between.filter(pl.col("option_type") == "call")
    assert (calls["mid"] - (SPOT - calls["strike"])).min() < 1e-9  # worth exercise at once, whatever the volatility
    assert set(between["iv_source"]) == {"solved_american"}
    assert np.abs(between["iv_frac"].to_numpy() - VOL).max() < 1e-6


@pytest.mark.parametrize("days", [0.02, 0.25, 1.0, 6.9])
@pytest.mark.parametrize("late", [-0.0015, 0.0015])
def test_a_late_spot_does_not_pass_for_carry_in_the_last_days(days: float, late: float):
    strikes = np.round(SPOT * np.exp(np.linspace(-2.0, 2.0, 21) * VOL * np.sqrt(days / 365)), 2)
    chain = american(days, spread=0.0002, strikes=strikes)
    forwards, mark = marks(chain, spot_last=SPOT * (1.0 + late), american_quotes="de_americanised")
    contracts, expiries = build_surface(chain, forwards, mark, session_date=SESSION, american_quotes="de_americanised")
    assert mark.spot_source == "underlying_last"
    assert forwards["forward"][0] == pytest.approx(SPOT * np.exp((FLAT_RATE - CARRY) * days / 365), rel=5e-5)
    assert expiries["atm_iv_frac"][0] == pytest.approx(VOL, abs=5e-4)
    assert set(contracts["iv_source"]) == {"solved_mid"}


def test_read_as_european_they_say_a_lower_forward_and_another_volatility():
    chain = american(365)
    contracts, expiries, _ = surface(chain, "european")
    assert set(contracts.filter(NEAR)["iv_source"]) == {"solved_mid"}
    true_forward = SPOT * np.exp(FLAT_RATE - CARRY)
    assert -45e-4 < expiries["forward"][0] / true_forward - 1 < -25e-4
    assert 0.003 < np.abs(contracts.filter(NEAR)["iv_frac"].to_numpy() - VOL).max() < 0.01


def test_european_roots_do_not_change_a_bit():
    chain = pl.concat([quoted(5, spread=2.0), quoted(60), without_quotes(quoted(90))])
    as_before, chosen = surface(chain, "european"), surface(chain, "de_americanised")
    assert as_before[0].equals(chosen[0]) and as_before[1].equals(chosen[1]) and as_before[2] == chosen[2]


def test_beside_european_roots_only_american_contracts_change():
    chain = pl.concat([american(180), quoted(60)])
    contracts, expiries, _ = surface(chain, "de_americanised")
    by_exercise = contracts.filter(NEAR).group_by("exercise").agg(pl.col("iv_source").unique())
    assert dict(by_exercise.iter_rows()) == {"american": ["solved_american"], "european": ["solved_mid"]}
    counts = expiries.select(pl.sum_horizontal(f"contracts_{source}" for source in IV_SOURCES)).to_series()
    assert counts.to_list() == expiries["contracts_live"].to_list()


def test_without_quotes_the_ladder_goes_on_to_the_vendor():
    chain = pl.concat([american(30), without_quotes(american(60))])
    contracts, expiries, _ = surface(chain, "de_americanised")
    far = contracts.filter(pl.col("days_to_expiry") == 60)
    assert set(far["iv_source"]) == {"vendor"}
    assert expiries["forward_source"].to_list() == ["parity", "carry"]
