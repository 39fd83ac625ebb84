"""Implied volatility in NumPy, by a bracketed third-order iteration on the logarithm of the price.

Notation as in `models.kernels.implied_vol`: the undiscounted option out of the money as a share of min(F, K).
"""

from __future__ import annotations

import numpy as np

from models.conventions import INV_SQRT_2PI, Bools, Floats
from models.domain import LEAST, LIMIT
from models.plain.lognormal import SMALL_HALF, difference_of_tails, log_ratio, mills

_ROUNDING = 2.0**-50  # of a price, which its time value must exceed
_LEAST_VALUE = 2.0**-1000
_LARGEST_TOTAL = 100.0  # prices reach their upper bound to double precision long before
_UPPER_BRANCH = 0.5  # share of the upper bound from which the distance to it is the better target
_CONVERGED = 2e-15
_ITERATIONS = 100
_BLOCK = 1 << 13  # contracts whose arrays stay in the processor's cache


def fill_implied_vol(
    price: Floats, forward: Floats, strike: Floats, t_years: Floats, discount_factor: Floats, is_call: Bools,
    out: Floats,
) -> None:  # fmt: skip
    """Write the volatility of each contract into `out`, all of one length."""
    with np.errstate(all="ignore"):
        for start in range(0, price.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            out[part] = _implied_vol(
                price[part], forward[part], strike[part], t_years[part], discount_factor[part], is_call[part]
            )


def _implied_vol(
    price: Floats, forward: Floats, strike: Floats, t_years: Floats, discount_factor: Floats, is_call: Bools
) -> Floats:
    undiscounted, bound = price / discount_factor, np.minimum(forward, strike)
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
    value = undiscounted - intrinsic
    noise = np.where(intrinsic > 0.0, _ROUNDING * (undiscounted + forward), 0.0)
    is_told = (value > noise) & (bound - value - noise > _ROUNDING * bound) & (value >= _LEAST_VALUE)
    for column in (forward, strike, t_years, discount_factor):
        is_told &= (column >= LEAST) & (column < LIMIT)
    f, k, value, bound = forward[is_told], strike[is_told], value[is_told], bound[is_told]
    money = value / np.sqrt(f * k) / INV_SQRT_2PI
    found = np.full(price.shape, np.nan)
    found[is_told] = _total(value / bound, (bound - value) / bound, np.abs(log_ratio(f, k)), money)
    return found / np.sqrt(np.where(is_told, t_years, np.nan))


def _total(share: Floats, rest: Floats, x: Floats, money: Floats) -> Floats:
    """s of which the share is worth, NaN where steps do not settle. Those that leave the bracket go to its middle.

    `rest`: 1 - share; x = |ln(F/K)|; `money`: the total at the money of the same price, which is the least of all.
    """
    is_upper = share > _UPPER_BRANCH
    target = np.log(np.where(is_upper, rest, share))
    low, high = np.maximum(0.999 * money, 0.01 * x), np.full_like(x, _LARGEST_TOTAL)
    total = np.clip(np.maximum(money, np.sqrt(2.0 * x)), low, 0.5 * high)
    result = np.full_like(x, np.nan)
    open_ = np.arange(x.size)
    for _ in range(_ITERATIONS):
        step, is_low = _step(total, target, is_upper, x)
        low, high = np.where(is_low, total, low), np.where(is_low, high, total)
        following = total + step
        is_inside = (following > low) & (following < high)
        is_done = np.abs(step) <= _CONVERGED * total
        following = np.where(is_inside | is_done, following, np.sqrt(low * high))
        is_done |= (high - low) <= _CONVERGED * high
        result[open_[is_done]] = following[is_done]
        keep = ~is_done
        open_, total, low, high = open_[keep], following[keep], low[keep], high[keep]
        target, is_upper, x = target[keep], is_upper[keep], x[keep]
        if not open_.size:
            break
    return result


def _step(total: Floats, target: Floats, is_upper: Bools, x: Floats) -> tuple[Floats, Bools]:
    """One Householder step of third order on the logarithm of the share or of the rest; True where s is too low."""
    h, t = x / total, 0.5 * total
    near = h - t
    is_small = t < SMALL_HALF
    is_apart = is_small | (near > 0.0)
    edge, far = mills(np.abs(near)), mills(h + t)
    tails, difference = edge + far, edge - far
    difference[is_small] = difference_of_tails(h[is_small], t[is_small])
    height = np.exp(-0.5 * near * near)
    is_direct = is_apart != is_upper  # the logarithm's argument is a product, which cannot cancel or vanish
    direct, part = np.where(is_apart, difference, tails), np.where(is_apart, difference, tails) * height
    reached = np.where(is_direct, np.log(direct) - 0.5 * near * near, np.log1p(-part))
    slope = INV_SQRT_2PI * np.where(is_direct, 1.0 / direct, height / (1.0 - part))
    slope = np.where(is_upper, -slope, slope)
    newton = (target - reached) / slope
    curl = h * h / total - 0.5 * t
    second = curl - slope
    third = curl * curl - 3.0 * (h / total) ** 2 - 0.25 - 3.0 * curl * slope + 2.0 * slope * slope
    step = newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))
    is_low = newton > 0.0
    is_wrong = np.where(is_low, step < 0.0, step > 0.0) | ~np.isfinite(step)
    return np.where(is_wrong, newton, step), is_low
