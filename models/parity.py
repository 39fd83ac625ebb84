"""The forward that put-call parity implies for one expiry."""

from __future__ import annotations

import numpy as np

from models.conventions import FEWEST_PARITY_PAIRS, PARITY_STRIKES, Floats, Ints

_LEAST_SPREAD = 1e-6  # a locked pair weighs much, not infinitely


def parity_forward(
    strike: Floats, call_mid: Floats, put_mid: Floats, spread: Floats, discount_factor: float
) -> tuple[float, int]:
    """Weighted lower median of K + (C - P)/D over the strikes nearest to where call and put cost the same.

    Parameters: strikes, ascending, at which call and put both have a usable quote, their mids, and the sum of the two
    spreads, all in USD; D of the expiry. The centre is the strike of least |C - P|, ties lower; the 11 strikes nearest
    to it count, ties lower; a pair weighs the inverse of its spread (METHODS 2).
    Returns the forward in USD and the number of pairs; NaN with fewer than 3, and where they say it is not above zero,
    which only quotes in disorder do.
    """
    difference = call_mid - put_mid
    nearest = nearest_pairs(strike, difference)
    if nearest.size < FEWEST_PARITY_PAIRS:
        return float("nan"), int(nearest.size)
    implied = strike[nearest] + difference[nearest] / discount_factor
    forward = weighted_lower_median(implied, 1.0 / np.maximum(spread[nearest], _LEAST_SPREAD))
    return forward if forward > 0.0 else float("nan"), int(nearest.size)


def nearest_pairs(strike: Floats, difference: Floats) -> Ints:
    """Places of the strikes, ascending, that count: the 11 nearest to that of least |C - P|, the nearest first."""
    if strike.size == 0:
        return np.zeros(0, dtype=np.int64)
    centre = strike[int(np.argmin(np.abs(difference)))]
    return np.lexsort((strike, np.abs(strike - centre)))[:PARITY_STRIKES]


def weighted_lower_median(values: Floats, weights: Floats) -> float:
    """The smallest value at which half of the weight is reached. Values and weights: same length, weights positive."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(reached, 0.5 * reached[-1]))])
