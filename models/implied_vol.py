"""Implied volatility of European options on a forward: exact where it exists, absent where it does not.

Both engines work on the undiscounted price of the option that is out of the money, by parity, as Jaeckel does (Let's
be rational, 2015), and solve for its logarithm by Householder's iteration.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import aligned, flags, numbers
from models.conventions import Floats
from models.engine import implementation


def implied_vol(
    price: npt.ArrayLike,
    *,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t_years: npt.ArrayLike,
    discount_factor: npt.ArrayLike,
    is_call: npt.ArrayLike,
) -> Floats:
    """Volatility at which Black's formula gives `price`.

    Parameters broadcast: price in USD (present value), forward and strike in USD, T in years of 365 days, D, call flag.
    Returns fractions per year in the common shape. NaN, never a wrong number, where none exists or none can be told
    from rounding: a price at or below intrinsic value, at or above its upper bound (D F for calls, D K for puts), below
    1e-300, infinite or NaN; T, F, K or D not above zero or no number that they can be (`models.domain`).
    Relative error <= 1e-13 + 2^-52 price/(vega volatility): beside the second term, which is what the price's last
    digit says of the volatility, the first is lost in the money and near the upper bound.
    Not numbers at all is a TypeError, lengths that do not fit are a ValueError.
    """
    columns = {
        name: numbers(name, values)
        for name, values in (
            ("price", price), ("forward", forward), ("strike", strike), ("t_years", t_years),
            ("discount_factor", discount_factor),
        )
    }  # fmt: skip
    shape, arrays = aligned({**columns, "is_call": flags("is_call", is_call)})
    out = np.empty(arrays[0].size)
    implementation("implied_vol").fill_implied_vol(*arrays, out)
    return out.reshape(shape)
