"""Gamma and charm over times and prices: what they are by Black's greeks, when legs leave, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.black import Greeks, greeks
from models.conventions import SECONDS_PER_YEAR
from models.exposures import exposures
from models.grid import Grid, price_axis, repriced_grid, time_axis

Array = NDArray[np.float64]
SPOT, CARRY = 4000.0, 0.013
MINUTE, HOUR, DAY = 60 / SECONDS_PER_YEAR, 3600 / SECONDS_PER_YEAR, 86_400 / SECONDS_PER_YEAR
TIMES = np.array([0.0, 10 * MINUTE, 6 * HOUR, 4 * DAY])
PRICES = SPOT * np.array([0.85, 0.96, 0.9999, 1.0, 1.0003, 1.02, 1.15])
QUICK = settings(max_examples=20)
pytestmark = pytest.mark.usefixtures("engine")


def book(count: int, *, seed: int = 0, is_coin: bool = False) -> dict[str, Any]:
    """Contracts of several expiries; most strikes have a call and a put of one volatility, some only one side."""
    random = np.random.default_rng(seed)
    years = np.exp(random.uniform(np.log(HOUR), np.log(2.0), 6))
    line = random.integers(0, max(1, 2 * count // 3), count)
    expiry = random.integers(0, 6, count)[line]
    t, volatility, ratio = years[expiry], random.uniform(0.05, 1.0, count)[line], random.uniform(0.7, 1.3, count)[line]
    basis = random.uniform(-0.03, 0.05, 6)[expiry]
    return {
        "spot": SPOT,
        "forward": SPOT * np.exp(basis * t),
        "strike": SPOT * ratio,
        "t_years": t,
        "iv_frac": volatility,
        "discount_factor": np.ones(count) if is_coin else np.exp(-0.045 * t),
        "is_call": random.random(count) < 0.5,
        "smooth_carry_frac": 0.0 if is_coin else CARRY,
        "is_delta_of_forward": is_coin,
    }


def weights_of(count: int, *, vectors: int = 1, seed: int = 0) -> Array:
    return np.random.default_rng(seed + 1).normal(size=(vectors, count)) * 1e4


def moved(contracts: dict[str, Any], time: float, price: float) -> Greeks:
    """Greeks of every contract at another time and price, each from figures that were moved by hand."""
    t, carry = contracts["t_years"], contracts["smooth_carry_frac"]
    left = t - time
    rate = -np.log(contracts["discount_factor"]) / t
    return greeks(
        spot=price, forward=price * (contracts["forward"] / SPOT) * np.exp(-carry * time), strike=contracts["strike"],
        t_years=left, iv_frac=contracts["iv_frac"], discount_factor=np.exp(-rate * left),
        is_call=contracts["is_call"], smooth_carry_frac=carry, is_delta_of_forward=contracts["is_delta_of_forward"],
    )  # fmt: skip


def by_black(contracts: dict[str, Any], weights: Array, time: float, price: float) -> tuple[Array, Array]:
    """Each contract's n M gamma P^2 0.01 and n M charm P/8760; 0 once it has expired."""
    found = moved(contracts, time, price)
    gamma = weights * np.nan_to_num(found.gamma) * price * price * 0.01
    return gamma, weights * np.nan_to_num(found.charm) * price / 8760


def of(contracts: dict[str, Any], weights: Any, times: Any = TIMES, prices: Any = PRICES) -> Grid:
    return repriced_grid(**contracts, weights=weights, times_years=times, prices=prices)


def one(**changed: Any) -> dict[str, Any]:
    """A call and a put of one strike, a day before they expire."""
    both = {
        "spot": SPOT, "forward": 4001.0, "strike": 3990.0, "t_years": DAY, "iv_frac": 0.2, "discount_factor": 0.9999,
        "is_call": np.array([True, False]), "smooth_carry_frac": CARRY, "is_delta_of_forward": False,
    }  # fmt: skip
    return both | changed


