"""American puts, compiled: the boundary at a few nodes by sweeps of its equation, then the premium over it.

The loop over contracts is the innermost of all, so that each point of each integral is one pass of vectors; what a
contract carries from point to point lies in arrays of the caller. The formulas are those of `models.plain.american`,
but for the densities of both sides, of which one gives the other:
phi(d - w) e^(ru) = phi(d) e^(qu) B(tau)/B(u) e^((r - q) tau).
"""

from __future__ import annotations

import math

import numpy as np

from models.collocation import NODES, OF_BOUNDARY, OF_PRICE, ROOT_TAU, SWEEPS
from models.conventions import INV_SQRT_2, INV_SQRT_2PI, Floats
from models.kernels.compiled import Numbers, Out, inlined, kernel
from models.kernels.elementary import erfcx, exp, log
from models.kernels.threads import spread

_DEEPEST, _LEAST = 50.0, 1e-12  # of ln(B(0+)/B)
_GREATEST = 1.7976931348623157e308
_POINTS_OF_BOUNDARY, _POINTS_OF_PRICE = OF_BOUNDARY.sine.size, OF_PRICE.sine.size
_PIECE = 1 << 9  # contracts whose arrays stay in the processor's cache


def fill_american_put(log_moneyness: Floats, total_vol: Floats, rate: Floats, carry: Floats, out: Floats) -> None:
    """Write the prices of American puts of strike 1 into `out`; all arrays of one length.

    x = ln(S/K), v = volatility sqrt(T), R = r T, Q = q T; finite, v > 0 and R > 0 or R = 0 > Q. Where the boundary at T
    is not below S, the price is that of exercise at once.
    """

    def task(start: int, end: int) -> None:
        for low in range(start, end, _PIECE):
            part = slice(low, min(low + _PIECE, end))
            _fill(log_moneyness[part], total_vol[part], rate[part], carry[part], out[part])

    spread(task, out.size, piece=_PIECE)


def _fill(x: Floats, v: Floats, r: Floats, q: Floats, out: Floats) -> None:
    count = out.size
    first, deepest, depth, of_strike, of_spot = np.empty((5, count))
    squares = np.empty((NODES, count))
    _start(count, v, r, q, ROOT_TAU, first, deepest, squares)
    _sweep(
        count, v, r, q, ROOT_TAU, OF_BOUNDARY.sine, OF_BOUNDARY.cosine, OF_BOUNDARY.weight,
        OF_BOUNDARY.reading, first, deepest, depth, of_strike, of_spot, squares,
    )  # fmt: skip
    premium = of_spot
    _premium(
        count, x, v, r, q, OF_PRICE.sine, OF_PRICE.cosine, OF_PRICE.weight, OF_PRICE.reading, first, squares, premium,
    )  # fmt: skip
    _price(count, x, v, r, q, first, squares, premium, out)


@inlined
def _lower_tail(d: float, bell: float) -> float:
    """N(d), where `bell` is e^(-d^2/2)."""
    half: float = 0.5 * bell * erfcx(abs(d) * INV_SQRT_2)
    return 1.0 - half if d > 0.0 else half


@inlined
def _read(squares: Out, count: int, i: int, reading: Numbers, place: int) -> float:
    """ln(B(0+)/B) at a point of an integral."""
    square = 0.0
    for j in range(NODES):
        square += reading[place * NODES + j] * squares[j * count + i]
    depth: float = math.sqrt(max(square, 0.0))
    return depth


@kernel
def _start(
    count: int, v: Numbers, r: Numbers, q: Numbers, root_tau: Numbers, first: Out, deepest: Out, squares: Out
) -> None:
    for i in range(count):
        rate, carry, inv_v = r[i], q[i], 1.0 / v[i]
        at_once = log(rate / carry if carry > rate else 1.0)
        a = (rate - carry) * inv_v * inv_v - 0.5
        push = 2.0 * rate * inv_v * inv_v
        root = math.sqrt(max(a * a + push, 0.0))
        power = root + a if a > 0.0 else push / (root - a)
        first[i] = at_once
        deepest[i] = min(at_once + log(1.0 + 1.0 / max(power, 1e-25)), _DEEPEST)
    for n in range(NODES):
        s = root_tau[n]
        for i in range(count):
            vs, limit = v[i] * s, deepest[i]
            push = max((r[i] - min(q[i], 0.0)) * s / v[i], 1e-6)
            near = math.sqrt(max(1.9 + 1.4 * log(1.0 + 0.35 / push), 0.0))
            y = -first[i] / vs
            slope = 0.64 + (near - 0.64) * exp(-(0.45 + 0.2 * y) * y)
            depth = max(limit * (1.0 - exp(-slope * vs / limit)), _LEAST)
            squares[n * count + i] = depth * depth


