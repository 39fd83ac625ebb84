"""Black's formula against textbooks, 60-digit arithmetic and its own finite differences."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.black import Greeks, black_price, greeks
from tests.models.facts import OWN, column, high_precision_tables, read_rows

SPOTS, STRIKES = st.floats(50, 8000), st.floats(0.6, 1.6)
YEARS, VOLS = st.floats(0.02, 3), st.floats(0.08, 1.2)
RATES, CARRIES = st.floats(-0.02, 0.08), st.floats(-0.05, 0.08)


def at(spot, strike, years, vol, rate, basis, carry=0.0, is_call=True) -> Greeks:
    """Greeks with b = F/S = exp(basis T), the smooth carry apart."""
    return greeks(
        spot=spot, forward=np.array(spot * np.exp(basis * years)), strike=np.array(strike), t_years=np.array(years),
        iv_frac=np.array(vol), discount_factor=np.exp(-rate * years), is_call=np.array(is_call),
        smooth_carry_frac=carry,
    )  # fmt: skip


def test_greeks_print_as_in_the_textbooks():
    for row in read_rows(OWN / "textbook_greeks.csv"):
        names = ("spot", "strike", "t_years", "r", "b", "sigma")
        spot, strike, years, rate, carry, vol = (float(row[name]) for name in names)
        found = at(spot, strike, years, vol, rate, carry, carry, row["is_call"] == "1")
        tolerance = 0.55 * 10.0 ** -int(row["places"])
        assert float(getattr(found, row["greek"])) == pytest.approx(float(row["printed"]), abs=tolerance), row


@pytest.mark.parametrize("path", high_precision_tables(), ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("name", "stated", "tolerance"),
    [
        ("price", "price", 1e-9),
        ("delta", "delta", 1e-11),
        ("gamma", "gamma", 1e-11),
        ("vega", "vega", 1e-11),
        ("vanna", "vanna", 1e-10),
        ("charm", "charm_per_year", 1e-10),
    ],
)
def test_greeks_match_sixty_digit_arithmetic(path: Path, name: str, stated: str, tolerance: float):
    rows = read_rows(path)
    names = ("spot", "strike", "t_years", "r", "q", "sigma")
    spot, strike, years, rate, dividend, vol = (column(rows, name) for name in names)
    carry = rate - dividend
    found = greeks(
        spot=spot, forward=spot * np.exp(carry * years), strike=strike, t_years=years, iv_frac=vol,
        discount_factor=np.exp(-rate * years), is_call=column(rows, "is_call") > 0, smooth_carry_frac=carry,
    )  # fmt: skip
    np.testing.assert_allclose(getattr(found, name), column(rows, stated), rtol=tolerance)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES, st.booleans())
def test_delta_and_gamma_are_the_spot_derivatives_with_the_basis_frozen(spot, ratio, years, vol, rate, basis, is_call):
    strike, step = spot * ratio, spot * 1e-4 * vol * np.sqrt(years)
    up, here, down = (at(s, strike, years, vol, rate, basis, 0.0, is_call) for s in (spot + step, spot, spot - step))
    assert float(here.delta) == pytest.approx(float(up.price - down.price) / (2 * step), rel=1e-5, abs=1e-7)
    assert float(here.gamma) == pytest.approx(float(up.delta - down.delta) / (2 * step), rel=1e-5, abs=1e-9 / spot)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES, st.booleans())
def test_vega_and_vanna_are_the_volatility_derivatives(spot, ratio, years, vol, rate, basis, is_call):
    step = 1e-4 * vol
    up, here, down = (at(spot, spot * ratio, years, vol + d, rate, basis, 0.0, is_call) for d in (step, 0, -step))
    assert float(here.vega) == pytest.approx(float(up.price - down.price) / (2 * step), rel=1e-5, abs=1e-7 * spot)
    assert float(here.vanna) == pytest.approx(float(up.delta - down.delta) / (2 * step), rel=1e-5, abs=1e-6)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES, CARRIES, st.booleans())
def test_theta_and_charm_move_basis_and_discount_through_time(spot, ratio, years, vol, rate, basis, carry, is_call):
    forward, step = spot * np.exp(basis * years), 1e-4 * years

    def later(dt: float) -> Greeks:
        remaining = years - dt
        moved = np.log(forward / spot * np.exp(-carry * dt)) / remaining  # b(t) = (F/S) e^(-c (t - t0))
        return at(spot, spot * ratio, remaining, vol, rate, moved, carry, is_call)

    here, after, before = later(0.0), later(step), later(-step)
    theta, charm = (after.price - before.price) / (2 * step), (after.delta - before.delta) / (2 * step)
    assert float(here.theta) == pytest.approx(float(theta), rel=1e-4, abs=1e-6 * spot)
    assert float(here.charm) == pytest.approx(float(charm), rel=1e-4, abs=1e-5)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES)
def test_call_less_put_is_the_discounted_forward_less_strike(spot, ratio, years, vol, rate, basis):
    call, put = (at(spot, spot * ratio, years, vol, rate, basis, 0.0, side) for side in (True, False))
    forward, discount = spot * np.exp(basis * years), np.exp(-rate * years)
    assert float(call.price - put.price) == pytest.approx(discount * (forward - spot * ratio), abs=1e-9 * spot)
    assert float(call.gamma) == float(put.gamma)


def test_the_put_delta_of_a_deep_call_keeps_its_digits():
    years = 30 / 365
    put = at(6000.0, 3000.0, years, 0.2, 0.04, 0.027, 0.0, is_call=False)
    d1 = (math.log(2.0) + 0.027 * years) / (0.2 * math.sqrt(years)) + 0.1 * math.sqrt(years)
    expected = -math.exp((0.027 - 0.04) * years) * math.erfc(d1 / math.sqrt(2)) / 2
    assert expected < 0
    assert float(put.delta) == pytest.approx(expected, rel=1e-11)


def test_price_and_greeks_agree_on_the_price():
    found = at(100.0, 90.0, 0.5, 0.3, 0.05, 0.02)
    forward = np.array(100.0 * np.exp(0.01))
    price = black_price(
        forward=forward, strike=np.array(90.0), t_years=np.array(0.5), iv_frac=np.array(0.3),
        discount_factor=np.array(np.exp(-0.025)), is_call=np.array(True),
    )  # fmt: skip
    assert float(price) == pytest.approx(float(found.price), rel=1e-14)


@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.2), (-0.1, 0.2), (0.1, 0.0), (0.1, np.nan)])
def test_expired_or_unpriced_contracts_have_no_greeks(years: float, vol: float):
    found = greeks(
        spot=100.0, forward=np.array([100.0]), strike=np.array([100.0]), t_years=np.array([years]),
        iv_frac=np.array([vol]), discount_factor=np.array([1.0]), is_call=np.array([True]),
    )  # fmt: skip
    assert all(np.isnan(value).all() for value in found)


def coins(spot: float, forward: float) -> Greeks:
    """One BTC option of METHODS 3: 30 days, vol 45 %, strike 90,000, delta with respect to the forward."""
    return greeks(
        spot=spot, forward=np.array(forward), strike=np.array(90_000.0), t_years=np.array(30 / 365),
        iv_frac=np.array(0.45), discount_factor=1.0, is_call=np.array(True), is_delta_of_forward=True,
    )  # fmt: skip


def test_a_hundred_coins_at_the_money_have_the_exposures_of_the_method():
    found = coins(90_000.0, 90_000.0)
    assert float(found.gamma) == pytest.approx(3.428762e-5, rel=1e-6)
    assert 100 * float(found.gamma) * 90_000 == pytest.approx(308.59, abs=0.005)
    assert 100 * float(found.gamma) * 90_000**2 * 0.01 == pytest.approx(277_729.70, abs=0.01)
    assert 100 * float(found.charm) / 365 == pytest.approx(-0.0428, abs=5e-5)
    assert 100 * float(found.vanna) * 0.01 == pytest.approx(0.0571, abs=5e-5)


def test_a_basis_between_forward_and_spot_scales_the_exposure_per_cent():
    spot = 90_000 / 1.05
    here, up, down = (coins(s, 1.05 * s) for s in (spot, spot * 1.0001, spot * 0.9999))
    per_1pct = 100 * float(here.gamma) * spot**2 * 0.01
    difference = 100 * float(up.delta - down.delta) / (2 * spot * 1e-4) * spot**2 * 0.01
    assert per_1pct == pytest.approx(264_504.48, abs=0.01)
    assert per_1pct == pytest.approx(difference, rel=1e-6)