@QUICK
@given(st.integers(0, 2**32), st.booleans())
def test_every_cell_is_the_sum_of_blacks_greeks_moved_to_its_time_and_price(seed: int, is_coin: bool):
    contracts, weights = book(200, seed=seed, is_coin=is_coin), weights_of(200, vectors=2, seed=seed)
    found = of(contracts, weights)
    assert found.gamma_usd_per_1pct.shape == (2, TIMES.size, PRICES.size)
    for vector, row in enumerate(weights):
        for i, time in enumerate(TIMES.tolist()):
            for j, price in enumerate(PRICES.tolist()):
                for grid, cells in zip(found, by_black(contracts, row, time, price), strict=True):
                    assert abs(grid[vector, i, j] - cells.sum()) <= 1e-12 * np.abs(cells).sum()


def test_the_cell_of_now_and_spot_is_the_sum_of_the_published_exposures():
    contracts, weights = book(500), weights_of(500)[0]
    own = {name: contracts[name] for name in contracts if name not in ("spot", "smooth_carry_frac")}
    found = greeks(spot=SPOT, smooth_carry_frac=CARRY, **own)
    columns = {
        "gamma": found.gamma, "delta": found.delta, "vanna_per_volpt": found.vanna, "charm_per_day": found.charm / 365,
    }  # fmt: skip
    measures = exposures(weights / 100, np.array(100.0), SPOT, columns)
    grid = of(contracts, weights, [0.0], [SPOT])
    for got, each in ((grid[0], measures["gex_usd_per_1pct"]), (grid[1], measures["chex_usd_per_day"] / 24)):
        assert got[0, 0, 0] == pytest.approx(each.sum(), abs=1e-13 * np.abs(each).sum())


def test_gamma_and_charm_are_the_derivatives_of_the_books_delta_by_price_and_by_time():
    contracts, weights = book(300), weights_of(300)[0]
    contracts["t_years"] = contracts["t_years"] + 2 * DAY
    grid = of(contracts, weights, [DAY], PRICES)

    def delta(time: float, price: float) -> float:
        return float(np.sum(weights * moved(contracts, time, price).delta))

    for j, price in enumerate(PRICES.tolist()):
        by_price = (delta(DAY, price + 0.01) - delta(DAY, price - 0.01)) / 0.02 * price**2 * 0.01
        by_time = (delta(DAY + MINUTE, price) - delta(DAY - MINUTE, price)) / (2 * MINUTE) * price / 8760
        scale = [float(np.abs(cells).sum()) for cells in by_black(contracts, weights, DAY, price)]
        assert grid.gamma_usd_per_1pct[0, 0, j] == pytest.approx(by_price, abs=1e-6 * scale[0])
        assert grid.charm_usd_per_hour[0, 0, j] == pytest.approx(by_time, abs=1e-6 * scale[1])


def test_a_contract_is_there_until_the_instant_of_its_expiry_and_then_gone():
    times = np.arange(0, 24 * 6 + 3) * 10 * MINUTE
    found = of(one(), [1.0, 1.0], times, [SPOT])
    is_there = times < DAY - 1e-12
    assert is_there.sum() == 144
    for grid in found:
        assert np.all(grid[0, is_there, 0] != 0.0)
        assert np.all(grid[0, ~is_there, 0] == 0.0)


def test_an_instant_is_met_through_the_rounding_of_years():
    seconds = np.arange(1, 20_000, 37)
    t = (seconds + 7_654_321.0) / SECONDS_PER_YEAR - 7_654_321.0 / SECONDS_PER_YEAR
    contracts = one(t_years=t, is_call=np.ones(t.size, dtype=bool))
    found = of(contracts, np.eye(t.size), seconds / SECONDS_PER_YEAR, [SPOT])
    own = np.diagonal(found.gamma_usd_per_1pct[:, :, 0])
    assert np.all(own == 0.0)


