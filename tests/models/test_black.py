"""Black's formula against textbooks, 60-digit arithmetic and its own finite differences, by both engines."""

from __future__ import annotations

import math
import secrets
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import engine as switch
from models.black import Greeks, black_price, greeks
from models.domain import LEAST, LIMIT
from tests.models import truth
from tests.models.facts import OWN, column, high_precision_tables, read_rows
from tests.models.option_samples import MINUTE, Contracts, contracts, sizes, true_greeks

SPOTS, STRIKES = st.floats(50, 8000), st.floats(0.6, 1.6)
YEARS, VOLS = st.floats(0.02, 3), st.floats(0.08, 1.2)
RATES, CARRIES = st.floats(-0.02, 0.08), st.floats(-0.05, 0.08)
SEEDS = st.integers(0, 2**32)
ODD = [
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, -LEAST, -1e300, 5e-324, 1e-310, 1e-200, 1e200, 1.8e308),
    *(np.nextafter(LEAST, 0), LEAST, 1e-12, 1.0, 1e12, np.nextafter(LIMIT, 0), LIMIT),
]
POSITIVE = ("spot", "forward", "strike", "t_years", "iv_frac", "discount_factor")


def at(spot, strike, years, vol, rate, basis, carry=0.0, is_call=True) -> Greeks:
    """Greeks with b = F/S = exp(basis T), the smooth carry apart."""
    return greeks(
        spot=spot, forward=np.array(spot * np.exp(basis * years)), strike=np.array(strike), t_years=np.array(years),
        iv_frac=np.array(vol), discount_factor=np.exp(-rate * years), is_call=np.array(is_call),
        smooth_carry_frac=carry,
    )  # fmt: skip


def assert_true(options: Contracts, found: Greeks, tolerance: float, told: str = "", **convention: bool) -> None:
    """Relative to the sum of each greek's absolute terms, as far as doubles have their full digits."""
    expected = true_greeks(options, **convention)
    scale = sizes(options, expected, **convention)
    for name in Greeks._fields:
        error = np.abs(getattr(found, name) - getattr(expected, name))
        allowed = tolerance * getattr(scale, name) + 1e-290
        worst = int(np.argmax(error / allowed))
        assert (error <= allowed).all(), (name, told, {key: values[worst] for key, values in options.items()})


def test_greeks_print_as_in_the_textbooks(engine):
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
        ("price", "price", 1e-11),
        ("delta", "delta", 1e-11),
        ("gamma", "gamma", 1e-11),
        ("vega", "vega", 1e-11),
        ("vanna", "vanna", 1e-10),
        ("charm", "charm_per_year", 1e-10),
    ],
)
def test_greeks_match_sixty_digit_tables(engine, path: Path, name: str, stated: str, tolerance: float):
    rows = read_rows(path)
    names = ("spot", "strike", "t_years", "r", "q", "sigma")
    spot, strike, years, rate, dividend, vol = (column(rows, name) for name in names)
    carry = rate - dividend
    found = greeks(
        spot=spot, forward=spot * np.exp(carry * years), strike=strike, t_years=years, iv_frac=vol,
        discount_factor=np.exp(-rate * years), is_call=column(rows, "is_call") > 0, smooth_carry_frac=carry,
    )  # fmt: skip
    np.testing.assert_allclose(getattr(found, name), column(rows, stated), rtol=tolerance)


@pytest.mark.parametrize("is_delta_of_forward", [False, True])
def test_greeks_of_any_option_match_sixty_digit_arithmetic(engine, is_delta_of_forward: bool):
    for deviations, tolerance in ((8.0, 1e-12), (37.0, 1e-11)):
        options = contracts(np.random.default_rng(7), 300, deviations=deviations)
        found = greeks(**options, is_delta_of_forward=is_delta_of_forward)
        assert_true(options, found, tolerance, is_delta_of_forward=is_delta_of_forward)


@pytest.mark.slow
def test_greeks_of_ten_thousand_fresh_options_match_sixty_digit_arithmetic(engine):
    seed = secrets.randbits(64)
    options = contracts(np.random.default_rng(seed), 10_000)
    assert_true(options, greeks(**options), 1e-11, f"seed {seed}")