@kernel
def _sweep(
    count: int, v: Numbers, r: Numbers, q: Numbers, root_tau: Numbers, sine: Numbers, cosine: Numbers,
    weight: Numbers, reading: Numbers, first: Numbers, deepest: Numbers, depth: Out, of_strike: Out, of_spot: Out,
    squares: Out,
) -> None:  # fmt: skip
    for n in range(SWEEPS * NODES):
        node = n % NODES
        s = root_tau[node]
        t = s * s
        for i in range(count):
            vs = v[i] * s
            here = math.sqrt(max(squares[node * count + i], 0.0))
            d = (first[i] - here + (r[i] - q[i]) * t) / vs + 0.5 * vs
            bell, bell_minus = exp(-0.5 * d * d), exp(-0.5 * (d - vs) * (d - vs))
            depth[i] = here
            of_strike[i] = INV_SQRT_2PI * bell_minus / vs
            of_spot[i] = INV_SQRT_2PI * bell / vs + _lower_tail(d, bell)
        for k in range(_POINTS_OF_BOUNDARY):
            c, share, place = cosine[k], 2.0 * weight[k] * sine[k], node * _POINTS_OF_BOUNDARY + k
            u = t * sine[k] * sine[k]
            for i in range(count):
                carry, drift, w = q[i], (r[i] - q[i]) * t, v[i] * s * c
                apart = _read(squares, count, i, reading, place) - depth[i]
                d = (apart + drift * c * c) / w + 0.5 * w
                grown, bell = exp(carry * u), exp(-0.5 * d * d)
                dense = INV_SQRT_2PI * s / v[i] * grown * bell
                of_strike[i] += share * r[i] * dense * exp(apart + drift)
                of_spot[i] += share * carry * (dense + t * c * grown * _lower_tail(d, bell))
        for i in range(count):
            here, pull = depth[i], (r[i] - q[i]) * s / v[i]
            ratio = of_strike[i] / of_spot[i]
            is_number = (ratio > 0.0) & (ratio <= _GREATEST)
            found = first[i] + (r[i] - q[i]) * t - log(ratio if is_number else 1.0)
            moved = here + (found - here) / (1.0 + pull * pull)
            moved = min(max(moved, _LEAST), deepest[i]) if is_number else 0.5 * here
            squares[node * count + i] = moved * moved


@kernel
def _premium(
    count: int, x: Numbers, v: Numbers, r: Numbers, q: Numbers, sine: Numbers, cosine: Numbers, weight: Numbers,
    reading: Numbers, first: Numbers, squares: Numbers, premium: Out,
) -> None:  # fmt: skip
    for i in range(count):
        premium[i] = 0.0
    for k in range(_POINTS_OF_PRICE):
        c, share = cosine[k], 2.0 * weight[k] * sine[k] * cosine[k]
        t = c * c
        for i in range(count):
            rate, carry, w = r[i], q[i], v[i] * c
            d = (x[i] - first[i] + _read(squares, count, i, reading, k) + (rate - carry) * t) / w + 0.5 * w
            of_strike = rate * exp(-rate * t) * _lower_tail(w - d, exp(-0.5 * (w - d) * (w - d)))
            of_spot = carry * exp(x[i] - carry * t) * _lower_tail(-d, exp(-0.5 * d * d))
            premium[i] += share * (of_strike - of_spot)


@kernel
def _price(
    count: int, x: Numbers, v: Numbers, r: Numbers, q: Numbers, first: Numbers, squares: Numbers, premium: Numbers,
    out: Out,
) -> None:  # fmt: skip
    for i in range(count):
        d = (x[i] + r[i] - q[i]) / v[i] + 0.5 * v[i]
        minus = v[i] - d
        of_strike = exp(-r[i]) * _lower_tail(minus, exp(-0.5 * minus * minus))
        european = of_strike - exp(x[i] - q[i]) * _lower_tail(-d, exp(-0.5 * d * d))
        exercised = 1.0 - exp(x[i])
        held = max(european + max(premium[i], 0.0), exercised)
        out[i] = exercised if x[i] <= first[i] - math.sqrt(max(squares[i], 0.0)) else held