def test_expiries_leave_one_by_one_and_the_others_stay():
    both = one(t_years=np.array([HOUR, DAY]), is_call=np.array([True, True]))
    found = of(both, [[1.0, 1.0], [0.0, 1.0]], [0.0, HOUR], PRICES).gamma_usd_per_1pct
    np.testing.assert_array_equal(found[0, 1], found[1, 1])
    assert np.all(found[0, 0, 2:5] > found[1, 0, 2:5])


def test_in_its_last_minute_a_contract_stands_a_minute_before_expiry():
    still = one(smooth_carry_frac=0.0, discount_factor=1.0, strike=SPOT, forward=SPOT)
    found = of(still, [1.0, 0.0], DAY - MINUTE * np.array([1.0, 0.5, 0.01]), PRICES)
    for grid in found:
        assert np.isfinite(grid).all()
        np.testing.assert_allclose(grid[0, 1:], grid[0, [0, 0]], rtol=1e-9)
    short = of(still | {"t_years": MINUTE / 7}, [1.0, 0.0], [0.0], PRICES)
    np.testing.assert_allclose(short.gamma_usd_per_1pct[0, 0], found.gamma_usd_per_1pct[0, 0], rtol=1e-9)


def test_a_call_against_its_put_has_no_gamma_and_the_charm_of_a_discounted_forward():
    found = of(one(), [1.0, -1.0])
    rate = -np.log(0.9999) / DAY
    units = 4001.0 / SPOT * np.exp(-CARRY * TIMES[:3]) * np.exp(-rate * (DAY - TIMES[:3]))
    assert np.all(found.gamma_usd_per_1pct == 0.0)
    expected = (rate - CARRY) * np.multiply.outer(units, PRICES) / 8760
    np.testing.assert_allclose(found.charm_usd_per_hour[0, :3], expected, rtol=1e-13)


def test_far_out_of_the_money_every_digit_counts():
    strikes = SPOT * np.array([0.7, 0.75, 1.2, 1.35])
    contracts = one(strike=strikes, t_years=20 * DAY, discount_factor=0.997, is_call=strikes > SPOT)
    for i, row in enumerate(np.eye(4)):
        found = of(contracts, row, [0.0], [SPOT])
        for grid, cells in zip(found, by_black(contracts, row, 0.0, SPOT), strict=True):
            assert abs(cells[i]) > 0.0
            assert grid[0, 0, 0] == pytest.approx(cells[i], rel=1e-11)


@QUICK
@given(st.integers(0, 2**32))
def test_vectors_are_independent_and_parts_of_a_book_add_up(seed: int):
    contracts, weights = book(150, seed=seed), weights_of(150, seed=seed)[0]
    of_expiry = np.array([weights * (contracts["t_years"] == t) for t in np.unique(contracts["t_years"])])
    together = of(contracts, np.vstack([weights, of_expiry, np.zeros(150)]))
    gross = of(contracts, np.abs(weights))
    for grid, largest in zip(together, (np.abs(g).max() for g in gross), strict=True):
        np.testing.assert_allclose(grid[1:-1].sum(axis=0), grid[0], rtol=0, atol=1e-13 * largest)
        assert np.all(grid[-1] == 0.0)
    for k, row in enumerate(of_expiry):
        for grid, alone in zip(together, of(contracts, row), strict=True):
            np.testing.assert_allclose(grid[1 + k], alone[0], rtol=0, atol=1e-13 * np.abs(alone).max())


@QUICK
@given(st.integers(0, 2**32))
def test_the_order_of_contracts_does_not_matter(seed: int):
    contracts, weights = book(400, seed=seed), weights_of(400, seed=seed)[0]
    order = np.random.default_rng(seed).permutation(400)
    shuffled = {name: v[order] if isinstance(v, np.ndarray) else v for name, v in contracts.items()}
    gross = of(contracts, np.abs(weights)).gamma_usd_per_1pct.max(axis=2)
    a, b = of(contracts, weights), of(shuffled, weights[order])
    assert np.all(np.abs(a[0] - b[0]) <= 1e-13 * gross[..., None])
    for time, price in ((0, 3), (2, 1), (3, 6)):
        scale = np.abs(by_black(contracts, weights, TIMES[time], PRICES[price])[1]).sum()
        assert abs(a[1][0, time, price] - b[1][0, time, price]) <= 1e-13 * scale


