"""The kernel of implied volatility beside the plain one: the same answers and refusals, wherever the work is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import engine
from models.black import black_price
from models.conventions import Floats
from models.implied_vol import implied_vol
from models.kernels import implied_vol as compiled
from models.kernels.compiled import Numbers, Out, kernel
from models.plain import implied_vol as plain
from tests.models.option_samples import contracts

Columns = tuple[Floats, ...]
NAMES = ("price", "forward", "strike", "t_years", "discount_factor", "is_call")
HOSTILE = [
    0.0, -0.0, 5e-324, 1e-310, 2.3e-308, 1e-300, 1e-20, 1e-9, 1.0, 99.99999999999999, 100.0, 100.00000000000001, 1e9,
    1e20, 1e300, 1.7976931348623157e308, math.inf, math.nan,
]  # fmt: skip
NUMBERS = st.one_of(st.sampled_from([*HOSTILE, *(-value for value in HOSTILE)]), st.floats(), st.floats(1.0, 200.0))
TIMES = st.one_of(NUMBERS, st.sampled_from([1 / 525_600, 1e-9, 100.0, 5e-20]), st.floats(1e-6, 30.0))


def by(room, columns: Columns) -> Floats:
    out = np.full(columns[0].size, -7.0)
    room.fill_implied_vol(*columns, out)
    return out


def assert_same(columns: Columns) -> None:
    fast, slow = by(compiled, columns), by(plain, columns)
    np.testing.assert_array_equal(np.isnan(fast), np.isnan(slow))
    np.testing.assert_allclose(fast, slow, rtol=1e-12)
    assert np.all((fast > 0.0) | np.isnan(fast))


def priced(count: int, seed: int = 5) -> Columns:
    """Random options at their prices: near the money and far, of minutes and decades."""
    found = contracts(np.random.default_rng(seed), count)
    columns = {name: found[name] for name in NAMES[1:]}
    price = black_price(iv_frac=found["iv_frac"], **columns)
    return (price, *columns.values())


def test_compiled_and_plain_agree_on_a_hundred_thousand_options():
    columns = priced(100_000)
    assert np.isfinite(by(compiled, columns)).mean() > 0.6
    assert_same(columns)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, TIMES, NUMBERS, st.booleans()), min_size=1, max_size=20))
def test_compiled_and_plain_refuse_the_same_hostile_numbers(rows):
    assert_same(tuple(np.array(column) for column in zip(*rows, strict=True)))


@given(
    st.floats(1.0, 200.0), st.one_of(st.just(1.0), st.floats(0.5, 2.0)), TIMES, st.floats(0.5, 1.0), st.booleans(),
    st.integers(-40, 40),
)  # fmt: skip
def test_compiled_and_plain_draw_the_same_line_beside_the_bounds(forward, ratio, years, discount, is_call, ulps):
    strike = forward * ratio
    intrinsic = max(forward - strike if is_call else strike - forward, 0.0) * discount
    upper = (forward if is_call else strike) * discount
    prices = np.array([intrinsic, intrinsic + forward * 1e-15, upper])
    prices = np.concatenate([prices + ulps * np.spacing(prices), np.nextafter(prices, np.inf), np.nextafter(prices, 0)])
    shared = (np.full(prices.size, value) for value in (forward, strike, years, discount))
    assert_same((prices, *shared, np.full(prices.size, is_call)))


@pytest.mark.parametrize("years", [1 / 525_600, 1e-9, 1.0, 100.0])
def test_compiled_and_plain_agree_at_the_money_and_beside_it(years: float):
    prices = np.geomspace(1e-300, 99.0, 2000)
    for strike in (100.0, np.nextafter(100.0, 0), np.nextafter(100.0, 200), 100.01):
        shared = (np.full(prices.size, value) for value in (100.0, strike, years, 1.0))
        assert_same((prices, *shared, np.full(prices.size, True)))


def test_results_are_the_same_bits_wherever_contracts_are_cut():
    columns = priced(64)
    whole = by(compiled, columns)
    for offset in range(17):
        for length in range(1, 41):
            part = slice(offset, offset + length)
            found = by(compiled, tuple(np.ascontiguousarray(column[part]) for column in columns))
            np.testing.assert_array_equal(found, whole[part])


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_results_are_the_same_bits_in_any_order_of_contracts(order: str):
    columns = priced(5000)
    places = np.arange(5000)[::-1] if order == "reversed" else np.random.default_rng(1).permutation(5000)
    found = by(compiled, tuple(np.ascontiguousarray(column[places]) for column in columns))
    np.testing.assert_array_equal(found, by(compiled, columns)[places])


def test_results_are_the_same_bits_on_any_number_of_threads():
    columns = dict(zip(NAMES, priced(100_001), strict=True))
    engine.use("compiled")
    found = []
    for count in (1, 2, 3):
        engine.set_threads(count)
        found.append(implied_vol(**columns))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_nothing_is_written_beyond_the_contracts():
    columns = priced(40)
    for count in range(40):
        out = np.full(40, -7.0)
        compiled.fill_implied_vol(*(column[:count] for column in columns), out[:count])
        assert np.all(out[count:] == -7.0)


first_total = compiled._start


@kernel
def _starts(count: int, value: Numbers, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = first_total(value[i], x[i], 1.0)


def test_the_start_lies_within_what_one_step_needs():
    total, deviations = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e-6, 1.8, 60), np.linspace(0.0, 10.0, 101)))
    x = total * deviations
    ones = np.ones_like(x)
    value = black_price(
        forward=np.exp(-x / 2), strike=np.exp(x / 2), t_years=ones, iv_frac=total, discount_factor=ones, is_call=True
    )
    starts = np.empty_like(x)
    _starts(x.size, value, x, starts)
    assert np.abs(starts / total - 1).max() < compiled._NEAR