def test_a_minute_at_one_percent_keeps_its_digits(engine):
    rng = np.random.default_rng(3)
    options = contracts(rng, 200, deviations=8.0) | {"t_years": np.full(200, MINUTE), "iv_frac": np.full(200, 0.01)}
    total = 0.01 * np.sqrt(MINUTE)
    options["strike"] = options["forward"] * np.exp(np.linspace(-7, 7, 200) * total)
    assert_true(options, greeks(**options), 1e-12)


def test_prices_and_deltas_far_out_of_the_money_keep_their_digits_to_the_end_of_doubles(engine):
    deviations = np.linspace(5, 36, 60)
    for is_call in (True, False):
        strike = 100 * np.exp((1 if is_call else -1) * deviations * 0.2)
        found = greeks(
            spot=100.0, forward=100.0, strike=strike, t_years=1.0, iv_frac=0.2, discount_factor=0.97, is_call=is_call
        )
        for i, k in enumerate(strike.tolist()):
            expected = truth.greeks(
                spot=100, forward=100, strike=k, t_years=1, iv_frac=0.2, discount_factor=0.97, is_call=is_call
            )
            assert float(found.price[i]) == pytest.approx(float(expected["price"]), rel=1e-11, abs=0)
            assert float(found.delta[i]) == pytest.approx(float(expected["delta"]), rel=1e-11, abs=0)
        assert np.abs(found.delta).min() < 1e-270


def test_the_put_delta_of_a_deep_call_keeps_its_digits(engine):
    years = 30 / 365
    put = at(6000.0, 3000.0, years, 0.2, 0.04, 0.027, 0.0, is_call=False)
    d1 = (math.log(2.0) + 0.027 * years) / (0.2 * math.sqrt(years)) + 0.1 * math.sqrt(years)
    expected = -math.exp((0.027 - 0.04) * years) * math.erfc(d1 / math.sqrt(2)) / 2
    assert expected < 0
    assert float(put.delta) == pytest.approx(expected, rel=1e-11)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES, st.booleans())
def test_spot_derivatives_freeze_the_basis(engine, spot, ratio, years, vol, rate, basis, is_call):
    strike, step = spot * ratio, spot * 1e-4 * vol * np.sqrt(years)
    up, here, down = (at(s, strike, years, vol, rate, basis, 0.0, is_call) for s in (spot + step, spot, spot - step))
    width = vol * np.sqrt(years) * spot
    for name, of, scale in (
        ("delta", "price", 1.0), ("gamma", "delta", 1 / width), ("speed", "gamma", 1 / width**2),
        ("vanna", "vega", 1 / vol),
    ):  # fmt: skip
        slope = float(getattr(up, of) - getattr(down, of)) / (2 * step)
        assert float(getattr(here, name)) == pytest.approx(slope, rel=1e-5, abs=1e-7 * scale)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES, st.booleans())
def test_volatility_derivatives(engine, spot, ratio, years, vol, rate, basis, is_call):
    step = 1e-4 * vol
    up, here, down = (at(spot, spot * ratio, years, vol + d, rate, basis, 0.0, is_call) for d in (step, 0, -step))
    width = vol * np.sqrt(years) * spot
    for name, of, scale in (
        ("vega", "price", spot), ("vanna", "delta", 1 / vol), ("zomma", "gamma", 1 / (width * vol)),
        ("vomma", "vega", spot / vol),
    ):  # fmt: skip
        slope = float(getattr(up, of) - getattr(down, of)) / (2 * step)
        assert float(getattr(here, name)) == pytest.approx(slope, rel=1e-5, abs=1e-6 * scale)


@given(SPOTS, STRIKES, YEARS, VOLS, RATES, CARRIES, CARRIES, st.booleans())
def test_time_derivatives_move_basis_and_discount(engine, spot, ratio, years, vol, rate, basis, carry, is_call):
    forward, step = spot * np.exp(basis * years), 1e-4 * years

    def later(dt: float) -> Greeks:
        remaining = years - dt
        moved = np.log(forward / spot * np.exp(-carry * dt)) / remaining  # b(t) = (F/S) e^(-c (t - t0))
        return at(spot, spot * ratio, remaining, vol, rate, moved, carry, is_call)

    here, after, before = later(0.0), later(step), later(-step)
    theta, charm = (after.price - before.price) / (2 * step), (after.delta - before.delta) / (2 * step)
    assert float(here.theta) == pytest.approx(float(theta), rel=1e-4, abs=1e-6 * spot)
    assert float(here.charm) == pytest.approx(float(charm), rel=1e-4, abs=1e-5)


