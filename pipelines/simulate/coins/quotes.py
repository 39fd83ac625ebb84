"""Prices as the venue shows them: in coins or dollars, on its ticks, rounded away from the value."""

from __future__ import annotations

import numpy as np

from models.conventions import Floats
from pipelines.simulate.coins.declare import Coin
from pipelines.simulate.coins.valuation import Valued

_HALF_SPREAD_FRAC = 0.008  # of volatility
_DECIMALS = 6


def per_dollar(coin: Coin, valued: Valued) -> Floats:
    """What a dollar of value is in the unit of the quotes; an inverse option is quoted over its own forward."""
    return 1.0 / valued.forward if coin.is_inverse else np.ones_like(valued.forward)


def mark(coin: Coin, valued: Valued) -> Floats:
    return np.round(valued.price * per_dollar(coin, valued), coin.price_decimals)


def half_spread(coin: Coin, valued: Valued) -> Floats:
    return 0.25 * coin.tick + _HALF_SPREAD_FRAC * valued.vega * per_dollar(coin, valued)


def tick_at(coin: Coin, price: Floats) -> Floats:
    return np.where(price > coin.large_tick_above, coin.large_tick, coin.tick)


def down(price: Floats, tick: Floats | float) -> Floats:
    return np.round(np.floor(np.round(price / tick, _DECIMALS)) * tick, _DECIMALS)


def up(price: Floats, tick: Floats | float) -> Floats:
    return np.round(np.ceil(np.round(price / tick, _DECIMALS)) * tick, _DECIMALS)
