"""What the right to exercise early adds to calls and puts, so that parity can be read from American quotes."""

from __future__ import annotations

import numpy as np

from models.american import american_price, de_americanised_vol
from models.black import black_price
from models.conventions import Floats


def early_exercise_premiums(
    call_price: Floats, put_price: Floats, *, spot: float, forward: Floats, strike: Floats, t_years: Floats,
    discount_factor: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Premiums of the call and of the put at each strike, in USD, at the volatility of the one out of the money.

    Parameters of one length: prices of calls and puts at the same strikes, S, F, K in USD, T in years, D. Out of the
    money is what pays nothing at once. 0 where its price has no volatility.
    """
    terms = {"forward": forward, "strike": strike, "t_years": t_years, "discount_factor": discount_factor}
    is_call_out = strike >= spot
    out_price = np.where(is_call_out, call_price, put_price)
    vol = de_americanised_vol(out_price, spot=spot, **terms, is_call=is_call_out)
    call, put = (
        american_price(spot=spot, **terms, iv_frac=vol, is_call=is_call)
        - black_price(**terms, iv_frac=vol, is_call=is_call)
        for is_call in (True, False)
    )
    return np.nan_to_num(call), np.nan_to_num(put)