def test_prices_and_times_may_come_in_any_order():
    contracts, weights = book(100), weights_of(100)
    for grid, back in zip(of(contracts, weights), of(contracts, weights, TIMES[::-1], PRICES[::-1]), strict=True):
        np.testing.assert_allclose(back[:, ::-1, ::-1], grid, rtol=0, atol=1e-13 * np.abs(grid).max())


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("iv_frac", np.nan), ("iv_frac", 0.0), ("iv_frac", -0.1), ("iv_frac", np.inf), ("forward", np.nan),
        ("forward", 0.0), ("strike", -1.0), ("strike", np.inf), ("t_years", 0.0), ("t_years", -1.0),
        ("t_years", np.nan), ("discount_factor", 0.0), ("discount_factor", np.nan), ("strike", 1e20),
    ],
)  # fmt: skip
def test_contracts_that_cannot_be_priced_are_left_out(name: str, bad: float):
    contracts, weights = book(60), weights_of(60)[0]
    broken = contracts | {name: np.where(np.arange(60) % 3 == 0, bad, contracts[name])}
    kept = np.where(np.arange(60) % 3 == 0, 0.0, weights)
    for grid, expected in zip(of(broken, weights), of(contracts, kept), strict=True):
        np.testing.assert_array_equal(grid, expected)


def test_weights_that_are_unknown_count_nothing():
    contracts, weights = book(60), weights_of(60)[0]
    unknown = np.where(np.arange(60) % 4 == 0, np.nan, weights)
    for grid, expected in zip(of(contracts, unknown), of(contracts, np.nan_to_num(unknown)), strict=True):
        np.testing.assert_array_equal(grid, expected)
        assert np.isfinite(grid).all()


def test_extreme_figures_give_finite_cells():
    for changed in ({"iv_frac": 1e-19}, {"iv_frac": 1e3}, {"strike": 1e-19}, {"strike": 1e19}, {"t_years": 1e-12},
                    {"t_years": 1e4}, {"discount_factor": 1e-19}, {"smooth_carry_frac": 100.0}):  # fmt: skip
        for grid in of(one(**changed), [3.0, 4.0], prices=[1e-9, 1.0, SPOT, 1e9]):
            assert np.isfinite(grid).all(), changed


