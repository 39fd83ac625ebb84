"""Black's price and nine greeks, compiled: one logarithm, one exponential and two erfcx an option.

Formulas, signs and units are those of `models.black.greeks`. Both tails come from erfcx(|d|/sqrt 2), never as 1 - N, so
far options keep their digits; phi(d2) is phi(d1) F/K.
"""

from __future__ import annotations

import math

import numpy as np

from models.conventions import Bools, Floats
from models.kernels.compiled import Flags, Numbers, Out, kernel
from models.kernels.elementary import erfcx, exp, log
from models.kernels.threads import spread

_INV_SQRT_2, _INV_SQRT_2PI = 0.7071067811865476, 0.3989422804014327
_GREATEST = 1.7976931348623157e308
_PIECE = 1 << 14


def fill_greeks(
    spot: Floats, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats,
    smooth_carry_frac: Floats, is_call: Bools, is_delta_of_forward: bool, out: tuple[Floats, ...],
) -> None:  # fmt: skip
    """Write price, delta, gamma, vega, vanna, theta, charm, speed, zomma and vomma into `out`, all of one length."""
    columns = (spot, forward, strike, t_years, iv_frac, discount_factor, smooth_carry_frac, is_call)

    def task(start: int, end: int) -> None:
        part = slice(start, end)
        _greeks(
            end - start,
            *(column[part] for column in columns),
            int(is_delta_of_forward),
            *(column[part] for column in out),
        )

    spread(task, spot.size, piece=_PIECE)


@kernel
def _greeks(
    count: int, spot: Numbers, forward: Numbers, strike: Numbers, t_years: Numbers, iv_frac: Numbers,
    discount_factor: Numbers, smooth_carry_frac: Numbers, is_call: Flags, is_delta_of_forward: int,
    price: Out, delta: Out, gamma: Out, vega: Out, vanna: Out, theta: Out, charm: Out, speed: Out, zomma: Out,
    vomma: Out,
) -> None:  # fmt: skip
    for i in range(count):
        s, f, k, t, iv, d = spot[i], forward[i], strike[i], t_years[i], iv_frac[i], discount_factor[i]
        is_valid = (
            (s > 0.0) & (f > 0.0) & (k > 0.0) & (t > 0.0) & (iv > 0.0) & (d > 0.0)
            & (s <= _GREATEST) & (f <= _GREATEST) & (k <= _GREATEST) & (t <= _GREATEST) & (iv <= _GREATEST)
            & (d <= _GREATEST)
        )  # fmt: skip
        root_t = math.sqrt(t)
        total = iv * root_t
        inv_total = 1.0 / total
        d1 = log(f / k) * inv_total + 0.5 * total
        d2 = d1 - total
        bell = exp(-0.5 * d1 * d1)
        half_1 = 0.5 * bell * erfcx(abs(d1) * _INV_SQRT_2)
        half_2 = 0.5 * bell * (f / k) * erfcx(abs(d2) * _INV_SQRT_2)
        sign = 1.0 if is_call[i] != 0 else -1.0
        tail_1 = sign * (1.0 - half_1 if sign * d1 > 0.0 else half_1)
        tail_2 = sign * (1.0 - half_2 if sign * d2 > 0.0 else half_2)
        units = 1.0 if is_delta_of_forward != 0 else d * f / s
        units = units if is_valid else np.nan
        present_forward = d * f if is_valid else np.nan
        density = _INV_SQRT_2PI * bell
        rate = -log(d) / t
        carry = smooth_carry_frac[i]
        value = present_forward * tail_1 - d * k * tail_2
        curvature = units * density * inv_total / s
        slope = present_forward * density * root_t
        price[i] = value
        delta[i] = units * tail_1
        gamma[i] = curvature
        vega[i] = slope
        vanna[i] = -units * density * d2 / iv
        theta[i] = rate * value - carry * present_forward * tail_1 - 0.5 * slope * iv / t
        charm[i] = (rate - carry) * units * tail_1 - units * density * (carry * inv_total - 0.5 * d2 / t)
        speed[i] = -curvature / s * (d1 * inv_total + 1.0)
        zomma[i] = curvature * (d1 * d2 - 1.0) / iv
        vomma[i] = slope * d1 * d2 / iv
