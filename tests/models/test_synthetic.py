"""The synthetic market keeps the laws that no real market may break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from models import synthetic
from models.conventions import Bools
from models.synthetic import Smile, ZeroCurve

CURVE = ZeroCurve(0.0535, 0.0415)
SMILE = Smile(0.0112, 0.0290)
STRIKES = np.linspace(50.0, 180.0, 261)
CALLS, PUTS = np.ones(STRIKES.size, bool), np.zeros(STRIKES.size, bool)

expiries = st.floats(1 / 365, 2.0)
smiles = st.builds(
    Smile,
    short_variance=st.floats(0.004, 0.2),
    long_variance=st.floats(0.004, 0.2),
    skew=st.floats(-0.8, 0.3),
    wing=st.floats(0.1, 1.1),
)


def value(is_call: Bools, t_years: float, smile: Smile = SMILE, spot: float = 100.0) -> synthetic.Valuation:
    market = {"spot": spot, "carry_frac": 0.0135}
    return synthetic.value_european(is_call, STRIKES, np.array(t_years), curve=CURVE, smile=smile, **market)


@given(expiries, smiles)
def test_call_prices_fall_with_the_strike_and_are_convex_in_it(t_years: float, smile: Smile) -> None:
    price, discount = value(CALLS, t_years, smile).price, synthetic.discount_factor(np.array(t_years), CURVE)
    slope = np.diff(price) / np.diff(STRIKES)
    assert np.all(slope <= 1e-9) and np.all(slope >= -discount - 1e-9)
    assert np.all(np.diff(slope) >= -1e-9)


@given(expiries, expiries, smiles, st.floats(-1.0, 1.0))
def test_total_variance_never_falls_with_time(one: float, other: float, smile: Smile, log_moneyness: float) -> None:
    early, late = sorted((one, other))
    variance = [float(synthetic.total_variance(np.array(log_moneyness), np.array(t), smile)) for t in (early, late)]
    assert 0.0 < variance[0] <= variance[1] * (1 + 1e-12)


@given(expiries)
def test_a_call_less_its_put_is_the_discounted_forward_less_the_strike(t_years: float) -> None:
    forward = synthetic.forward_price(100.0, 0.0135, np.array(t_years), CURVE)
    discount = synthetic.discount_factor(np.array(t_years), CURVE)
    parity = value(CALLS, t_years).price - value(PUTS, t_years).price
    np.testing.assert_allclose(parity, discount * (forward - STRIKES), atol=1e-9)


def test_a_price_is_the_discounted_mean_payoff_under_its_own_volatility() -> None:
    place, t_years = 100, 0.25
    strike, shown = STRIKES[place], value(CALLS, t_years)
    forward = float(synthetic.forward_price(100.0, 0.0135, np.array(t_years), CURVE))
    deviation = shown.iv_frac[place] * np.sqrt(t_years)

    def payoff(z: float) -> float:
        return float(max(forward * np.exp(deviation * z - deviation**2 / 2) - strike, 0.0) * norm.pdf(z))

    at_the_strike = (np.log(strike / forward) + deviation**2 / 2) / deviation
    mean = quad(payoff, at_the_strike, 12.0)[0]
    assert shown.price[place] == pytest.approx(
        float(synthetic.discount_factor(np.array(t_years), CURVE)) * mean, rel=1e-9
    )


def test_gamma_is_the_slope_of_delta_where_the_smile_is_flat() -> None:
    flat = Smile(0.04, 0.04, skew=0.0, wing=1e-9)
    up, down, middle = (value(CALLS, 0.1, flat, spot) for spot in (100.01, 99.99, 100.0))
    np.testing.assert_allclose((up.delta - down.delta) / 0.02, middle.gamma, atol=1e-7)


@pytest.mark.parametrize("tenor_years", [1, 2, 5, 10, 30])
def test_a_bond_that_pays_the_par_yield_is_worth_par(tenor_years: int) -> None:
    coupon = synthetic.par_yield(float(tenor_years), CURVE) / 2
    times = np.arange(0.5, tenor_years + 0.25, 0.5)
    factors = synthetic.discount_factor(times, CURVE)
    assert coupon * factors.sum() + factors[-1] == pytest.approx(1.0, abs=1e-12)


@given(st.floats(0.0, 500.0), st.floats(0.001, 0.999))
def test_quotes_contain_the_price_and_lie_on_their_ticks(price: float, uniform: float) -> None:
    quotes = synthetic.quote_around(np.array(price), np.array(uniform), 0.05, 0.10, 3.0)
    assert quotes.bid <= price <= quotes.ask and quotes.bid >= 0.0 and quotes.ask > 0.0
    for side in (float(quotes.bid), float(quotes.ask)):
        tick = 0.05 if side < 3.0 else 0.10
        assert side / tick == pytest.approx(round(side / tick), abs=1e-6)


@given(st.lists(st.tuples(*[st.floats(0.001, 0.999)] * 3), min_size=1, max_size=50), st.integers(0, 10_000))
def test_open_interest_changes_by_no_more_than_was_traded(uniform: list[tuple[float, ...]], held: int) -> None:
    before = np.full(len(uniform), float(held))
    volume, after = synthetic.turnover(np.ones(before.size), np.array(300.0), before, np.array(uniform).T)
    assert np.all(np.abs(after - before) <= volume) and np.all(after >= 0)
    assert np.all(after == np.floor(after)) and np.all(volume == np.floor(volume))