@given(SEEDS)
def test_a_call_less_its_put_is_the_discounted_forward_less_the_strike(engine, seed):
    options = contracts(np.random.default_rng(seed), 50)
    call, put = (greeks(**options | {"is_call": is_call}) for is_call in (True, False))
    for name in ("gamma", "vega", "vanna", "speed", "zomma", "vomma"):
        np.testing.assert_array_equal(getattr(call, name), getattr(put, name))
    forward, strike, discount, carry = (
        options[name] for name in ("forward", "strike", "discount_factor", "smooth_carry_frac")
    )
    rate, units = -np.log(discount) / options["t_years"], discount * forward / options["spot"]
    width = discount * np.maximum(forward, strike)
    np.testing.assert_allclose((call.price - put.price) / width, discount * (forward - strike) / width, atol=1e-14)
    np.testing.assert_allclose(call.delta - put.delta, units, rtol=1e-13)
    moved = rate * discount * (forward - strike) - carry * discount * forward
    size = np.abs(call.theta) + np.abs(put.theta) + np.abs(moved)
    np.testing.assert_allclose((call.theta - put.theta) / size, moved / size, atol=1e-13)
    size = np.abs(call.charm) + np.abs(put.charm) + np.abs((rate - carry) * units)
    np.testing.assert_allclose((call.charm - put.charm) / size, (rate - carry) * units / size, atol=1e-13)


@given(SEEDS)
def test_prices_lie_between_intrinsic_value_and_its_bound_and_rise_with_volatility(engine, seed):
    options = {name: values[:, None] for name, values in contracts(np.random.default_rng(seed), 20).items()}
    options["iv_frac"] = options["iv_frac"] * np.linspace(0.9, 1.1, 41)
    price = greeks(**options).price
    discount, forward, strike = (options[name] for name in ("discount_factor", "forward", "strike"))
    intrinsic = discount * np.maximum(np.where(options["is_call"], forward - strike, strike - forward), 0)
    assert (price >= intrinsic * (1 - 1e-15)).all()
    assert (price <= discount * np.where(options["is_call"], forward, strike) * (1 + 1e-15)).all()
    assert (np.diff(price) >= -4e-16 * price[:, 1:]).all()


@given(SEEDS, st.integers(-15, 8))
def test_another_unit_of_money_changes_no_bit_but_the_exponent(engine, seed, power):
    options = contracts(np.random.default_rng(seed), 40)
    unit = 2.0**power
    here = greeks(**options)
    there = greeks(**options | {name: unit * options[name] for name in ("spot", "forward", "strike")})
    powers = {"price": 1, "vega": 1, "theta": 1, "vomma": 1, "gamma": -1, "zomma": -1, "speed": -2}
    for name in Greeks._fields:
        scaled = getattr(here, name) * unit ** powers.get(name, 0)
        is_normal = np.abs(scaled) > 1e-280
        np.testing.assert_array_equal(getattr(there, name)[is_normal], scaled[is_normal])


@given(SEEDS, st.booleans())
def test_both_engines_agree(seed, is_delta_of_forward):
    options = contracts(np.random.default_rng(seed), 200, deviations=8.0)
    switch.use("compiled")
    compiled = greeks(**options, is_delta_of_forward=is_delta_of_forward)
    switch.use("plain")
    plain = greeks(**options, is_delta_of_forward=is_delta_of_forward)
    scale = sizes(options, plain, is_delta_of_forward=is_delta_of_forward)
    for name in Greeks._fields:
        difference = np.abs(getattr(compiled, name) - getattr(plain, name))
        assert (difference <= 1e-12 * getattr(scale, name)).all(), name


