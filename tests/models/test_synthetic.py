"""The synthetic market keeps the laws that no real market may break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from models import synthetic
from models.conventions import Bools, Floats
from models.synthetic import Positions, Smile, ZeroCurve

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


def value(
    is_call: Bools, t_years: float, smile: Smile = SMILE, spot: float = 100.0, curve: ZeroCurve = CURVE
) -> synthetic.Valuation:
    market = {"spot": spot, "carry_frac": 0.0135}
    return synthetic.value_european(is_call, STRIKES, np.array(t_years), curve=curve, smile=smile, **market)


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


uniforms = st.floats(0.001, 0.999)
odds = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4).map(lambda weights: np.array(weights) / sum(weights))
holdings = st.tuples(st.integers(0, 5_000), st.integers(0, 5_000))


@given(st.lists(st.tuples(*[uniforms] * 6), min_size=1, max_size=50), odds, holdings)
def test_positions_change_by_no_more_than_was_traded(
    uniform: list[tuple[float, ...]], odds: np.ndarray, held: tuple[int, int]
) -> None:
    n = len(uniform)
    before = Positions(np.full(n, float(held[0])), np.full(n, float(held[1])))
    traded = synthetic.trade(
        np.ones(n), np.array(300.0), before, np.repeat(odds[:, None], n, axis=1), np.array(uniform).T
    )
    volume, after = traded.volume, traded.after(before)
    assert np.all(traded.with_dealers.sum(axis=0) + np.abs(traded.among_customers) <= volume)
    for name in ("long", "short", "open_interest"):
        assert np.all(np.abs(getattr(after, name) - getattr(before, name)) <= volume)
    for side in (after.long, after.short, volume):
        assert np.all(side >= 0) and np.all(side == np.floor(side))


@given(st.lists(st.tuples(*[uniforms] * 6), min_size=1, max_size=50), st.integers(0, 3), holdings)
def test_customers_who_only_do_one_thing_move_dealers_one_way(
    uniform: list[tuple[float, ...]], kind: int, held: tuple[int, int]
) -> None:
    """Whoever sells, to open or to close, sells to dealers; trades among customers leave dealers as they were."""
    n = len(uniform)
    before = Positions(np.full(n, float(held[0])), np.full(n, float(held[1])))
    only = np.repeat((np.arange(4.0) == kind).astype(float)[:, None], n, axis=1)
    after = synthetic.trade(np.ones(n), np.array(300.0), before, only, np.array(uniform).T).after(before)
    is_dealers_selling = kind in (0, 3)
    change = after.dealers - before.dealers
    assert np.all(change <= 0.0) if is_dealers_selling else np.all(change >= 0.0)


@given(st.integers(0, 9_000), st.integers(0, 9_000))
def test_open_interest_is_all_longs_and_all_shorts_at_once(long: int, short: int) -> None:
    held = Positions(np.array(float(long)), np.array(float(short)))
    dealers = float(held.dealers)
    assert held.open_interest == long + max(dealers, 0.0) == short + max(-dealers, 0.0)


def test_odds_decide_on_which_side_dealers_start() -> None:
    n = 4000
    uniform = np.random.default_rng(1).random((3, n))
    for odds_of_long in (0.1, 0.9):
        held = synthetic.opening_positions(np.ones(n), np.array(900.0), np.full(n, odds_of_long), uniform)
        assert float((held.dealers > 0).mean()) == pytest.approx(odds_of_long, abs=0.03)


@given(st.floats(100.0, 6000.0), st.floats(-0.04, 0.04), st.lists(uniforms, min_size=4, max_size=30))
def test_a_way_through_the_day_ends_at_the_close(earlier: float, move: float, uniform: list[float]) -> None:
    later = round(earlier * (1 + move), 2)
    shares = np.linspace(0.2, 1.0, len(uniform))
    spots = synthetic.spots_between(earlier, later, shares, 0.2, np.array(uniform))
    assert spots[-1] == later
    assert np.all(np.abs(np.log(spots / earlier)) < abs(move) + 0.2)
    np.testing.assert_allclose(spots, np.round(spots, 2))


def test_a_calm_market_drifts_back_to_its_usual_smile_and_a_fall_raises_it() -> None:
    raised = synthetic.smile_after(SMILE, SMILE, -0.02, 12.0)
    assert raised.short_variance / SMILE.short_variance > raised.long_variance / SMILE.long_variance > 1.0
    smile = raised
    for _ in range(23):
        smile = synthetic.smile_after(smile, SMILE, 0.0, 12.0)
    left = np.log(smile.short_variance / SMILE.short_variance) / np.log(raised.short_variance / SMILE.short_variance)
    assert left == pytest.approx(0.5, abs=0.01)


def test_vega_theta_and_rho_are_the_slopes_of_the_price() -> None:
    flat, wider = (Smile(v, v, skew=0.0, wing=1e-9) for v in (0.04, (0.2 + 1e-4) ** 2))
    level, raised = (ZeroCurve(rate, rate) for rate in (0.05, 0.0501))

    def price(t_years: float = 0.5, smile: Smile = flat, curve: ZeroCurve = level) -> Floats:
        return value(PUTS, t_years, smile, curve=curve).price

    shown = value(PUTS, 0.5, flat, curve=level)
    np.testing.assert_allclose((price(smile=wider) - shown.price) * 100.0, shown.vega, atol=1e-4)
    np.testing.assert_allclose((price(0.5 - 1e-3 / 365) - shown.price) * 1e3, shown.theta, atol=1e-6)
    np.testing.assert_allclose((price(curve=raised) - shown.price) * 100.0, shown.rho, atol=1e-3)
