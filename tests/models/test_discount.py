"""The zero curve reprices what it was built from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.discount import discount_factor, zero_curve

TENORS = np.array([1 / 12, 2 / 12, 0.25, 0.5, 1, 2, 3, 5, 7, 10, 20, 30])
STEPS = st.lists(st.floats(-0.003, 0.003), min_size=TENORS.size, max_size=TENORS.size)
YIELDS = st.builds(lambda level, steps: level + np.cumsum(steps), st.floats(0.0, 0.08), STEPS)


@given(YIELDS)
def test_bonds_from_one_year_are_repriced_at_par(yields):
    curve = zero_curve(TENORS, yields)
    tenor, zero = curve["tenor_years"].to_numpy(), curve["zero_rate_frac"].to_numpy()
    first = 1 / (1 + yields[3] * 0.5)
    for years, par in zip(TENORS[4:], yields[4:], strict=True):
        coupons = np.arange(2, round(years * 2) + 1) / 2
        later = discount_factor(tenor, zero, coupons)
        assert par / 2 * (first + later.sum()) + later[-1] == pytest.approx(1.0, abs=1e-12)


@given(YIELDS)
def test_tenors_below_one_year_earn_simple_interest(yields):
    curve = zero_curve(TENORS, yields).head(4)
    np.testing.assert_allclose(curve["discount_factor"] * (1 + yields[:4] * TENORS[:4]), 1.0, rtol=1e-14)


def test_only_published_tenors_are_marked_and_half_years_stand_between():
    curve = zero_curve(TENORS, np.full(TENORS.size, 0.04))
    assert curve["is_published_tenor"].sum() == TENORS.size
    assert curve.height == 4 + 59
    assert curve["par_yield_frac"].to_list() == pytest.approx([0.04] * 63)


def test_zero_rates_are_linear_between_points_and_flat_outside():
    tenor, zero = np.array([0.5, 1.0]), np.array([0.02, 0.04])
    found = -np.log(discount_factor(tenor, zero, np.array([0.1, 0.75, 3.0]))) / np.array([0.1, 0.75, 3.0])
    np.testing.assert_allclose(found, [0.02, 0.03, 0.04], rtol=1e-14)


def test_without_a_curve_nothing_is_discounted():
    assert discount_factor(np.array([]), np.array([]), np.array([0.1, 5.0])).tolist() == [1.0, 1.0]


def test_yields_that_no_discounting_can_explain_are_an_error():
    with pytest.raises(ValueError, match="no positive discount factors"):
        zero_curve(np.array([0.5, 20.0, 30.0]), np.array([0.0, 0.0, 0.08]))


def test_missing_yields_are_dropped_and_an_empty_curve_is_an_error():
    curve = zero_curve(np.array([0.25, 0.5, 1.0]), np.array([0.01, np.nan, 0.01]))
    assert curve["tenor_years"].to_list() == [0.25, 1.0]
    with pytest.raises(ValueError, match="positive and ascend"):
        zero_curve(np.array([0.25]), np.array([np.nan]))
