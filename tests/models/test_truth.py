"""The sixty-digit truth is itself checked: against derivatives of its price, its inverse and the table made from it."""

from __future__ import annotations

import mpmath as mp
import pytest

from tests.models import truth
from tests.models.facts import OWN

CONTRACTS = [
    {"spot": 5000.0, "forward": 5050.0, "strike": 5300.0, "t_years": 0.3, "iv_frac": 0.2, "discount_factor": 0.98},
    {"spot": 60.0, "forward": 59.0, "strike": 20.0, "t_years": 2.0, "iv_frac": 0.7, "discount_factor": 1.01},
]


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("contract", CONTRACTS)
def test_closed_forms_are_the_derivatives_of_the_price(contract: dict[str, float], is_call: bool):
    carry = 0.03
    found = truth.greeks(**contract, is_call=is_call, smooth_carry_frac=carry)
    with mp.workdps(truth.DIGITS):
        spot, forward, strike, years, vol, discount = (mp.mpf(value) for value in contract.values())
        rate = -mp.log(discount) / years

        def value(s: mp.mpf, iv: mp.mpf, later: mp.mpf) -> mp.mpf:
            moved = forward / spot * s * mp.exp(-mp.mpf(carry) * later)
            return truth.price(moved, strike, years - later, iv, discount * mp.exp(rate * later), is_call)

        def partial(of_spot: int = 0, of_vol: int = 0, of_time: int = 0) -> mp.mpf:
            return mp.diff(value, (spot, vol, mp.mpf(0)), (of_spot, of_vol, of_time), h=mp.mpf(10) ** -12)

        expected = {
            "price": partial(), "delta": partial(1), "gamma": partial(2), "speed": partial(3), "vega": partial(0, 1),
            "vomma": partial(0, 2), "vanna": partial(1, 1), "zomma": partial(2, 1), "theta": partial(0, 0, 1),
            "charm": partial(1, 0, 1),
        }  # fmt: skip
        assert set(found) == set(expected)
        assert all(abs(found[name] / expected[name] - 1) < mp.mpf(10) ** -9 for name in found)


@pytest.mark.parametrize(
    ("strike", "vol"), [(100.0, 1e-5), (100.0, 8.0), (90.0, 0.02), (110.0, 0.2), (90.0, 8.0), (5000.0, 0.3)]
)
@pytest.mark.parametrize("is_call", [True, False])
def test_the_inverse_finds_the_volatility_of_a_price_again(strike: float, vol: float, is_call: bool):
    terms = {"forward": 100.0, "strike": strike, "t_years": 1.0, "discount_factor": 0.9, "is_call": is_call}
    found = truth.implied_vol(truth.price(iv_frac=vol, **terms), **terms)
    assert found is not None
    assert abs(found / vol - 1) < mp.mpf(10) ** -20


def test_prices_outside_their_bounds_have_no_inverse():
    terms = {"forward": 110.0, "strike": 100.0, "t_years": 1.0, "discount_factor": 1.0}
    for price, is_call in ((10.0, True), (9.0, True), (110.0, True), (0.0, False), (-1.0, False), (100.0, False)):
        assert truth.implied_vol(price, **terms, is_call=is_call) is None


def test_the_golden_table_is_made_of_this_truth():
    stated = [line for line in (OWN / "high_precision_greeks.csv").read_text().splitlines() if line[0].isdigit()]
    assert truth.golden_greeks().splitlines() == stated
