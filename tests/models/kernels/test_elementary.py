"""How true the kernels' functions are, against sixty digits over the ranges that they state, and where their
polynomials come from."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

from models.conventions import Floats
from models.kernels import coefficients, elementary, lognormal
from models.kernels.compiled import Kernel, Numbers, Out, kernel
from tests.models import truth
from tests.models.kernels import fit_coefficients as fits

RNG = np.random.default_rng(7)


@kernel
def _exp(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = elementary_exp(x[i])


@kernel
def _log(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = elementary_log(x[i])


@kernel
def _erfcx(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = elementary_erfcx(x[i])


@kernel
def _log_ratio(count: int, a: Numbers, b: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = log_ratio(a[i], b[i])


elementary_exp, elementary_log, elementary_erfcx = elementary.exp, elementary.log, elementary.erfcx
log_ratio = lognormal.log_ratio


def values(function: Kernel, *columns: Floats) -> Floats:
    out = np.empty_like(columns[0])
    function(out.size, *columns, out)
    return out


def greatest_error(found: Floats, true: Callable[..., mp.mpf], *columns: Floats) -> float:
    """Relative to the true value."""
    with mp.workdps(truth.DIGITS):
        exact = [true(*map(mp.mpf, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]
        pairs = zip(found.tolist(), exact, strict=True)
        return max(float(abs(mp.mpf(got) / of - 1)) if of else abs(got) for got, of in pairs)


def test_the_exponential_is_true_over_its_range():
    x = np.concatenate([RNG.uniform(-707, 709, 3000), RNG.normal(0, 1, 2000), [-707.0, 709.0, 0.0, 1e-300, -1e-17]])
    assert greatest_error(values(_exp, x), mp.exp, x) <= 5e-16


def test_the_exponential_stays_at_its_ends_beyond_its_range():
    ends = values(_exp, np.array([-707.0, 709.0]))
    np.testing.assert_array_equal(values(_exp, np.array([-1e4, 1e4])), ends)
    assert values(_exp, np.array([0.0])) == 1.0


def test_the_logarithm_is_true_over_all_normal_numbers():
    x = np.concatenate(
        [np.exp(RNG.uniform(-708, 709, 3000)), [2.2250738585072014e-308, 1.7976931348623157e308, 3e-308]]
    )
    assert greatest_error(values(_log, x), mp.log, x) <= 3e-16
    near = np.concatenate([1 + RNG.uniform(-0.3, 0.42, 2000), 1 + RNG.normal(0, 1e-8, 1000), np.nextafter(1.0, [0, 2])])
    near = near[near != 1.0]
    assert greatest_error(values(_log, near), mp.log, near) <= 3e-16
    assert values(_log, np.array([1.0])) == 0.0


def test_the_scaled_error_function_is_true_on_the_whole_half_line():
    x = np.concatenate([np.linspace(0, 12, 3000), np.geomspace(1e-300, 1e150, 1000), [0.0]])
    assert greatest_error(values(_erfcx, x), fits.erfcx, x) <= 5e-16


def test_the_logarithm_of_a_ratio_keeps_its_digits_where_the_two_are_nearly_one():
    a = np.exp(RNG.uniform(-40, 40, 4000))
    step = np.concatenate([RNG.normal(0, 1, 1000), RNG.normal(0, 1e-6, 1000), RNG.uniform(-660, 660, 1000)])
    b = np.concatenate([a[:3000] * np.exp(step), np.nextafter(a[3000:], np.inf)])
    assert greatest_error(values(_log_ratio, a, b), lambda p, q: mp.log(p / q), a, b) <= 5e-16


def test_the_committed_coefficients_are_those_of_the_fits():
    assert fits.TARGET.read_text() == fits.source()


def polynomial(terms: tuple[float, ...], z: mp.mpf) -> mp.mpf:
    return mp.fsum(term * z**power for power, term in enumerate(terms))


@pytest.mark.parametrize(
    ("terms", "function", "error"),
    [
        (coefficients.ERFCX, fits.smooth_erfcx, 2e-16),
        (coefficients.MILLS, fits.smooth_mills, 1e-15),
        (coefficients.GUESS, fits.smooth_guess, 2e-4),
        (coefficients.BELL, lambda z: mp.mpf(2) ** z, 1e-13),
    ],
    ids=["erfcx", "mills", "guess", "bell"],
)
def test_each_fit_is_as_near_to_its_function_as_is_told(terms, function, error):
    half = mp.mpf(0.5) if terms is coefficients.BELL else 1
    with mp.workdps(truth.DIGITS):
        places = [half * mp.cos(mp.pi * k / 301) for k in range(1, 301)]
        assert max(abs(polynomial(terms, z) / function(z) - 1) for z in places) <= error


def test_the_bends_of_the_start_follow_black_from_bachelier():
    bends = (coefficients.GUESS_BEND_1, coefficients.GUESS_BEND_2, coefficients.GUESS_BEND_3)
    with mp.workdps(truth.DIGITS):
        for z in (mp.mpf(-0.9), mp.mpf(-0.5), mp.mpf(0), mp.mpf(0.6), mp.mpf(0.95)):
            for w in (mp.mpf(0.01), mp.mpf(0.5), mp.mpf(2), mp.mpf(2.5)):
                told = sum(polynomial(terms, z) * w**power for power, terms in enumerate(bends))
                assert abs(told - fits.bend(z, w)) * w <= 3e-3
