"""Gamma and charm of a book over times and prices, compiled: one exponential a leg, time and price serves both measures
and every vector of weights.

In z = d1 sqrt(log2(e)/2) the bell is 2^(-z^2), and per leg and time all is linear: gamma is peak x bell, charm is
pace x [bell x (z + lag) + pull x N]. N is the tail of the side that is out of the money now, so far options keep their
digits; the other side's charm is that and, by parity, `drift`, which does not depend on the price. Prices are the lanes
of the vectors.
"""

from __future__ import annotations

import math

import numpy as np

from models.conventions import GRID_INSTANT_YEARS, GRID_LEAST_TOTAL, GRID_LEAST_YEARS, ONE_PERCENT, SQRT_2PI, Floats
from models.kernels.bell import BELL_SCALE, bell
from models.kernels.coefficients import TAIL_LOWER as Q
from models.kernels.coefficients import TAIL_UPPER as P
from models.kernels.compiled import Flags, Numbers, Out, inlined, kernel
from models.kernels.elementary import exp
from models.kernels.memory import LANES, zeros_on_lines
from models.kernels.threads import spread

_LEGS = 4  # at once, which the kernel spells out
_ROWS = 2  # of times, in a piece of a thread
_FIGURES = 7
_PEAK = ONE_PERCENT / SQRT_2PI
_PER_HOUR = 1.0 / (365.0 * 24.0)
_PACE = _PER_HOUR / (2.0 * BELL_SCALE * SQRT_2PI)
_PULL = 2.0 * BELL_SCALE * SQRT_2PI


