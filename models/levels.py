"""Price levels read off the exposures of the strikes of one scope (METHODS 6).

Functions take arrays of one length, strikes ascending and distinct, USD; they return None where no level exists.
NaN exposures must have been left out.
"""

from __future__ import annotations

import numpy as np

from models.conventions import Bools, Floats


def strike_of_largest(size: Floats, strikes: Floats, spot: float, allowed: Bools | None = None) -> float | None:
    """The allowed strike of the largest size; ties go to the one nearest spot, then the lower; None if none is > 0."""
    if allowed is not None:
        size, strikes = size[allowed], strikes[allowed]
    largest = size.max(initial=0.0)
    return _nearest(strikes[size == largest], spot) if largest > 0.0 else None


def walls(call_gex: Floats, put_gex: Floats, strikes: Floats, spot: float) -> dict[str, float | None]:
    """Strikes of the largest call and put gamma: anywhere, and on their own side of spot (spot included)."""
    call, put = np.abs(call_gex), np.abs(put_gex)
    return {
        "call_wall": strike_of_largest(call, strikes, spot),
        "put_wall": strike_of_largest(put, strikes, spot),
        "call_wall_above_spot": strike_of_largest(call, strikes, spot, strikes >= spot),
        "put_wall_below_spot": strike_of_largest(put, strikes, spot, strikes <= spot),
    }


def gamma_extremes(call_gex: Floats, put_gex: Floats, strikes: Floats, spot: float) -> dict[str, float | None]:
    """Strikes of the greatest positive net, the greatest negative net and the greatest absolute gamma."""
    net = call_gex + put_gex
    return {
        "max_positive_gamma": strike_of_largest(net, strikes, spot),
        "max_negative_gamma": strike_of_largest(-net, strikes, spot),
        "absolute_gamma_strike": strike_of_largest(np.abs(call_gex) + np.abs(put_gex), strikes, spot),
    }


def high_volatility_level(net_gex: Floats, strikes: Floats) -> float | None:
    """Strike at which net gamma cumulated from the lowest strike is least, the lowest on ties; None at either end."""
    if strikes.size == 0:
        return None
    place = int(np.argmin(np.cumsum(net_gex)))
    return float(strikes[place]) if 0 < place < strikes.size - 1 else None


def max_pain(strikes: Floats, call_size: Floats, put_size: Floats, spot: float) -> float | None:
    """The listed strike at which holders' total intrinsic value is least; ties to the strike nearest spot.

    `call_size`, `put_size`: open interest times multiplier per strike. None when nothing is open.
    """
    if not (np.any(call_size > 0) or np.any(put_size > 0)):
        return None
    calls_below = strikes * _before(call_size) - _before(call_size * strikes)
    puts_above = _before((put_size * strikes)[::-1])[::-1] - strikes * _before(put_size[::-1])[::-1]
    pain = calls_below + puts_above
    return _nearest(strikes[pain == np.min(pain)], spot)


def strike_crossing(net_gex: Floats, strikes: Floats, spot: float) -> float | None:
    """Where the strikes' own net gamma changes sign, linear between strikes, nearest to spot: the naive flip."""
    return _crossing(net_gex, strikes, spot)


def cumulative_crossing(net_gex: Floats, strikes: Floats, spot: float) -> float | None:
    """Where net gamma cumulated from the lowest strike changes sign, linear between strikes, nearest to spot."""
    return _crossing(np.cumsum(net_gex), strikes, spot)


def _crossing(values: Floats, strikes: Floats, spot: float) -> float | None:
    is_known = values != 0.0
    v, k = values[is_known], strikes[is_known]
    i = (v[1:] * v[:-1] < 0).nonzero()[0]
    if i.size == 0:
        return None
    return _nearest(k[i] + (k[i + 1] - k[i]) * v[i] / (v[i] - v[i + 1]), spot)


def _before(values: Floats) -> Floats:
    """Cumulated sums up to and with each entry."""
    return np.cumsum(values)


def _nearest(strikes: Floats, spot: float) -> float:
    if strikes.size > 1:
        distance = np.abs(strikes - spot)
        strikes = strikes[distance == distance.min()]
    return float(strikes.min())
