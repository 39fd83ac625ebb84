"""What dealers are assumed to hold (METHODS 5)."""

from __future__ import annotations

from models.conventions import Bools, DealerModel, Floats

_SIGNS: dict[DealerModel, tuple[float, float]] = {
    "calls_long_puts_short": (1.0, -1.0),
    "short_all": (-1.0, -1.0),
}


def is_told_by_open_interest(dealer_model: DealerModel) -> bool:
    """Whether `dealer_quantity` can tell the model's positions; the others' are given, from trades or reports."""
    return dealer_model in _SIGNS


def rests_on_open_interest(dealer_model: DealerModel) -> bool:
    """Whether the model knows no position of a contract without open interest."""
    return is_told_by_open_interest(dealer_model) or dealer_model == "clearing_adjusted"


def dealer_quantity(open_interest: Floats, is_call: Bools, dealer_model: DealerModel) -> Floats:
    """Dealers' position in the unit of the open interest, positive when long; same shape as the inputs, NaN where open
    interest is NaN.

    `calls_long_puts_short`: customers sell calls and buy puts, so dealers hold +OI of calls and -OI of puts.
    `short_all`: customers are net long everything, so dealers hold -OI. Raises KeyError for a model that needs
    more than open interest.
    """
    call_sign, put_sign = _SIGNS[dealer_model]
    return open_interest * (is_call * call_sign + ~is_call * put_sign)