def fill_grid(
    spot: float, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, call_weight: Floats, put_weight: Floats, is_delta_of_forward: bool,
    times_years: Floats, prices: Floats, gamma: Floats, charm: Floats,
) -> None:  # fmt: skip
    """Write both grids, (vectors, times, prices). Legs come in descending order of T, weights as (vectors, legs)."""
    vectors, legs = call_weight.shape
    blocks, width = -(-legs // _LEGS), LANES * -(-prices.size // LANES)
    is_call = forward < strike
    rate = -np.log(discount_factor) / t_years
    book = np.ones((_FIGURES, blocks * _LEGS))
    book[:, :legs] = (
        np.where(is_call, 1.0, -1.0), np.log(forward / strike), np.log(forward / spot), t_years, iv_frac, rate,
        smooth_carry_frac,
    )  # fmt: skip
    weight = _by_block(call_weight + put_weight, blocks)
    parity_weight = _by_block(np.where(is_call, -put_weight, call_weight), blocks)
    is_used = np.any((weight != 0.0) | (parity_weight != 0.0), axis=2)
    distance = zeros_on_lines(width)
    distance[: prices.size] = np.log(prices / spot)
    sums = zeros_on_lines(2, times_years.size, vectors, width)

    def task(start: int, end: int) -> None:
        figures = np.empty((_FIGURES, book.shape[1]))
        cells = zeros_on_lines(2, _LEGS * width)
        for row in range(start, end):
            living = -(-int(np.count_nonzero(t_years - times_years[row] > GRID_INSTANT_YEARS)) // _LEGS)
            _figures(living * _LEGS, times_years[row], int(is_delta_of_forward), *book, *figures)
            _sums(living, width, vectors, distance, *figures, weight, parity_weight, is_used, *cells, *sums[:, row])

    spread(task, times_years.size, piece=_ROWS)
    for grid, of_time in zip((gamma, charm), sums, strict=True):
        np.multiply(np.moveaxis(of_time, 0, 1)[..., : prices.size], prices, out=grid)


def _by_block(weights: Floats, blocks: int) -> Floats:
    """(vectors, legs) to (blocks, vectors, legs of a block), filled up with zeros."""
    padded = np.zeros((weights.shape[0], blocks * _LEGS))
    padded[:, : weights.shape[1]] = weights
    return np.ascontiguousarray(np.moveaxis(padded.reshape(weights.shape[0], blocks, _LEGS), 0, 1))


@kernel
def _figures(
    count: int, time: float, is_delta_of_forward: int,
    side: Numbers, moneyness: Numbers, basis: Numbers, t_years: Numbers, iv_frac: Numbers, rate: Numbers,
    carry: Numbers,
    slope: Out, offset: Out, lag: Out, pull: Out, peak: Out, pace: Out, drift: Out,
) -> None:  # fmt: skip
    for i in range(count):
        left = t_years[i] - time
        t = left if left > GRID_LEAST_YEARS else GRID_LEAST_YEARS
        total = iv_frac[i] * math.sqrt(t)
        total = total if total > GRID_LEAST_TOTAL else GRID_LEAST_TOTAL
        inv_total = 1.0 / total
        moved = carry[i] * time
        units = 1.0 if is_delta_of_forward != 0 else exp(basis[i] - moved - rate[i] * t)
        units = units if left > GRID_INSTANT_YEARS else 0.0
        scale = side[i] * BELL_SCALE
        excess = rate[i] - carry[i]
        slope[i] = scale * inv_total
        offset[i] = scale * ((moneyness[i] - moved) * inv_total + 0.5 * total)
        lag[i] = -scale * (total + 2.0 * carry[i] * t * inv_total)
        pull[i] = excess * t * _PULL
        peak[i] = units * inv_total * _PEAK
        pace[i] = side[i] * units / t * _PACE
        drift[i] = excess * units * _PER_HOUR


@kernel
def _sums(
    blocks: int, width: int, vectors: int, distance: Numbers,
    slope: Numbers, offset: Numbers, lag: Numbers, pull: Numbers, peak: Numbers, pace: Numbers, drift: Numbers,
    weight: Numbers, parity_weight: Numbers, is_used: Flags, bells: Out, rates: Out, gamma: Out, charm: Out,
) -> None:  # fmt: skip
    for block in range(blocks):
        first = block * _LEGS
        for leg in range(_LEGS):
            a, b, c, d = slope[first + leg], offset[first + leg], lag[first + leg], pull[first + leg]
            to = leg * width
            if d != 0.0:
                for j in range(width):
                    z = a * distance[j] + b
                    height = bell(z)
                    bells[to + j] = height
                    rates[to + j] = height * (z + c) + d * _tail(z, height)
            else:
                for j in range(width):
                    z = a * distance[j] + b
                    height = bell(z)
                    bells[to + j] = height
                    rates[to + j] = height * (z + c)
        for vector in range(vectors):
            if is_used[block * vectors + vector] != 0:
                k = (block * vectors + vector) * _LEGS
                w0, w1, w2, w3 = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
                g0, g1, g2, g3 = w0 * peak[first], w1 * peak[first + 1], w2 * peak[first + 2], w3 * peak[first + 3]
                c0, c1, c2, c3 = w0 * pace[first], w1 * pace[first + 1], w2 * pace[first + 2], w3 * pace[first + 3]
                level = (parity_weight[k] * drift[first] + parity_weight[k + 1] * drift[first + 1]) + (
                    parity_weight[k + 2] * drift[first + 2] + parity_weight[k + 3] * drift[first + 3]
                )
                to = vector * width
                for j in range(width):
                    gamma[to + j] += (g0 * bells[j] + g1 * bells[j + width]) + (
                        g2 * bells[j + 2 * width] + g3 * bells[j + 3 * width]
                    )
                    charm[to + j] += (level + c0 * rates[j] + c1 * rates[j + width]) + (
                        c2 * rates[j + 2 * width] + c3 * rates[j + 3 * width]
                    )


@inlined
def _tail(z: float, height: float) -> float:
    """N(d), from z and bell(z), by a quotient of polynomials for N(-|d|)/bell. Error 3e-15; of a tail by itself 4e-12
    for d above -5 and 3e-10 below, where bells of the same leg are far larger."""
    x = abs(z)
    upper = P[7]
    upper = upper * x + P[6]
    upper = upper * x + P[5]
    upper = upper * x + P[4]
    upper = upper * x + P[3]
    upper = upper * x + P[2]
    upper = upper * x + P[1]
    upper = upper * x + P[0]
    lower = Q[8]
    lower = lower * x + Q[7]
    lower = lower * x + Q[6]
    lower = lower * x + Q[5]
    lower = lower * x + Q[4]
    lower = lower * x + Q[3]
    lower = lower * x + Q[2]
    lower = lower * x + Q[1]
    lower = lower * x + Q[0]
    smaller = height * upper / lower
    return 1.0 - smaller if z > 0.0 else smaller
