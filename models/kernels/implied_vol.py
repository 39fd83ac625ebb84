"""Implied volatility, compiled: a start within 0.3 %, one step of fifth order, and a search for the few that need it.

With s the volatility times sqrt T, x = |ln(F/K)| and M(d) = N(-d) e^(d^2/2), the undiscounted option that is out of the
money is worth, as a share of its upper bound min(F, K), which is all the arithmetic of this module:

share(s) = e^(-d^2/2) [M(d) - M(x/s + s/2)], d = x/s - s/2; slope d share/ds = e^(-d^2/2)/sqrt(2 pi)

(Jaeckel, Let's be rational, 2015, in other units). The start is Bachelier's volatility of the same price (inverted
likewise by Choi, Kim and Kwak, Numerical approximation of the implied volatility under arithmetic Brownian motion,
2009) and the first terms of what Black's adds to it, which at fixed x/s is a series in s^2; the step is Householder's
of order five.

A block of contracts goes through three loops while it lies in the nearest cache: starts and steps are loops over
vectors, one each, so that the processor has several contracts under way; the search goes contract by contract.
"""

from __future__ import annotations

import math

import numpy as np

from models.conventions import INV_SQRT_2PI, SQRT_2PI, Bools, Floats
from models.kernels.bell import BELL_SCALE, bell
from models.kernels.coefficients import GUESS as G
from models.kernels.coefficients import GUESS_BEND_1 as B1
from models.kernels.coefficients import GUESS_BEND_2 as B2
from models.kernels.coefficients import GUESS_BEND_3 as B3
from models.kernels.coefficients import GUESS_OFFSET, GUESS_SCALE, GUESS_SHIFT
from models.kernels.compiled import Flags, Numbers, Out, inlined, kernel
from models.kernels.elementary import log
from models.kernels.lognormal import BEYOND, beyond, log_ratio, mills
from models.kernels.threads import spread

_ROUNDING = 2.0**-50  # a power of two, so that no fused multiplication moves the border of what is told
_LEAST = 2.0**-1000
_BLOCK = 1024
_PIECE = 1 << 15
_NEAR = 3e-3  # Newton's relative step at the start from which one step of fifth order leaves less than 2e-14
_SMALL = 0.1  # up to which the series of artanh is good to 1e-12 of itself
_APART = -0.01  # where tails lie on both sides of the centre, up to here by one polynomial
_SETTLED = 1e-3  # the same for the search, where the step may be rougher
_UNSETTLED = -1.0  # no volatility: marks contracts for the search
_LARGEST_TOTAL, _ITERATIONS = 100.0, 100


def fill_implied_vol(
    price: Floats, forward: Floats, strike: Floats, t_years: Floats, discount_factor: Floats, is_call: Bools,
    out: Floats,
) -> None:  # fmt: skip
    """Write the volatility of each contract into `out`, all of one length."""
    columns = (price, forward, strike, t_years, discount_factor, is_call)

    def task(start: int, end: int) -> None:
        scratch = np.empty((2, _BLOCK))
        _implied_vol(end - start, *(column[start:end] for column in columns), *scratch, out[start:end])

    spread(task, price.size, piece=_PIECE)


@inlined
def _time_value(price: float, forward: float, strike: float, discount_factor: float, is_call: int) -> float:
    """Undiscounted, by parity that of the option out of the money."""
    return price / discount_factor - max(forward - strike if is_call != 0 else strike - forward, 0.0)


@inlined
def _is_told(price: float, forward: float, strike: float, discount_factor: float, is_call: int) -> bool:
    """Whether the time value lies within its bounds by more than rounding."""
    value, bound = _time_value(price, forward, strike, discount_factor, is_call), min(forward, strike)
    intrinsic = forward - strike if is_call != 0 else strike - forward
    noise = _ROUNDING * (price / discount_factor + forward) if intrinsic > 0.0 else 0.0
    is_told: bool = (value > noise) & (bound - value - noise > _ROUNDING * bound) & (value >= _LEAST)
    return is_told


@inlined
def _start(value: float, x: float, middle: float) -> float:
    """s by Bachelier's model with the distance x, and what Black's adds to it.

    `middle`: sqrt(F K). With b = value/middle and xi = ln(1 + x/(sqrt(2 pi) b)), Bachelier's total is sqrt(2 pi) b + x
    times a function of xi alone; Black's is that times a series in its square, whose terms depend on xi.
    """
    money = SQRT_2PI * value / middle
    xi = log_ratio(money + x, money)
    z = GUESS_SCALE / (xi + GUESS_SHIFT) - GUESS_OFFSET
    y = z * z
    even = ((((G[10] * y + G[8]) * y + G[6]) * y + G[4]) * y + G[2]) * y + G[0]
    odd = (((G[9] * y + G[7]) * y + G[5]) * y + G[3]) * y + G[1]
    s = (money + x) * (even + z * odd)
    w = s * s
    bend_1 = (B1[4] * y + B1[2]) * y + B1[0] + z * ((B1[5] * y + B1[3]) * y + B1[1])
    bend_2 = (B2[4] * y + B2[2]) * y + B2[0] + z * ((B2[5] * y + B2[3]) * y + B2[1])
    bend_3 = (B3[4] * y + B3[2]) * y + B3[0] + z * ((B3[5] * y + B3[3]) * y + B3[1])
    start: float = s * (1.0 + w * (bend_1 + w * (bend_2 + w * bend_3)))
    return start


