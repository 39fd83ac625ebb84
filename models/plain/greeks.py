"""Black's price and nine greeks in NumPy: what `models.kernels.greeks` computes, array by array."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from models.conventions import Bools, Floats

_INV_SQRT_2PI = 0.3989422804014327
_BLOCK = 1 << 13  # contracts whose arrays stay in the processor's cache


def fill_greeks(
    spot: Floats, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, is_call: Bools, is_delta_of_forward: bool, out: tuple[Floats, ...],
) -> None:  # fmt: skip
    """Write price, delta, gamma, vega, vanna, theta, charm, speed, zomma and vomma into `out`, all of one length."""
    columns = (spot, forward, strike, t_years, iv_frac, discount_factor, smooth_carry_frac, is_call)
    with np.errstate(all="ignore"):
        for start in range(0, spot.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            of_block: list[Any] = [column[part] for column in columns]
            for target, values in zip(out, _greeks(*of_block, is_delta_of_forward), strict=True):
                target[part] = values


def _greeks(
    spot: Floats, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, is_call: Bools, is_delta_of_forward: bool,
) -> tuple[Floats, ...]:  # fmt: skip
    spot, forward, strike, t, iv, discount = (
        np.where((values > 0.0) & np.isfinite(values), values, np.nan)
        for values in (spot, forward, strike, t_years, iv_frac, discount_factor)
    )
    root_t = np.sqrt(t)
    total = iv * root_t
    d1 = np.log(forward / strike) / total + 0.5 * total
    d2 = d1 - total
    sign = np.where(is_call, 1.0, -1.0)
    tail_1, tail_2 = sign * ndtr(sign * d1), sign * ndtr(sign * d2)
    density = _INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
    present_forward = discount * forward
    units = spot / spot if is_delta_of_forward else present_forward / spot
    rate, carry = -np.log(discount) / t, smooth_carry_frac
    price = present_forward * tail_1 - discount * strike * tail_2
    gamma = units * density / (spot * total)
    vega = present_forward * density * root_t
    return (
        price,
        units * tail_1,
        gamma,
        vega,
        -units * density * d2 / iv,
        rate * price - carry * present_forward * tail_1 - 0.5 * vega * iv / t,
        (rate - carry) * units * tail_1 - units * density * (carry / total - d2 / (2.0 * t)),
        -gamma / spot * (d1 / total + 1.0),
        gamma * (d1 * d2 - 1.0) / iv,
        vega * d1 * d2 / iv,
    )
