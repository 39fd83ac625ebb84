"""Black's price and nine greeks in NumPy: what `models.kernels.greeks` computes, array by array."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from models.conventions import INV_SQRT_2PI, Bools, Floats
from models.domain import LEAST, LIMIT
from models.plain.lognormal import SMALL_HALF, difference_of_tails, log_ratio, mills

_FAR, _NO_TAIL = 5.0, 40.0  # standard deviations, from which on digits are lost to subtraction, and nothing is left
_BLOCK = 1 << 13  # contracts whose arrays stay in the processor's cache


def fill_greeks(
    spot: Floats, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, is_call: Bools, is_delta_of_forward: bool, out: tuple[Floats, ...],
) -> None:  # fmt: skip
    """Write price, delta, gamma, vega, vanna, theta, charm, speed, zomma and vomma into `out`, all of one length."""
    with np.errstate(all="ignore"):
        for start in range(0, spot.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            found = _greeks(
                spot[part], forward[part], strike[part], t_years[part], iv_frac[part], discount_factor[part],
                smooth_carry_frac[part], is_call[part], is_delta_of_forward,
            )  # fmt: skip
            for target, values in zip(out, found, strict=True):
                target[part] = values


def _greeks(
    spot: Floats, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, is_call: Bools, is_delta_of_forward: bool,
) -> tuple[Floats, ...]:  # fmt: skip
    columns = (forward, strike, t_years, iv_frac, discount_factor)
    is_option = np.logical_and.reduce([(values >= LEAST) & (values < LIMIT) for values in columns])
    forward, strike, t, iv, discount = (np.where(is_option, values, np.nan) for values in columns)
    spot = np.where((spot >= LEAST) & (spot < LIMIT), spot, np.nan)
    carry = np.where(np.abs(smooth_carry_frac) < LIMIT, smooth_carry_frac, np.nan)
    root_t = np.sqrt(t)
    total = iv * root_t
    distance = log_ratio(forward, strike) / total
    d1, d2 = distance + 0.5 * total, distance - 0.5 * total
    sign = np.where(is_call, 1.0, -1.0)
    side = sign * ndtr(sign * d1)
    bell = np.exp(-0.5 * d1 * d1)
    density = INV_SQRT_2PI * bell
    present_forward = discount * forward
    units = np.ones_like(spot) if is_delta_of_forward else present_forward / spot
    rate = -log_ratio(discount, np.ones_like(discount)) / t
    time_value = _out_of_the_money(forward, strike, np.abs(distance), 0.5 * total, forward * bell)
    price = discount * (time_value + np.maximum(sign * (forward - strike), 0.0))
    gamma = units * density / (spot * total)
    vega = present_forward * density * root_t
    return (
        price,
        units * side,
        gamma,
        vega,
        -units * density * d2 / iv,
        rate * price - carry * present_forward * side - 0.5 * vega * iv / t,
        (rate - carry) * units * side - units * density * (carry / total - d2 / (2.0 * t)),
        -gamma / spot * (d1 / total + 1.0),
        gamma * (d1 * d2 - 1.0) / iv,
        vega * d1 * d2 / iv,
    )


def _out_of_the_money(forward: Floats, strike: Floats, x: Floats, h: Floats, weight: Floats) -> Floats:
    """Undiscounted min(F, K) N(h - x) - max(F, K) N(-h - x), which is `weight` [M(x - h) - M(x + h)], in the form that
    keeps its digits."""
    near, far = x - h, x + h
    value: Floats = np.minimum(forward, strike) * ndtr(-near) - np.maximum(forward, strike) * ndtr(-far)
    is_near, is_far = h < SMALL_HALF, (h >= SMALL_HALF) & (near > _FAR)
    value[is_near] = weight[is_near] * difference_of_tails(np.minimum(x[is_near], _NO_TAIL), h[is_near])
    value[is_far] = weight[is_far] * (mills(near[is_far]) - mills(far[is_far]))
    return value
