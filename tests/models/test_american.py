"""American options: another program's prices, what no American price may do, and volatilities found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import engine as switch
from models.american import american_price, de_americanised_vol
from models.black import black_price, greeks
from models.implied_vol import implied_vol
from tests.models.american_prices import SPOT, TABLE, contracts, quantlib_price
from tests.models.facts import column, read_rows

CARRIES = st.floats(0.0, 0.10)
RATES, VOLS, DAYS, MONEYNESS = st.floats(-0.01, 0.08), st.floats(0.05, 1.5), st.integers(1, 1095), st.floats(-0.7, 0.7)


def terms(strike, days, r, q, is_call, spot=SPOT) -> dict:
    """The arguments that price and volatility share."""
    strike, years, r, q = (np.asarray(x, dtype=float) for x in (strike, np.asarray(days) / 365, r, q))
    return {
        "spot": np.float64(spot), "forward": spot * np.exp((r - q) * years), "strike": strike, "t_years": years,
        "discount_factor": np.exp(-r * years), "is_call": np.asarray(is_call),
    }  # fmt: skip


def european(given: dict, vol) -> np.ndarray:
    return black_price(**{k: v for k, v in given.items() if k != "spot"}, iv_frac=vol)


def exercised(given: dict) -> np.ndarray:
    gain = given["spot"] - given["strike"]
    return np.maximum(np.where(given["is_call"], gain, -gain), 0.0)


def of_rows(rows) -> tuple[dict, np.ndarray, np.ndarray]:
    strike, days, vol, r, q, price = (column(rows, n) for n in ("strike", "days", "vol", "r", "q", "price"))
    return terms(strike, days, r, q, column(rows, "is_call") > 0), vol, price


TABLE_ROWS = of_rows(read_rows(TABLE))


def test_prices_are_those_of_another_program(engine):
    given, vol, price = TABLE_ROWS
    off = np.abs(american_price(**given, iv_frac=vol) - price) / SPOT
    assert np.quantile(off, 0.99) < 5e-7 and off.max() < 5e-6


def test_volatilities_of_another_programs_prices_are_those_it_priced_with(engine):
    given, vol, price = TABLE_ROWS
    sensitivity = greeks(**given, iv_frac=vol).vega / (SPOT * np.sqrt(given["t_years"]))
    tells = (sensitivity > 0.01) & (price - exercised(given) > 1e-3 * SPOT)
    off = np.abs(de_americanised_vol(price, **given) - vol)[tells]
    assert tells.sum() > 300 and np.quantile(off, 0.99) < 2e-6 and off.max() < 2e-5


def test_prices_are_those_of_quantlib_where_it_is_installed():
    pytest.importorskip("QuantLib")
    drawn = contracts(50, seed=7)
    strike, days, vol, r, q, is_call = (np.array(x) for x in zip(*drawn, strict=True))
    found = american_price(**terms(strike, days, r, q, is_call), iv_frac=vol)
    np.testing.assert_allclose(found, [quantlib_price(*one) for one in drawn], atol=5e-4)


@given(MONEYNESS, DAYS, VOLS, RATES, CARRIES, st.booleans())
def test_no_price_is_below_its_european_twin_or_exercise_at_once(log_ratio, days, vol, r, q, is_call):
    given = terms(SPOT * np.exp(log_ratio), days, r, q, is_call)
    price = american_price(**given, iv_frac=vol)
    assert price >= exercised(given) * (1 - 1e-14) and price >= european(given, vol) - 1e-13 * SPOT
    assert price <= (SPOT if is_call else given["strike"]) * np.exp(max(-r, 0.0) * days / 365)


@given(MONEYNESS, DAYS, st.floats(0.05, 1.4), st.floats(0.005, 0.08), CARRIES, st.booleans())
def test_more_volatility_and_more_time_never_cost_less(log_ratio, days, vol, r, q, is_call):
    strike = SPOT * np.exp(log_ratio)
    price = american_price(**terms(strike, days, r, q, is_call), iv_frac=np.array([vol, vol + 0.05]))
    later = american_price(**terms(strike, days + 30, r, q, is_call), iv_frac=vol)
    assert price[1] >= price[0] - 2e-6 * SPOT and later >= price[0] - 5e-6 * SPOT


@given(MONEYNESS, DAYS, VOLS, st.floats(0.0, 0.08), CARRIES)
def test_a_call_is_the_put_with_spot_and_strike_rate_and_carry_exchanged(log_ratio, days, vol, r, q):
    strike = SPOT * np.exp(log_ratio)
    call = american_price(**terms(strike, days, r, q, is_call=True), iv_frac=vol)
    put = american_price(**terms(SPOT, days, q, r, is_call=False, spot=strike), iv_frac=vol)
    assert call == pytest.approx(put, abs=1e-12 * max(SPOT, strike))


@given(MONEYNESS, DAYS, VOLS, st.floats(0.0, 0.08), st.floats(-0.05, 0.0))
def test_calls_without_carry_are_european_to_the_last_digit(log_ratio, days, vol, r, q):
    given = terms(SPOT * np.exp(log_ratio), days, r, q, is_call=True)
    price = american_price(**given, iv_frac=vol)
    assert price == european(given, vol)
    found = de_americanised_vol(price, **given)
    twin = implied_vol(price, **{k: v for k, v in given.items() if k != "spot"})
    np.testing.assert_array_equal(found, twin)


@given(st.floats(-2.0, 2.0), DAYS, VOLS, st.floats(0.0, 0.08), CARRIES, st.booleans())
def test_the_volatility_of_a_price_is_found_again(deviations, days, vol, r, q, is_call):
    years = days / 365
    strike = SPOT * np.exp((r - q) * years + deviations * vol * np.sqrt(years))
    given = terms(strike, days, r, q, is_call)
    price = american_price(**given, iv_frac=vol)
    if price > exercised(given) + 1e-4 * SPOT:
        found = float(de_americanised_vol(price, **given))
        assert float(american_price(**given, iv_frac=found)) == pytest.approx(float(price), abs=1e-10 * SPOT)
        assert found == pytest.approx(vol, rel=1e-6)


def test_the_european_formula_misreads_american_quotes_and_the_american_one_does_not(engine):
    strike = SPOT * np.array([0.9, 1.0, 1.1, 1.3])
    given = terms(strike, 182.5, 0.045, 0.0, is_call=False)
    quotes = american_price(**given, iv_frac=0.25)
    read = implied_vol(quotes, **{k: v for k, v in given.items() if k != "spot"})
    np.testing.assert_allclose(100 * (read - 0.25), [0.3, 0.7, 2.0, 12.2], atol=0.05)  # by another program's prices
    np.testing.assert_allclose(de_americanised_vol(quotes, **given), [0.25, 0.25, 0.25, np.nan], rtol=1e-7)
    assert quotes[3] == exercised(given)[3]  # which says nothing about volatility


def test_rates_below_zero_make_calls_without_carry_worth_exercising(engine):
    given = terms(87.7, 81, -0.0058, 0.0, is_call=True)
    assert american_price(**given, iv_frac=0.176) == pytest.approx(12.4252, abs=2e-4)  # a tree of 4,000 steps
    assert american_price(**given, iv_frac=0.176) > european(given, 0.176) + 0.02


def test_between_two_boundaries_there_is_no_number(engine):
    put, call = terms(110.0, 365, -0.01, -0.03, is_call=False), terms(90.0, 365, -0.03, -0.01, is_call=True)
    for option in (put, call):
        assert np.isnan(american_price(**option, iv_frac=0.1)) and np.isnan(de_americanised_vol(15.0, **option))


@pytest.mark.parametrize("name", ["spot", "forward", "strike", "t_years", "discount_factor", "iv_frac"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_what_is_no_option_has_neither_price_nor_volatility(engine, name, bad):
    given = terms([90.0, 110.0], 90, 0.04, 0.02, [False, True]) | {"iv_frac": np.array([0.2, 0.2])}
    given[name] = np.array([bad, np.max(given[name])])
    price = american_price(**given)
    assert np.isnan(price[0]) and price[1] > 0.0
    if name != "iv_frac":
        given.pop("iv_frac")
        found = de_americanised_vol(np.array([3.0, 3.0]), **given)
        assert np.isnan(found[0]) and found[1] > 0.0


def test_three_negative_prices_are_no_option_though_their_ratios_are_those_of_one(engine):
    given = terms(105.0, 90, 0.03, 0.01, False) | {"spot": -100.0, "forward": -100.5, "strike": -105.0}
    assert np.isnan(american_price(**given, iv_frac=0.2))


@pytest.mark.parametrize("name", ["spot", "forward", "strike", "t_years", "discount_factor", "iv_frac"])
def test_numbers_that_nothing_can_be_have_no_price(engine, name):
    given = terms(105.0, 90, 0.03, 0.01, [True, False]) | {"iv_frac": 0.2}
    for absurd in (5e-324, 1e-100, 1e100, 1.7e308):
        assert np.isnan(american_price(**(given | {name: absurd}))).all()


def test_what_is_nearly_sure_to_end_worthless_is_never_worth_less_than_nothing(engine):
    given = terms(100.0 * np.exp([0.02, -0.02, 30.0, -30.0]), 365, 0.05, 0.02, [True, False, True, False])
    for vol in (1e-3, 1e-5):
        assert np.all(american_price(**given, iv_frac=vol) >= european(given, vol))


@pytest.mark.parametrize("price", [np.nan, np.inf, 0.0, -1.0, 20.0, 19.0, 100.0])
def test_prices_without_a_volatility_have_none(engine, price):
    assert np.isnan(de_americanised_vol(price, **terms(80.0, 90, 0.04, 0.08, is_call=True)))


def test_sides_that_are_not_flags_and_lengths_that_do_not_fit_are_refused():
    given = terms([90.0, 110.0], 90, 0.04, 0.02, is_call=True)
    with pytest.raises(TypeError, match="True and False"):
        american_price(**given | {"is_call": np.array([1, 0])}, iv_frac=0.2)
    with pytest.raises(ValueError, match="different lengths"):
        de_americanised_vol([1.0, 2.0, 3.0], **given)


def test_compiled_and_plain_say_the_same():
    given, vol, _ = TABLE_ROWS
    compiled = american_price(**given, iv_frac=vol)
    switch.use("plain")
    np.testing.assert_allclose(american_price(**given, iv_frac=vol), compiled, atol=1e-12 * SPOT, rtol=1e-9)


def test_neither_the_cut_nor_the_threads_change_a_bit():
    given, vol, price = TABLE_ROWS
    many = {name: np.tile(np.broadcast_to(values, price.shape), 3) for name, values in given.items()}
    whole = american_price(**many, iv_frac=np.tile(vol, 3))
    vols = de_americanised_vol(np.tile(price, 3), **many)
    switch.set_threads(2)
    np.testing.assert_array_equal(american_price(**many, iv_frac=np.tile(vol, 3)), whole)
    np.testing.assert_array_equal(de_americanised_vol(np.tile(price, 3), **many), vols)
    for start, end in ((0, 1), (1, 8), (8, 27), (27, 600)):
        part = {name: np.broadcast_to(values, price.shape)[start:end] for name, values in given.items()}
        np.testing.assert_array_equal(american_price(**part, iv_frac=vol[start:end]), whole[start:end])
        np.testing.assert_array_equal(de_americanised_vol(price[start:end], **part), vols[start:end])
