"""Truth in sixty digits: Black's formula by mpmath, and the volatility that a price rounded to double still has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import mpmath
import numpy as np

from benchmarks.peers.chains import Chain, Floats

GREEKS = ("delta", "gamma", "vega", "vanna", "charm")
_DIGITS = 60
_CLOSE = mpmath.mpf(10) ** -25
_STEPS = 12


class Exact(NamedTuple):
    """A price in USD and greeks per 1.00 of spot and of volatility and per year, of one unit of the underlying."""

    price: mpmath.mpf
    delta: mpmath.mpf
    gamma: mpmath.mpf
    vega: mpmath.mpf
    vanna: mpmath.mpf
    charm: mpmath.mpf


class Truth(NamedTuple):
    """Prices rounded to double, the volatilities that these have (NaN where the rounding left none), greeks."""

    price: Floats
    iv_frac: Floats
    greeks: dict[str, Floats]


def exact(
    spot: float, strike: float, t_years: float, rate: float, dividend: float, iv_frac: mpmath.mpf | float, is_call: bool
) -> Exact:
    """Black-Scholes-Merton on the doubles as they are. Charm is the change as time passes, at a fixed spot."""
    with mpmath.workdps(_DIGITS):
        s, k, t, r, q, v = (mpmath.mpf(number) for number in (spot, strike, t_years, rate, dividend, iv_frac))
        total = v * mpmath.sqrt(t)
        d1 = (mpmath.log(s / k) + (r - q) * t) / total + total / 2
        d2 = d1 - total
        sign = 1 if is_call else -1
        carried, discount = mpmath.exp(-q * t), mpmath.exp(-r * t)
        tail, density = sign * mpmath.ncdf(sign * d1), carried * mpmath.npdf(d1)
        return Exact(
            price=s * carried * tail - k * discount * sign * mpmath.ncdf(sign * d2),
            delta=carried * tail,
            gamma=density / (s * total),
            vega=s * density * mpmath.sqrt(t),
            vanna=-density * d2 / v,
            charm=q * carried * tail - density * ((r - q) / total - d2 / (2 * t)),
        )


def volatility_of(
    price: float, spot: float, strike: float, t_years: float, rate: float, dividend: float, near: float, is_call: bool
) -> float:
    """The volatility of a price that was rounded, by Newton from the one `near` that had made it; NaN if none is left.

    In the money a price may keep no digit of its time value. Then the steps leave the neighbourhood: no truth, no test.
    """
    with mpmath.workdps(_DIGITS):
        value = mpmath.mpf(near)
        for _ in range(_STEPS):
            found = exact(spot, strike, t_years, rate, dividend, value, is_call)
            if not found.vega:
                return math.nan
            step = (mpmath.mpf(price) - found.price) / found.vega
            if abs(step) > value / 2:
                return math.nan
            value += step
            if abs(step) < _CLOSE * value:
                return float(value)
        return math.nan


def truth_of(chain: Chain) -> Iterator[tuple[float, float, tuple[float, ...]]]:
    """Row by row, for it takes its time: price, its volatility, greeks in the order of `GREEKS`."""
    columns = (chain.spot, chain.strike, chain.t_years, chain.rate, chain.dividend)
    for row in range(chain.size):
        inputs = [float(column[row]) for column in columns]
        iv, is_call = float(chain.iv_frac[row]), bool(chain.is_call[row])
        found = exact(*inputs, iv, is_call)
        price = float(found.price)
        yield price, volatility_of(price, *inputs, iv, is_call), tuple(float(getattr(found, name)) for name in GREEKS)


def gathered(rows: list[tuple[float, float, tuple[float, ...]]]) -> Truth:
    """The rows of `truth_of` as arrays."""
    greeks = np.array([row[2] for row in rows], dtype=np.float64).T
    return Truth(
        price=np.array([row[0] for row in rows]),
        iv_frac=np.array([row[1] for row in rows]),
        greeks=dict(zip(GREEKS, greeks, strict=True)),
    )