def expected_to_exist(options: Contracts, *, is_delta_of_forward: bool) -> dict[str, np.ndarray]:
    is_sound = {name: (options[name] >= LEAST) & (options[name] < LIMIT) for name in POSITIVE}
    is_option = np.logical_and.reduce([is_sound[name] for name in POSITIVE[1:]])
    has_spot, has_carry = is_option & is_sound["spot"], np.abs(options["smooth_carry_frac"]) < LIMIT
    has_delta = is_option if is_delta_of_forward else has_spot
    return {
        "price": is_option, "vega": is_option, "vomma": is_option, "theta": is_option & has_carry,
        "delta": has_delta, "vanna": has_delta, "charm": has_delta & has_carry,
        "gamma": has_spot, "speed": has_spot, "zomma": has_spot,
    }  # fmt: skip


@given(st.lists(st.tuples(*[st.sampled_from(ODD)] * 7, st.booleans()), min_size=1, max_size=60), st.booleans())
def test_what_can_be_told_is_finite_and_the_rest_is_nan(engine, rows, is_delta_of_forward):
    names = (*POSITIVE, "smooth_carry_frac", "is_call")
    options = {name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    found = greeks(**options, is_delta_of_forward=is_delta_of_forward)
    for name, exists in expected_to_exist(options, is_delta_of_forward=is_delta_of_forward).items():
        np.testing.assert_array_equal(np.isfinite(getattr(found, name)), exists, name)
        np.testing.assert_array_equal(np.isnan(getattr(found, name)), ~exists, name)


@pytest.mark.parametrize("name", POSITIVE[1:])
@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, np.nan, np.inf, -np.inf, 1e-300, 1e300])
def test_what_has_no_option_has_no_greeks(engine, name: str, value: float):
    sound = dict.fromkeys(POSITIVE, 1.0) | {"is_call": True}
    assert all(np.isfinite(value).all() for value in greeks(**sound))
    assert all(np.isnan(value).all() for value in greeks(**sound | {name: [value]}))


def test_without_a_spot_there_is_a_delta_of_the_forward_and_no_gamma(engine):
    options = dict.fromkeys(POSITIVE, 1.0) | {"spot": np.nan, "is_call": True}
    for is_delta_of_forward, known in ((False, {"price", "vega", "theta", "vomma"}), (True, {
        "price", "vega", "theta", "vomma", "delta", "vanna", "charm"
    })):  # fmt: skip
        found = greeks(**options, is_delta_of_forward=is_delta_of_forward)._asdict()
        assert {name for name, value in found.items() if np.isfinite(value)} == known


def test_price_and_greeks_agree_on_the_price(engine):
    options = contracts(np.random.default_rng(1), 100)
    of_price = {name: options[name] for name in (*POSITIVE[1:], "is_call")}
    np.testing.assert_array_equal(black_price(**of_price), greeks(**options).price)


def coins(spot: float, forward: float) -> Greeks:
    """One BTC option of METHODS 3: 30 days, vol 45 %, strike 90,000, delta with respect to the forward."""
    return greeks(
        spot=spot, forward=np.array(forward), strike=np.array(90_000.0), t_years=np.array(30 / 365),
        iv_frac=np.array(0.45), discount_factor=1.0, is_call=np.array(True), is_delta_of_forward=True,
    )  # fmt: skip


def test_a_hundred_coins_at_the_money_have_the_exposures_of_the_method(engine):
    found = coins(90_000.0, 90_000.0)
    assert float(found.gamma) == pytest.approx(3.428762e-5, rel=1e-6)
    assert 100 * float(found.gamma) * 90_000 == pytest.approx(308.59, abs=0.005)
    assert 100 * float(found.gamma) * 90_000**2 * 0.01 == pytest.approx(277_729.70, abs=0.01)
    assert 100 * float(found.charm) / 365 == pytest.approx(-0.0428, abs=5e-5)
    assert 100 * float(found.vanna) * 0.01 == pytest.approx(0.0571, abs=5e-5)


def test_a_basis_between_forward_and_spot_scales_the_exposure_per_cent(engine):
    spot = 90_000 / 1.05
    here, up, down = (coins(s, 1.05 * s) for s in (spot, spot * 1.0001, spot * 0.9999))
    per_1pct = 100 * float(here.gamma) * spot**2 * 0.01
    difference = 100 * float(up.delta - down.delta) / (2 * spot * 1e-4) * spot**2 * 0.01
    assert per_1pct == pytest.approx(264_504.48, abs=0.01)
    assert per_1pct == pytest.approx(difference, rel=1e-6)
