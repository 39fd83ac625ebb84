"""Implied volatility: exact where it exists, absent where it does not, never wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.black import black_price, greeks
from models.implied_vol import implied_vol
from tests.models.facts import GOLDEN, OWN, column, read_rows


def solve(rows: list[dict[str, str]]) -> np.ndarray:
    spot, strike, years, rate, dividend = (column(rows, n) for n in ("spot", "strike", "t_years", "r", "q"))
    return implied_vol(
        column(rows, "price"), forward=spot * np.exp((rate - dividend) * years), strike=strike, t_years=years,
        discount_factor=np.exp(-rate * years), is_call=column(rows, "is_call") > 0,
    )  # fmt: skip


def test_hard_cases_are_solved_and_invalid_ones_stay_empty():
    rows = read_rows(OWN / "implied_vol_corners.csv")
    found, expected = solve(rows), column(rows, "expected_iv")
    assert np.isnan(found).tolist() == np.isnan(expected).tolist()
    is_inside = np.array(["ITM" in row["case"] for row in rows])  # the intrinsic value takes their digits away
    np.testing.assert_allclose(found[~is_inside], expected[~is_inside], rtol=1e-11)
    np.testing.assert_allclose(found[is_inside], expected[is_inside], rtol=2e-9)


@pytest.mark.skipif(GOLDEN is None, reason="DEALERFLOW_GOLDEN is not set")
def test_six_hundred_prices_give_back_the_volatility_that_their_rounding_leaves():
    rows = read_rows(Path(str(GOLDEN), "black_scholes_mpmath.csv"))
    found, expected = solve(rows), column(rows, "iv_from_rounded_price")
    spot, strike, price = (column(rows, n) for n in ("spot", "strike", "price"))
    is_out = np.where(column(rows, "is_call") > 0, strike > spot * 1.03, strike < spot)
    np.testing.assert_allclose(found[is_out], expected[is_out], rtol=1e-11)
    rounding = np.finfo(float).eps * price / (column(rows, "vega") * column(rows, "sigma"))
    is_found = np.isfinite(found)
    assert np.all(np.abs(found / expected - 1)[is_found] <= 1e-11 + 200 * rounding[is_found])
    assert np.all(rounding[~is_found] > 1e-4)


@given(
    st.floats(-3.0, 3.0), st.floats(1e-5, 5.0), st.floats(0.05, 2.0), st.floats(0.7, 1.0), st.booleans()
)  # fmt: skip
def test_the_volatility_of_an_out_of_the_money_price_is_found_again(log_ratio, years, vol, discount, is_call):
    strike = np.array(1000.0 * np.exp(abs(log_ratio) if is_call else -abs(log_ratio)))
    inputs = {"forward": np.array(1000.0), "strike": strike, "t_years": np.array(years)}
    side = {"discount_factor": np.array(discount), "is_call": np.array(is_call)}
    price = black_price(**inputs, iv_frac=np.array(vol), **side)
    found = float(implied_vol(price, **inputs, **side))
    sensitivity = float(greeks(spot=1000.0, **inputs, iv_frac=np.array(vol), **side).vega) * vol
    if float(price) > 1e-12 and sensitivity > 1e-3 * float(price):
        assert found == pytest.approx(vol, rel=1e-11)


@given(
    st.floats(allow_nan=True, allow_infinity=True), st.floats(1, 1e4), st.floats(1, 1e4), st.floats(-1, 5),
    st.floats(0.5, 1.0), st.booleans(),
)  # fmt: skip
def test_any_price_has_a_volatility_that_gives_it_back_or_none(price, forward, strike, years, discount, is_call):
    inputs = {"forward": np.array(forward), "strike": np.array(strike), "t_years": np.array(years)}
    side = {"discount_factor": np.array(discount), "is_call": np.array(is_call)}
    found = implied_vol(np.array(price), **inputs, **side)
    if np.isfinite(found):
        back = black_price(**inputs, iv_frac=found, **side)
        assert float(back) == pytest.approx(price, rel=1e-9, abs=1e-11 * forward)


def test_an_empty_array_gives_an_empty_array():
    nothing = np.array([])
    found = implied_vol(
        nothing, forward=nothing, strike=nothing, t_years=nothing, discount_factor=nothing, is_call=nothing > 0
    )
    assert found.shape == (0,)