@inlined
def _householder(newton: float, elasticity: float, h: float, t: float) -> tuple[float, float]:
    """Numerator and denominator of the fifth-order step on ln share, or ln(1 - share), relative to s.

    `newton`: Newton's step; `elasticity`: d ln(target)/d ln s; h = (x/s)^2, t = (s/2)^2. Derivatives by s are scaled by
    its powers: those of the slope are slope (h - t)/s and so on.
    """
    second = h - t - elasticity
    bend = -3.0 * h - t - elasticity * second
    third = bend + second * second
    fourth = 12.0 * h - elasticity * second * second + (2.0 * second - elasticity) * bend + third * second
    numerator = newton * (1.0 + newton * (second + newton * third * (1.0 / 6.0)))
    cubic = 0.25 * second * second + third * (1.0 / 3.0) + newton * fourth * (1.0 / 24.0)
    return numerator, 1.0 + newton * (1.5 * second + newton * cubic)


@inlined
def _searched(share: float, rest: float, x: float, money: float, start: float) -> float:
    """s by the same steps within a bracket, in the upper half on the logarithm of the rest, 1 - share.

    No price exceeds its money's worth of the greatest slope, 1/sqrt(2 pi), nor lies a told one 100 totals out.
    """
    is_upper = share > 0.5
    target = log(rest if is_upper else share)
    low, high = max(0.999 * money, 0.01 * x), _LARGEST_TOTAL
    s: float = start if (start > low) & (start < high) else math.sqrt(low * high)
    for _ in range(_ITERATIONS):
        y, t = x / s, 0.5 * s
        near, far = y - t, y + t
        is_apart = near > _APART
        edge = near if is_apart else -near
        tail, slope = mills(edge, far)
        tails = 2.0 * tail - (far - edge) * slope
        height = bell(BELL_SCALE * near)
        part = height * (s * slope if is_apart else tails)  # the share, or what is left of it
        is_direct = is_apart != is_upper
        reached = log(s * slope if is_apart else tails) - 0.5 * near * near if is_direct else log(1.0 - part)
        direct = INV_SQRT_2PI / slope if is_apart else INV_SQRT_2PI * s / tails
        elasticity = direct if is_direct else INV_SQRT_2PI * s * height / (1.0 - part)
        elasticity = -elasticity if is_upper else elasticity
        newton = (target - reached) / elasticity
        numerator, denominator = _householder(newton, elasticity, y * y, t * t)
        step = numerator / denominator
        step = step if (step > 0.0) == (newton > 0.0) else newton
        low, high = (s, high) if newton > 0.0 else (low, s)
        following: float = s + s * min(max(step, -0.5), 1.0)
        if abs(newton) <= _SETTLED:
            return following
        s = following if (following > low) & (following < high) else math.sqrt(low * high)
    return np.nan


@kernel
def _implied_vol(
    count: int, price: Numbers, forward: Numbers, strike: Numbers, t_years: Numbers, discount_factor: Numbers,
    is_call: Flags, distances: Out, shares: Out, out: Out,
) -> None:  # fmt: skip
    for first in range(0, count, _BLOCK):
        size = min(_BLOCK, count - first)
        for j in range(size):
            i = first + j
            f, k, d = forward[i], strike[i], discount_factor[i]
            value, bound = _time_value(price[i], f, k, d, is_call[i]), min(f, k)
            is_valid = ((beyond(f) | beyond(k) | beyond(d) | beyond(t_years[i])) & BEYOND) == 0
            is_valid = is_valid & _is_told(price[i], f, k, d, is_call[i])
            x = abs(log_ratio(f, k))
            distances[j] = x
            shares[j] = value / bound if is_valid else np.nan
            out[i] = _start(value, x, math.sqrt(f * k))
        for j in range(size):
            i = first + j
            share, x, s = shares[j], distances[j], out[i]
            y, t = x / s, 0.5 * s
            near, far = y - t, y + t
            is_apart = near > _APART
            edge = near if is_apart else -near
            tail, slope = mills(edge, far)
            height = bell(BELL_SCALE * near)
            reached = height * s * slope if is_apart else 1.0 - height * (2.0 * tail - (far - edge) * slope)
            by_s = INV_SQRT_2PI * s * height
            both, product = share + reached, reached * by_s
            inverse = 1.0 / (both * product)
            u = (share - reached) * (product * inverse)
            w = u * u
            gap = 2.0 * u * (1.0 + w * (1.0 / 3.0 + w * (1.0 / 5.0 + w * (1.0 / 7.0 + w * (1.0 / 9.0)))))
            elasticity = by_s * by_s * (both * inverse)
            newton = gap * (reached * reached * (both * inverse))
            numerator, denominator = _householder(newton, elasticity, y * y, t * t)
            found = s * (denominator + numerator) / (denominator * math.sqrt(t_years[i]))
            is_settled = (abs(newton) <= _NEAR) & (abs(u) <= _SMALL)
            found = found if is_settled else _UNSETTLED
            out[i] = found if share > 0.0 else np.nan
        for j in range(size):
            i = first + j
            if out[i] == _UNSETTLED:
                f, k = forward[i], strike[i]
                value, bound = _time_value(price[i], f, k, discount_factor[i], is_call[i]), min(f, k)
                x, middle = distances[j], math.sqrt(f * k)
                start = _start(value, x, middle)
                s = _searched(value / bound, (bound - value) / bound, x, SQRT_2PI * value / middle, start)
                out[i] = s / math.sqrt(t_years[i])
