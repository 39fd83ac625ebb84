"""Black's formula on a forward: price and greeks of European options, per unit of the underlying.

Array functions: arguments broadcast. Where T, volatility, F, K or D is NaN, not above zero or no number that any of
them can be (below 5e-20, above 2e19: `models.domain`), every result is NaN; where the spot or the carry is,
those that need it. Not numbers at all is a TypeError, lengths that do not fit are a ValueError.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.arrays import aligned, flags, numbers
from models.conventions import Bools, Floats
from models.engine import implementation


class Greeks(NamedTuple):
    """All in the units of the formulas: per 1.00 of volatility and per year; `gamma` and `delta` per 1 USD of spot."""

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    vanna: Floats
    theta: Floats
    charm: Floats
    speed: Floats
    zomma: Floats
    vomma: Floats


def black_price(
    *,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t_years: npt.ArrayLike,
    iv_frac: npt.ArrayLike,
    discount_factor: npt.ArrayLike,
    is_call: npt.ArrayLike,
) -> Floats:
    """Present value in USD of a call D [F N(d1) - K N(d2)] or put D [K N(-d2) - F N(-d1)] (Black 1976).

    As exact as in `greeks`; the shape of the broadcast arguments, NaN where there is no option.
    """
    # A copy, or the nine other results stayed in memory behind it.
    return greeks(
        spot=forward, forward=forward, strike=strike, t_years=t_years, iv_frac=iv_frac,
        discount_factor=discount_factor, is_call=is_call,
    ).price.copy()  # fmt: skip


def greeks(
    *,
    spot: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t_years: npt.ArrayLike,
    iv_frac: npt.ArrayLike,
    discount_factor: npt.ArrayLike,
    is_call: npt.ArrayLike,
    smooth_carry_frac: npt.ArrayLike = 0.0,
    is_delta_of_forward: bool = False,
) -> Greeks:
    """Price and greeks as METHODS 3 defines them.

    Parameters: spot and forward in USD, T in years of 365 days, volatility as a fraction, D the discount factor,
    `smooth_carry_frac` c per year. Spot shifts freeze b = F/S; time moves b by e^(-c dt) and D by e^(r dt) with
    r = -ln(D)/T, so charm and theta need c while delta and gamma do not. `is_delta_of_forward`: delta counts forwards
    (Deribit: D = 1, c = 0) instead of units of spot; gamma is d(delta)/dS in both cases. Speed is d(gamma)/dS, zomma
    d(gamma)/d(volatility), vomma d(vega)/d(volatility).
    Every array has the shape of the broadcast arguments. Price, vega, theta and vomma need no spot, nor do delta, vanna
    and charm of the forward.

    Relative errors are below 1e-12 to eight standard deviations in and out of the money, and below 1e-11 for all that
    is above 1e-290: tails come from N(-x), never 1 - N(x), and a price is intrinsic value plus that of the side out of
    the money, whose tails are not subtracted from each other. Where a greek crosses zero its error is relative to the
    sum of its terms.
    """
    columns: dict[str, Floats | Bools] = {
        name: numbers(name, values)
        for name, values in (
            ("spot", spot), ("forward", forward), ("strike", strike), ("t_years", t_years), ("iv_frac", iv_frac),
            ("discount_factor", discount_factor), ("smooth_carry_frac", smooth_carry_frac),
        )
    }  # fmt: skip
    shape, arrays = aligned(columns | {"is_call": flags("is_call", is_call)})
    out = tuple(np.empty((len(Greeks._fields), arrays[0].size)))  # one block, which gets large pages: ten arrays fault
    implementation("greeks").fill_greeks(*arrays, is_delta_of_forward, out)
    return Greeks(*(values.reshape(shape) for values in out))