@pytest.mark.parametrize("vectors", [0, 1, 3])
@pytest.mark.parametrize("contracts", [0, 1, 5])
@pytest.mark.parametrize("times", [0, 1])
@pytest.mark.parametrize("prices", [0, 1])
def test_nothing_is_a_legal_amount_of_everything(vectors: int, contracts: int, times: int, prices: int):
    found = of(book(contracts), weights_of(contracts, vectors=vectors), TIMES[:times], PRICES[:prices])
    for grid in found:
        assert grid.shape == (vectors, times, prices)
        assert np.isfinite(grid).all()
        assert contracts > 0 or not grid.any()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"spot": 0.0}, "spot"),
        ({"spot": np.nan}, "spot"),
        ({"spot": 1e-300}, "spot"),
        ({"spot": 1e300}, "spot"),
        ({"times_years": [0.0, np.nan]}, "times_years"),
        ({"times_years": [-1e-9]}, "times_years"),
        ({"times_years": [[0.0]]}, "times_years"),
        ({"times_years": 0.0}, "times_years"),
        ({"prices": [SPOT, 0.0]}, "prices"),
        ({"prices": [np.inf]}, "prices"),
        ({"prices": [1e-300]}, "prices"),
        ({"prices": [SPOT, 1e300]}, "prices"),
        ({"prices": SPOT}, "prices"),
        ({"smooth_carry_frac": np.nan}, "smooth_carry_frac"),
        ({"smooth_carry_frac": [0.0, -np.inf]}, "smooth_carry_frac"),
        ({"weights": [1.0, np.inf]}, "weights"),
        ({"weights": [1.0, 2.0, 3.0]}, "weights"),
        ({"weights": np.ones((2, 2, 2))}, "weights"),
        ({"strike": [1.0, 2.0, 3.0]}, "strike"),
        ({"strike": np.full((2, 2), SPOT)}, "weights"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(changed: dict[str, Any], named: str):
    given_ = one() | {"weights": [1.0, 1.0], "times_years": TIMES, "prices": PRICES}
    with pytest.raises(ValueError, match=f"^[^\n]*{named}[^\n]*$"):
        repriced_grid(**(given_ | changed))


@pytest.mark.parametrize("changed", [{"is_call": [1, 0]}, {"strike": ["a", "b"]}, {"weights": [True, False]}])
def test_what_is_no_number_or_no_flag_is_a_type_error(changed: dict[str, Any]):
    with pytest.raises(TypeError, match=next(iter(changed))):
        repriced_grid(**(one() | {"weights": [1.0, 1.0], "times_years": TIMES, "prices": PRICES} | changed))


def test_times_run_in_ten_minutes_to_the_next_expiry_and_then_by_the_hour():
    axis = time_axis([3 * DAY, 125 * MINUTE, np.nan, -DAY])
    np.testing.assert_allclose(axis[:14] / MINUTE, [*range(0, 130, 10), 125], atol=1e-6)
    np.testing.assert_allclose(np.diff(axis[13:]) / MINUTE, 60.0, atol=1e-6)
    assert 5 * DAY - HOUR < axis[-1] <= 5 * DAY


@pytest.mark.parametrize("years", [6 * DAY, 1.0, 1e19, 1e300])
def test_where_nothing_expires_soon_the_ten_minutes_run_to_the_end(years: float):
    axis = time_axis([years])
    np.testing.assert_allclose(axis / MINUTE, np.arange(0, 5 * 24 * 60 + 1, 10), atol=1e-6)


def test_an_expiry_on_the_ten_minutes_stands_once():
    axis = time_axis([2 * HOUR, 9 * DAY])
    np.testing.assert_allclose(axis[:15] / MINUTE, [*range(0, 130, 10), 180, 240], atol=1e-6)


def test_times_end_after_five_days_also_where_nothing_expires_before():
    axis = time_axis([30 * DAY])
    assert axis.size == 721
    assert axis[-1] == 5 * DAY


@pytest.mark.parametrize("t_years", [[], [np.nan], [-DAY, 0.0]])
def test_without_a_living_contract_there_is_only_now(t_years: list[float]):
    np.testing.assert_array_equal(time_axis(t_years), [0.0])


@given(st.floats(0.01, 3.0), st.floats(1e-5, 0.1))
def test_prices_surround_the_spot_in_small_steps(vol: float, years: float):
    axis = price_axis(spot=SPOT, iv_frac=vol, t_years=years)
    steps = np.diff(axis) / SPOT
    assert SPOT in axis
    assert steps.min() > 0
    assert steps.max() <= 0.00125 + 1e-12
    assert 0.10 - 1e-9 <= axis[-1] / SPOT - 1 <= 0.15 + 1e-9
    np.testing.assert_allclose(axis + axis[::-1], 2 * SPOT, rtol=1e-12)
    away = np.abs(axis / SPOT - 1)
    near = np.maximum(away[1:], away[:-1]) <= min(3 * vol * np.sqrt(min(years, 5 * DAY)), 0.1)
    assert np.all(steps[near] <= vol * np.sqrt(10 * MINUTE) + 1e-12)


@pytest.mark.parametrize("name", ["spot", "iv_frac", "t_years"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_prices_cannot_be_spaced_by_what_is_not_above_zero(name: str, value: float):
    with pytest.raises(ValueError, match=f"^{name}: a number above zero, and below 2e[+]19, is needed, not {value}$"):
        price_axis(**({"spot": SPOT, "iv_frac": 0.2, "t_years": DAY} | {name: value}))
