"""Black's price and nine greeks, compiled: two logarithms, one exponential and one double polynomial an option.

Formulas, signs and units are those of `models.black.greeks`. With s the volatility times sqrt T, x = |ln(F/K)|/s and
M(d) = N(-d) e^(d^2/2), the option that is out of the money is worth D F e^(-d1^2/2) [M(x - s/2) - M(x + s/2)], and the
other one differs by parity. So far prices keep their digits, as the tails N(-|d1|) do.
"""

from __future__ import annotations

import math

import numpy as np

from models.conventions import INV_SQRT_2PI, Bools, Floats
from models.domain import LIMIT
from models.kernels.bell import BELL_SCALE, bell
from models.kernels.compiled import Flags, Numbers, Out, kernel
from models.kernels.lognormal import BEYOND, beyond, log_ratio, mills
from models.kernels.threads import spread

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
        carry = smooth_carry_frac[i]
        is_option = ((beyond(f) | beyond(k) | beyond(t) | beyond(iv) | beyond(d)) & BEYOND) == 0
        has_spot = is_option & ((beyond(s) & BEYOND) == 0)
        has_delta = has_spot if is_delta_of_forward == 0 else is_option
        has_carry = abs(carry) < LIMIT
        is_a_call = is_call[i] != 0

        root_t = math.sqrt(t)
        total = iv * root_t
        inv_s, inv_total = 1.0 / s, 1.0 / total
        inv_iv, inv_root_t = root_t * inv_total, iv * inv_total  # in place of divisions, which are slow
        inv_t = inv_root_t * inv_root_t

        distance, half_total = log_ratio(f, k) * inv_total, 0.5 * total
        d1, d2 = distance + half_total, distance - half_total
        near, far = abs(distance) - half_total, abs(distance) + half_total
        is_apart = near > -0.01  # both tails lie on one side, or so nearly that the polynomial reaches
        near = near if is_apart else -near
        tail_near, slope = mills(near, far)
        tail_far = tail_near - (far - near) * slope
        height = bell(BELL_SCALE * d1)
        tail = height * (tail_near if f <= k else tail_far)  # N(-|d1|), or N(d1)
        probability = tail if ((f <= k) & is_apart) == is_a_call else 1.0 - tail
        side = probability if is_a_call else -probability

        present_forward = d * f
        units = 1.0 if is_delta_of_forward != 0 else present_forward * inv_s
        weight = present_forward * height
        tails = weight * (total * slope if is_apart else tail_near + tail_far)
        intrinsic = max(f - k if is_a_call else k - f, 0.0)
        value = d * intrinsic + (tails if is_apart else d * min(f, k) - tails)

        rate = -log_ratio(d, 1.0) * inv_t
        of_delta = INV_SQRT_2PI * height * units
        curvature = of_delta * inv_total * inv_s
        of_delta_by_iv = of_delta * inv_iv
        slope_iv = INV_SQRT_2PI * weight * root_t
        half_inv_t, product = 0.5 * inv_t, d1 * d2
        decay = rate * value - carry * (present_forward * side) - slope_iv * (iv * half_inv_t)
        drift = (rate - carry) * (units * side) - of_delta * (carry * inv_total - d2 * half_inv_t)
        price[i] = value if is_option else np.nan
        delta[i] = units * side if has_delta else np.nan
        gamma[i] = curvature if has_spot else np.nan
        vega[i] = slope_iv if is_option else np.nan
        vanna[i] = -of_delta_by_iv * d2 if has_delta else np.nan
        theta[i] = decay if is_option & has_carry else np.nan
        charm[i] = drift if has_delta & has_carry else np.nan
        speed[i] = -curvature * inv_s * (d1 * inv_total + 1.0) if has_spot else np.nan
        zomma[i] = curvature * inv_iv * (product - 1.0) if has_spot else np.nan
        vomma[i] = slope_iv * inv_iv * product if is_option else np.nan
