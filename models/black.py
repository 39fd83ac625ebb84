"""Black's formula on a forward: price and greeks of European options, per unit of the underlying.

Array functions: arguments broadcast, nothing raises, NaN in gives NaN out, and so does T <= 0 or volatility <= 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from models.conventions import Bools, Floats

INV_SQRT_2PI = 0.3989422804014327


class Greeks(NamedTuple):
    """All in the units of the formulas: per 1.00 of volatility and per year; `gamma` and `delta` per 1 USD of spot."""

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    vanna: Floats
    theta: Floats
    charm: Floats


def black_price(
    *, forward: Floats, strike: Floats, t_years: Floats, iv_frac: Floats, discount_factor: Floats, is_call: Bools
) -> Floats:
    """Present value in USD of a call D [F N(d1) - K N(d2)] or put D [K N(-d2) - F N(-d1)] (Black 1976)."""
    total = _positive(iv_frac) * np.sqrt(_positive(t_years))
    d1 = np.log(forward / strike) / total + 0.5 * total
    sign = np.where(is_call, 1.0, -1.0)
    value = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - total)))
    return np.asarray(discount_factor * value, dtype=np.float64)


def greeks(
    *,
    spot: Floats | float,
    forward: Floats,
    strike: Floats,
    t_years: Floats,
    iv_frac: Floats,
    discount_factor: Floats | float,
    is_call: Bools,
    smooth_carry_frac: Floats | float = 0.0,
    is_delta_of_forward: bool = False,
) -> Greeks:
    """Price and greeks as METHODS 3 defines them.

    Parameters: spot and forward in USD, T in years of 365 days, volatility as a fraction, D the discount factor,
    `smooth_carry_frac` c per year. Spot shifts freeze b = F/S; time moves b by e^(-c dt) and D by e^(r dt) with
    r = -ln(D)/T, so charm and theta need c while delta and gamma do not. `is_delta_of_forward`: delta counts forwards
    (Deribit: D = 1, c = 0) instead of units of spot; gamma is d(delta)/dS in both cases.
    Tails come from N(-x), never 1 - N(x): puts far in or out of the money keep their relative precision.
    """
    t, iv = _positive(t_years), _positive(iv_frac)
    root_t = np.sqrt(t)
    total = iv * root_t
    d1 = np.log(forward / strike) / total + 0.5 * total
    d2 = d1 - total
    sign = np.where(is_call, 1.0, -1.0)
    tail = sign * ndtr(sign * d1)
    density = INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
    units = 1.0 if is_delta_of_forward else discount_factor * forward / spot
    rate = -np.log(discount_factor) / t
    present_forward = discount_factor * forward
    price = present_forward * tail - discount_factor * strike * sign * ndtr(sign * d2)
    carried = smooth_carry_frac
    return Greeks(
        price=price,
        delta=units * tail,
        gamma=units * density / (spot * total),
        vega=present_forward * density * root_t,
        vanna=-units * density * d2 / iv,
        theta=rate * price - carried * present_forward * tail - present_forward * density * iv / (2.0 * root_t),
        charm=(rate - carried) * units * tail - units * density * (carried / total - d2 / (2.0 * t)),
    )


def _positive(values: Floats) -> Floats:
    """NaN where a value is not above zero, so that expired or unpriced legs cannot turn into infinities."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(array > 0.0, array, np.nan)
