"""Gamma and charm of a book over times and prices in NumPy: what `models.kernels.grid` computes, block by block."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from models.conventions import GRID_INSTANT_YEARS, GRID_LEAST_TOTAL, GRID_LEAST_YEARS, ONE_PERCENT, SQRT_2PI, Floats

_HOURS_PER_YEAR = 365.0 * 24.0
_CELLS_AT_ONCE = 1 << 14  # so that the three arrays of a block of legs x prices stay in the processor's cache


def fill_grid(
    spot: float, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, call_weight: Floats, put_weight: Floats, is_delta_of_forward: bool,
    times_years: Floats, prices: Floats, gamma: Floats, charm: Floats,
) -> None:  # fmt: skip
    """Write both grids, (vectors, times, prices). Legs come in descending order of T, weights as (vectors, legs)."""
    rate, distance = -np.log(discount_factor) / t_years, np.log(prices / spot)
    moneyness, basis = np.log(forward / strike), np.log(forward / spot)
    gamma[...], charm[...] = 0.0, 0.0
    legs_at_once = max(1, _CELLS_AT_ONCE // max(1, prices.size))
    for row, time in enumerate(times_years):
        living = int(np.count_nonzero(t_years - time > GRID_INSTANT_YEARS))
        for start in range(0, living, legs_at_once):
            part = slice(start, min(start + legs_at_once, living))
            t = np.maximum(t_years[part] - time, GRID_LEAST_YEARS)
            total = np.maximum(iv_frac[part] * np.sqrt(t), GRID_LEAST_TOTAL)
            moved = smooth_carry_frac[part] * time
            units = 1.0 if is_delta_of_forward else np.exp(basis[part] - moved - rate[part] * t)
            _add_block(
                (1.0 / total, (moneyness[part] - moved) / total + 0.5 * total, total, t),
                np.broadcast_to(units, t.shape), rate[part], smooth_carry_frac[part], call_weight[:, part],
                put_weight[:, part], distance, gamma[:, row], charm[:, row],
            )  # fmt: skip
    gamma *= prices * ONE_PERCENT
    charm *= prices / _HOURS_PER_YEAR


def _add_block(
    line: tuple[Floats, Floats, Floats, Floats], units: Floats, rate: Floats, carry: Floats, call_weight: Floats,
    put_weight: Floats, distance: Floats, gamma: Floats, charm: Floats,
) -> None:  # fmt: skip
    """Add sum of n M gamma P and of n M charm of some legs; `line`: slope and offset of d1 in ln(P/S), s sqrt T, T."""
    slope, offset, total, t = line
    weight = call_weight + put_weight
    d1 = np.multiply.outer(slope, distance)
    d1 += offset[:, None]
    bells = np.multiply(d1, d1)
    bells *= -0.5
    np.exp(bells, out=bells)
    gamma += (weight * (units / total / SQRT_2PI)) @ bells
    excess = (rate - carry) * units
    if np.any(excess != 0.0):
        # The side that is out of the money now, so that far options keep their digits; the other side is that and
        # what does not depend on the price.
        is_call = offset - 0.5 * total < 0.0
        side = np.where(is_call, 1.0, -1.0)
        charm += (weight * (side * excess)) @ ndtr(d1 * side[:, None])
        charm += (np.where(is_call, -put_weight, call_weight) @ excess)[:, None]
    d1 -= (total + 2.0 * carry * t / total)[:, None]
    d1 *= bells
    charm += (weight * (units / (2.0 * t) / SQRT_2PI)) @ d1
