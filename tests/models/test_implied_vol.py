"""Implied volatility: exact where it exists, absent where it does not, never wrong. By both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.black import black_price, greeks
from models.conventions import Floats
from models.implied_vol import implied_vol
from tests.models import truth
from tests.models.facts import GOLDEN, OWN, column, read_rows
from tests.models.option_samples import contracts

pytestmark = pytest.mark.usefixtures("engine")
Terms = dict[str, Any]
ULP = 2.0**-52
ONE = {"forward": 100.0, "strike": 110.0, "t_years": 0.5, "discount_factor": 0.98, "is_call": True}


def tolerance(price: Floats, terms: Terms, vol: Floats) -> Floats:
    """Relative error that is allowed: what the last digit of the price says of the volatility, and a little."""
    vega = greeks(spot=1.0, iv_frac=vol, **terms).vega
    return np.asarray(1e-13 + ULP * price / (vega * vol))


@cache
def sampled(seed: int, count: int) -> tuple[Terms, Floats, list[float | None]]:
    """Random options, their prices rounded to double, and the volatilities of exactly those prices."""
    found = contracts(np.random.default_rng(seed), count)
    names = ("forward", "strike", "t_years", "discount_factor", "is_call")
    terms = {name: found[name] for name in names}
    rows = [dict(zip(names, row, strict=True)) for row in zip(*(found[n].tolist() for n in names), strict=True)]
    prices = [float(truth.price(iv_frac=vol, **row)) for vol, row in zip(found["iv_frac"].tolist(), rows, strict=True)]
    vols = [truth.implied_vol(price, **row) for price, row in zip(prices, rows, strict=True)]
    return terms, np.array(prices), [None if vol is None else float(vol) for vol in vols]


def check_against_truth(seed: int, count: int) -> None:
    terms, price, expected = sampled(seed, count)
    found, true = implied_vol(price, **terms), np.array(expected, dtype=float)
    assert np.isnan(found[np.isnan(true)]).all()
    is_found = np.isfinite(found)
    errors = np.abs(found / true - 1)[is_found]
    of_found = {name: values[is_found] for name, values in terms.items()}
    assert np.all(errors <= tolerance(price[is_found], of_found, true[is_found])), f"seed {seed}: {errors.max()}"
    forward, strike = terms["forward"], terms["strike"]
    is_out = np.where(terms["is_call"], strike >= forward, strike <= forward)
    share = price / terms["discount_factor"] / np.minimum(forward, strike)
    is_plain = is_out & (price >= 1e-12) & (share < 0.999)
    assert np.abs(found / true - 1)[is_plain].max() <= 1e-13, f"seed {seed}"
    assert is_plain.sum() > count / 5
    is_lost = ~is_found & (price > 1e-290)
    intrinsic = np.maximum(np.where(terms["is_call"], forward - strike, strike - forward), 0.0)
    undiscounted = price / terms["discount_factor"]
    to_a_bound = np.minimum(undiscounted - intrinsic, np.minimum(forward, strike) - (undiscounted - intrinsic))
    assert np.all(to_a_bound[is_lost] <= 4 * ULP * (undiscounted + forward)[is_lost])


def test_five_hundred_random_options_agree_with_sixty_digits():
    check_against_truth(seed=20240621, count=500)


@pytest.mark.slow
def test_ten_thousand_fresh_options_a_day_agree_with_sixty_digits():
    check_against_truth(seed=datetime.now(UTC).toordinal(), count=10_000)


def solve(rows: list[dict[str, str]]) -> Floats:
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


def test_the_golden_prices_give_back_their_volatility():
    rows = read_rows(OWN / "high_precision_greeks.csv")
    found, price = solve(rows), column(rows, "price")
    rounding = 4 * ULP * (price + column(rows, "spot")) / (column(rows, "vega") * column(rows, "sigma"))
    is_found = np.isfinite(found)
    assert np.all(np.abs(found / column(rows, "sigma") - 1)[is_found] <= 1e-12 + rounding[is_found])
    assert is_found.sum() >= 0.7 * len(rows)


@pytest.mark.parametrize("price", [1e-3, 1e-12, 1e-60, 1e-150, 1e-250, 1e-300])
@pytest.mark.parametrize("strike", [100.0001, 103.0, 400.0, 1e4])
def test_prices_far_out_of_the_money_keep_their_digits(price: float, strike: float):
    terms = {"forward": 100.0, "strike": strike, "t_years": 0.25, "discount_factor": 1.0, "is_call": True}
    true = truth.implied_vol(price, **terms)
    assert true is not None
    assert float(implied_vol(price, **terms)) == pytest.approx(float(true), rel=2e-14)


@pytest.mark.parametrize("total", [1e-20, 1e-12, 1e-6, 0.01, 0.3, 2.0, 4.0, 8.0, 11.0])
@pytest.mark.parametrize("distance", [0.0, 0.3, 3.0])
def test_volatility_is_found_however_small_or_large(total: float, distance: float):
    terms = {"forward": 100.0, "strike": 100.0 * np.exp(distance * min(total, 3.0)), "t_years": 4.0, "is_call": True}
    price = float(truth.price(iv_frac=total / 2, discount_factor=1.0, **terms))
    true = truth.implied_vol(price, discount_factor=1.0, **terms)
    assert true is not None
    assert float(implied_vol(price, discount_factor=1.0, **terms)) == pytest.approx(float(true), rel=2e-14)


@pytest.mark.parametrize("price", [1e-300, 1e-100, 1e-12])
def test_small_prices_at_the_money_are_proportional_to_volatility(price: float):
    terms = {"forward": 100.0, "strike": 100.0, "t_years": 4.0, "discount_factor": 0.5, "is_call": False}
    expected = np.sqrt(2 * np.pi) * price / (0.5 * 100.0) / 2.0
    assert float(implied_vol(price, **terms)) == pytest.approx(expected, rel=2e-15)


@pytest.mark.parametrize("years", [1e-9, 1 / 525_600, 100.0])
def test_time_may_be_a_blink_or_a_century(years: float):
    terms = {"forward": 5000.0, "strike": 5000.0 * (1 + np.sqrt(years)), "t_years": years, "discount_factor": 0.97}
    price = float(truth.price(iv_frac=0.15, is_call=True, **terms))
    assert float(implied_vol(price, is_call=True, **terms)) == pytest.approx(0.15, rel=2e-13)


INVALID = [
    {"price": 0.0}, {"price": -1.0}, {"price": np.nan}, {"price": np.inf}, {"price": 5e-324}, {"price": 98.0},
    {"price": 98.1}, {"price": 1e300}, {"t_years": 0.0}, {"t_years": -0.1}, {"t_years": np.nan}, {"t_years": np.inf},
    {"forward": 0.0}, {"forward": -100.0}, {"forward": np.nan}, {"forward": np.inf}, {"forward": 1e300},
    {"strike": 0.0}, {"strike": -1.0}, {"strike": np.nan}, {"strike": np.inf}, {"strike": 5e-324},
    {"discount_factor": 0.0}, {"discount_factor": -1.0}, {"discount_factor": np.nan}, {"discount_factor": np.inf},
    {"strike": 90.0, "price": 9.8}, {"strike": 90.0, "price": 9.0}, {"is_call": False, "price": 9.8},
    {"is_call": False, "price": 107.8},
]  # fmt: skip


@pytest.mark.parametrize("change", INVALID, ids=str)
def test_where_no_volatility_exists_there_is_none(change: Terms):
    assert np.isnan(implied_vol(**{"price": 3.0, **ONE, **change}))


def test_prices_an_ulp_from_their_bounds_tell_no_volatility():
    terms = {"forward": np.array([100.0, 100.0, 90.0]), "strike": np.array([90.0, 110.0, 100.0])}
    shared = {**terms, "t_years": 0.5, "discount_factor": 1.0, "is_call": np.array([True, True, False])}
    bounds = np.array([10.0, 100.0, 10.0])
    for price in (bounds, np.nextafter(bounds, 0.0), np.nextafter(bounds, 200.0)):
        assert np.isnan(implied_vol(price, **shared)).all()


STRIKES, YEARS, VOLS, DISCOUNTS = st.floats(-3.0, 3.0), st.floats(1e-5, 5.0), st.floats(0.02, 3.0), st.floats(0.7, 1.0)


def terms_of(distance: float, years: float, vol: float, discount: float, is_call: bool) -> Terms:
    """An option whose strike is so many standard deviations from the forward."""
    strike = 1000.0 * np.exp(distance * vol * np.sqrt(years))
    return {
        "forward": 1000.0, "strike": strike, "t_years": years, "discount_factor": discount, "is_call": is_call,
    }  # fmt: skip


@given(STRIKES, YEARS, VOLS, DISCOUNTS, st.booleans())
def test_the_volatility_of_a_price_gives_the_price_back(distance, years, vol, discount, is_call):
    terms = terms_of(distance, years, vol, discount, is_call)
    price = black_price(iv_frac=vol, **terms)
    found = implied_vol(price, **terms)
    if np.isfinite(found):
        sensitivity = greeks(spot=1000.0, iv_frac=vol, **terms).vega * vol
        assert abs(black_price(iv_frac=found, **terms) - price) <= 2e-13 * sensitivity + 8 * ULP * price
        assert abs(found / vol - 1) <= 1e-12 + 8 * ULP * price / sensitivity


@given(STRIKES, YEARS, VOLS, DISCOUNTS, st.booleans(), st.floats(-300.0, 0.0))
def test_a_higher_price_never_has_a_lower_volatility(distance, years, vol, discount, is_call, power):
    terms = terms_of(distance, years, vol, discount, is_call)
    price = float(black_price(iv_frac=vol, **terms))
    prices = np.unique(price * np.concatenate([1 + np.arange(-8, 9) * ULP, 1 + np.linspace(-1, 1, 33) * 10.0**power]))
    found = implied_vol(prices, **terms)
    found = found[np.isfinite(found)]
    assert np.all(found[1:] >= found[:-1] * (1 - 1e-13))


@given(STRIKES, YEARS, VOLS, DISCOUNTS, st.booleans(), st.integers(-30, 30))
def test_currency_units_do_not_matter(distance, years, vol, discount, is_call, power):
    terms = terms_of(distance, years, vol, discount, is_call)
    price = black_price(iv_frac=vol, **terms)
    found = implied_vol(price, **terms)

    def scaled(factor: float) -> Floats:
        moved = {**terms, "forward": terms["forward"] * factor, "strike": terms["strike"] * factor}
        return implied_vol(price * factor, **moved)

    np.testing.assert_array_equal(scaled(2.0**power), found)
    if np.isfinite(found) and distance * (1 if is_call else -1) > 0:
        assert abs(scaled(1.7) / found - 1) <= 1e-13 + 4 * ULP / (vol * np.sqrt(years))


@given(STRIKES, YEARS, VOLS, DISCOUNTS)
def test_call_and_put_share_their_volatility(distance, years, vol, discount):
    sides = [terms_of(distance, years, vol, discount, is_call) for is_call in (True, False)]
    prices = [black_price(iv_frac=vol, **terms) for terms in sides]
    call, put = (implied_vol(price, **terms) for price, terms in zip(prices, sides, strict=True))
    sensitivity = greeks(spot=1000.0, iv_frac=vol, **sides[0]).vega * vol
    if np.isfinite(call) and np.isfinite(put):
        assert abs(call / put - 1) <= 1e-12 + 8 * ULP * max(prices) / sensitivity
    else:
        assert min(prices) < 64 * ULP * 1000.0


def test_volatility_is_the_square_root_of_variance_per_year():
    years = np.array([0.01, 0.25, 4.0])
    found = implied_vol(3.0, **{**ONE, "t_years": years})
    np.testing.assert_allclose(found * np.sqrt(years), found[0] * 0.1, rtol=1e-15)


SAME = {name: [value] * 3 for name, value in {"price": 3.0, **ONE}.items()}


@pytest.mark.parametrize(
    "made",
    [
        list,
        tuple,
        np.array,
        pl.Series,
        lambda values: np.array(values) if values[0] is True else np.ma.array(values),
        lambda values: np.array(values).astype(np.float32) if values[0] is not True else np.array(values),
        lambda values: np.repeat(values, 2)[::2],
        lambda values: np.array(values)[::-1],
        lambda values: np.asfortranarray(np.array([values, values]))[0],
        lambda values: np.array(values[0]),
        lambda values: values[0],
    ],
)
def test_whatever_holds_numbers_will_do(made):
    given_ = {name: made(values) for name, values in SAME.items()}
    expected = implied_vol(3.0, **ONE)
    np.testing.assert_allclose(implied_vol(**given_), expected, rtol=1e-6)
    assert implied_vol(**given_).dtype == np.float64


def test_whole_numbers_are_numbers():
    whole = {"forward": 100, "strike": np.array([110, 120], dtype=np.int32), "t_years": 1, "discount_factor": 1}
    found = implied_vol(np.array([3, 2], dtype=np.uint8), **whole, is_call=True)
    np.testing.assert_array_equal(
        found, implied_vol([3.0, 2.0], **{k: v * 1.0 for k, v in whole.items()}, is_call=True)
    )


def test_results_have_the_shape_to_which_the_arguments_broadcast():
    price = np.array([[2.0], [3.0]])
    found = implied_vol(price, **{**ONE, "strike": np.array([105.0, 110.0, 115.0])})
    assert found.shape == (2, 3)
    assert found[1, 1] == implied_vol(3.0, **ONE)
    assert implied_vol(np.asfortranarray(np.full((3, 2), 3.0)), **ONE).shape == (3, 2)
    assert implied_vol(3.0, **ONE).shape == ()
    assert implied_vol(np.empty((0, 4)), **ONE).shape == (0, 4)
    assert implied_vol([], **ONE).shape == (0,)


def test_masked_and_missing_prices_have_no_volatility():
    masked = np.ma.array([3.0, 3.0], mask=[False, True])
    missing = pl.Series([3.0, None])
    for prices in (masked, missing):
        found = implied_vol(prices, **ONE)
        assert type(found) is np.ndarray
        assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize("name", ["price", "forward", "strike", "t_years", "discount_factor"])
@pytest.mark.parametrize(
    "value",
    ["100", 1j, None, [None, 1.0], True, object(), np.datetime64("2024-06-21")],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_refused_by_name(name: str, value: object):
    with pytest.raises(TypeError, match=name):
        implied_vol(**{"price": 3.0, **ONE, name: value})


@pytest.mark.parametrize("value", [1, 0.0, "C", None, [1, 0], np.ma.array([True], mask=[True])], ids=repr)
def test_flags_that_are_not_true_or_false_are_refused(value: object):
    with pytest.raises(TypeError, match="is_call"):
        implied_vol(3.0, **{**ONE, "is_call": value})


def test_lengths_that_do_not_fit_are_refused_by_name():
    with pytest.raises(ValueError, match=r"price \(2,\).*strike \(3,\)"):
        implied_vol([3.0, 4.0], **{**ONE, "strike": [100.0, 110.0, 120.0]})
