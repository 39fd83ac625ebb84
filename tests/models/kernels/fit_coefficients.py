"""The fits behind models/kernels/coefficients.py: `python -m tests.models.kernels.fit_coefficients --write`.

Chebyshev interpolation in 60-digit arithmetic, written out as monomials. Each fit is of a function on [-1, 1] that
varies little, so that doubles hold its coefficients without loss.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mpmath as mp

from tests.models import truth

TARGET = Path(__file__).resolve().parents[3] / "models/kernels/coefficients.py"
ERFCX_SCALE, ERFCX_DEGREE = 4, 24
GUESS_DEGREE, BEND_DEGREE, GUESS_GREATEST_SQUARE = 10, 5, 4
GUESS_SHIFT, GUESS_REACH = 5, 60
GUESS_SCALE = mp.mpf(2 * GUESS_SHIFT * (GUESS_SHIFT + GUESS_REACH)) / GUESS_REACH
GUESS_OFFSET = mp.mpf(2 * GUESS_SHIFT + GUESS_REACH) / GUESS_REACH
MILLS_SCALE, MILLS_SHIFT, MILLS_DEGREE = 5, 1.25, 21
BELL_DEGREE = 10
LOG_DEGREE, LOG_GREATEST = 6, mp.mpf(41) / 1000  # the square of (a - b)/(a + b) for a/b from 2/3 to 3/2, and a little
TAIL_SCALE, TAIL_DEGREES = 1, (7, 8)
_DIGITS = 60


def chebyshev_fit(function: Callable[[mp.mpf], mp.mpf], degree: int) -> list[float]:
    """Monomial coefficients, lowest first, of the polynomial that meets the function in Chebyshev's points."""
    count = degree + 1
    angles = [mp.pi * (k + mp.mpf(1) / 2) / count for k in range(count)]
    values = [function(mp.cos(angle)) for angle in angles]
    weights = [2 * mp.fdot(values, [mp.cos(j * angle) for angle in angles]) / count for j in range(count)]
    weights[0] /= 2
    basis = [[mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]]
    while len(basis) < count:
        following = [mp.mpf(0), *(2 * term for term in basis[-1])]
        for power, term in enumerate(basis[-2]):
            following[power] -= term
        basis.append(following)
    result = [mp.mpf(0)] * count
    for weight, polynomial in zip(weights, basis, strict=True):
        for power, term in enumerate(polynomial):
            result[power] += weight * term
    return [float(term) for term in result]


def chebyshev_points(count: int, greatest: mp.mpf) -> list[mp.mpf]:
    """Those of [0, greatest]."""
    return [greatest * (1 + mp.cos(mp.pi * (2 * k + 1) / (2 * count))) / 2 for k in range(count)]


def rational_fit(function: Callable[[mp.mpf], mp.mpf], degrees: tuple[int, int], scale: int) -> list[list[float]]:
    """Numerator and denominator, lowest powers first and the latter's 1, of the quotient of polynomials that meets a
    function on [0, inf) in Chebyshev's points, taken there by `half_line`."""
    upper, lower = degrees
    count = upper + lower + 1
    points = [half_line(mp.cos(mp.pi * (k + mp.mpf(1) / 2) / count), scale) for k in range(count)]
    values = [function(x) for x in points]
    rows = [
        [x**j for j in range(upper + 1)] + [-value * x**j for j in range(1, lower + 1)]
        for x, value in zip(points, values, strict=True)
    ]
    found = list(mp.lu_solve(mp.matrix(rows), mp.matrix(values)))
    return [[float(term) for term in terms] for terms in (found[: upper + 1], [mp.mpf(1), *found[upper + 1 :]])]


def erfcx(x: mp.mpf) -> mp.mpf:
    """e^(x^2) erfc x; beyond 25 by its asymptotic series, whose 12 terms are then good to 1e-25."""
    if x < 25:
        return mp.exp(x * x) * mp.erfc(x)
    terms = ((-1) ** k * mp.fac2(2 * k - 1) / (2 * x * x) ** k for k in range(1, 12))
    return (1 + sum(terms)) / (x * mp.sqrt(mp.pi))


def half_line(t: mp.mpf, scale: int) -> mp.mpf:
    """x in [0, inf) with t = (x - scale)/(x + scale)."""
    return scale * (1 + t) / (1 - t)


def smooth_erfcx(t: mp.mpf) -> mp.mpf:
    """(1 + 2 x) erfcx x, between 1 and 1.24."""
    x = half_line(t, ERFCX_SCALE)
    return (1 + 2 * x) * erfcx(x)


def smooth_mills(t: mp.mpf) -> mp.mpf:
    """(d + shift) N(-d) e^(d^2/2), between 0.39 and 0.63."""
    d = half_line(t, MILLS_SCALE)
    return (d + MILLS_SHIFT) * erfcx(d / mp.sqrt(2)) / 2


def bachelier_total(u: mp.mpf) -> mp.mpf:
    """eta > 0 with sqrt(2 pi) (phi(eta)/eta - Phi(-eta)) = 1/u: distance over total volatility in Bachelier's model,
    where u = distance/(sqrt(2 pi) price)."""

    def shortfall(log_eta: mp.mpf) -> mp.mpf:
        eta = mp.exp(log_eta)
        bracket = mp.npdf(eta) / eta - mp.erfc(eta / mp.sqrt(2)) / 2
        return mp.log(mp.sqrt(2 * mp.pi) * bracket) + mp.log(u)

    xi = mp.log1p(u)
    start = mp.log(mp.sqrt(2 * xi)) if xi > 3 else mp.log(u)
    return mp.exp(mp.findroot(shortfall, start))


def guess_place(z: mp.mpf) -> mp.mpf:
    """xi in [0, GUESS_REACH] with z = GUESS_SCALE/(xi + GUESS_SHIFT) - GUESS_OFFSET, from 1 down to -1."""
    return GUESS_SCALE / (z + GUESS_OFFSET) - GUESS_SHIFT


def smooth_guess(z: mp.mpf) -> mp.mpf:
    """Bachelier's total volatility over sqrt(2 pi) price + distance, which is u/(1 + u)/eta, where xi = ln(1 + u)."""
    u = mp.expm1(guess_place(z))
    return u / ((1 + u) * bachelier_total(u))


def bend(z: mp.mpf, w: mp.mpf) -> mp.mpf:
    """(s/s' - 1)/w, where s is Black's and s' = sqrt w Bachelier's total volatility of one price and distance."""
    eta = bachelier_total(mp.expm1(guess_place(z)))
    normal, distance = mp.sqrt(w), eta * mp.sqrt(w)
    price = normal * (mp.npdf(eta) - eta * truth.normal_tail(-eta))  # in units of sqrt(F K)
    return (truth.total_volatility(price * mp.exp(distance / 2), -distance) / normal - 1) / w


def bends() -> list[list[float]]:
    """Coefficients in z of 1, w and w^2 in the polynomial that meets `bend` in Chebyshev's points."""
    squares = chebyshev_points(3, GUESS_GREATEST_SQUARE)
    powers = mp.matrix([[w**j for j in range(3)] for w in squares])

    @cache
    def terms(z: mp.mpf) -> mp.matrix:
        return mp.lu_solve(powers, mp.matrix([bend(z, w) for w in squares]))

    return [chebyshev_fit(lambda z, j=j: terms(z)[j], BEND_DEGREE) for j in range(3)]


def rest_of_log(z: mp.mpf) -> mp.mpf:
    """(ln((1 + s)/(1 - s)) - 2 s)/(s z) with z = s^2."""
    s = mp.sqrt(z)
    return 2 * (mp.atanh(s) / s - 1) / z


def log_fit() -> list[float]:
    """Coefficients in z, which is at most LOG_GREATEST."""
    points = chebyshev_points(LOG_DEGREE + 1, LOG_GREATEST)
    powers = mp.matrix([[z**j for j in range(len(points))] for z in points])
    return [float(term) for term in mp.lu_solve(powers, mp.matrix([rest_of_log(z) for z in points]))]


def half_steps_of_two(degree: int) -> list[float]:
    """2^r for r in [-1/2, 1/2]."""
    terms = chebyshev_fit(lambda t: mp.mpf(2) ** (t / 2), degree)
    return [term * 2.0**power for power, term in enumerate(terms)]


def tail_over_bell(z: mp.mpf) -> mp.mpf:
    """N(-d) e^(d^2/2) with z = d sqrt(log2(e)/2), so that the bell is 2^(-z^2)."""
    return erfcx(z * mp.sqrt(mp.log(2))) / 2


def source() -> str:
    """The text of the module of coefficients."""
    with mp.workdps(_DIGITS):
        fits = {
            "ERFCX": chebyshev_fit(smooth_erfcx, ERFCX_DEGREE),
            "GUESS": chebyshev_fit(smooth_guess, GUESS_DEGREE),
            **{f"GUESS_BEND_{power + 1}": terms for power, terms in enumerate(bends())},
            "MILLS": chebyshev_fit(smooth_mills, MILLS_DEGREE),
            "LOG": log_fit(),
            "BELL": half_steps_of_two(BELL_DEGREE),
        }
        fits["TAIL_UPPER"], fits["TAIL_LOWER"] = rational_fit(tail_over_bell, TAIL_DEGREES, TAIL_SCALE)
    lines = [
        '"""Polynomials of the kernels, lowest power first. Made by tests/models/kernels/fit_coefficients.py."""',
        "",
        "from __future__ import annotations",
        "",
        f"ERFCX_SCALE = {ERFCX_SCALE:.1f}",
        f"GUESS_SCALE = {float(GUESS_SCALE)!r}",
        f"GUESS_SHIFT = {GUESS_SHIFT:.1f}",
        f"GUESS_OFFSET = {float(GUESS_OFFSET)!r}",
        f"MILLS_SCALE = {MILLS_SCALE:.1f}",
        f"MILLS_SHIFT = {MILLS_SHIFT}",
    ]
    for name, terms in fits.items():
        lines += [f"{name} = (", *(f"    {term!r}," for term in terms), ")"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the module; else print it")
    if parser.parse_args().write:
        TARGET.write_text(source())
    else:
        print(source(), end="")
