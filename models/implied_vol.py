"""Implied volatility of European options by a bracketed third-order iteration on the logarithm of the price.

Works on the undiscounted out-of-the-money price in units of sqrt(F K) (Jaeckel, Let's be rational, 2015, section 2):
b(s) = 0.5 exp(-(h^2 + t^2)/2) [erfcx((-h - t)/sqrt 2) - erfcx((t - h)/sqrt 2)], h = x/s, t = s/2, x = -|ln(F/K)|.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx

from models.black import INV_SQRT_2PI
from models.conventions import Bools, Floats

_INV_SQRT_2 = 0.7071067811865476
_LARGEST_TOTAL = 80.0  # s = iv sqrt(T): prices reach their upper bound to double precision long before
_SMALLEST_TOTAL = 1e-9
_ITERATIONS = 100
_CONVERGED = 2e-15
_UPPER_BRANCH = 0.6  # share of the upper bound from which the distance to the bound is the better target
_ROUNDING = 4e-16  # half an ulp, twice: what is left of a price after taking its intrinsic value may be no more
_TINY = 1e-300


def implied_vol(
    price: Floats, *, forward: Floats, strike: Floats, t_years: Floats, discount_factor: Floats, is_call: Bools
) -> Floats:
    """Volatility at which Black's formula gives `price`.

    Parameters broadcast: price in USD (present value), forward and strike in USD, T in years of 365 days, D, call flag.
    Returns fractions per year. NaN, never a wrong number, where none exists or none can be told from rounding: a price
    at or below intrinsic value, at or above its upper bound (D F for calls, D K for puts), not positive or NaN; T <= 0;
    F, K or D not positive. Relative error out of the money <= 1e-11 for prices down to 1e-300; in the money the error
    is that of the time value, which loses the digits of the intrinsic value.
    """
    price, forward, strike, t_years, discount_factor, is_call = np.broadcast_arrays(
        np.asarray(price, dtype=np.float64), forward, strike, t_years, discount_factor, is_call
    )
    out = np.full(price.shape, np.nan)
    with np.errstate(all="ignore"):
        beta, ratio, is_valid = _normalised(price, forward, strike, discount_factor, is_call)
        is_valid &= t_years > 0.0
        x, ceiling = np.log(ratio), np.sqrt(ratio)
        out[is_valid] = _total_volatility(beta[is_valid], x[is_valid], ceiling[is_valid])
        return np.asarray(out / np.sqrt(np.where(is_valid, t_years, np.nan)), dtype=np.float64)


def _normalised(
    price: Floats, forward: Floats, strike: Floats, discount_factor: Floats, is_call: Bools
) -> tuple[Floats, Floats, Bools]:
    """The out-of-the-money price over sqrt(F K), the smaller of F/K and K/F, and which entries have a solution."""
    undiscounted = price / discount_factor
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
    beta = (undiscounted - intrinsic) / np.sqrt(forward * strike)
    ratio = np.minimum(forward, strike) / np.maximum(forward, strike)
    ceiling = np.sqrt(ratio)
    noise = np.where(intrinsic > 0.0, 2 * _ROUNDING * (undiscounted + forward) / np.sqrt(forward * strike), 0.0)
    is_valid = (price > 0.0) & (forward > 0.0) & (strike > 0.0) & (discount_factor > 0.0)
    is_valid &= (beta > noise) & (ceiling - beta > 2 * _ROUNDING * ceiling + noise) & np.isfinite(beta)
    return beta, ratio, is_valid


def _total_volatility(beta: Floats, x: Floats, ceiling: Floats) -> Floats:
    """s with b(s) = beta. Every step keeps a bracket; a step that leaves it is replaced by the bracket's middle."""
    is_upper = beta > _UPPER_BRANCH * ceiling
    target = np.log(np.where(is_upper, ceiling - beta, beta))
    low, high = np.full_like(beta, _SMALLEST_TOTAL), np.full_like(beta, _LARGEST_TOTAL)
    total = np.clip(_first_guess(beta, x), 2 * _SMALLEST_TOTAL, 0.5 * _LARGEST_TOTAL)
    result = np.full_like(beta, np.nan)
    open_ = np.arange(beta.size)
    for _ in range(_ITERATIONS):
        step, is_low = _step(total, target, is_upper, x, ceiling)
        low, high = np.where(is_low, total, low), np.where(is_low, high, total)
        following = total + step
        is_outside = ~((following > low) & (following < high))
        following = np.where(is_outside, np.sqrt(low * high), following)
        is_done = np.abs(following - total) <= _CONVERGED * total
        is_done |= (high - low) <= _CONVERGED * high
        result[open_[is_done]] = following[is_done]
        keep = ~is_done
        if not keep.any():
            break
        open_, total, low, high = open_[keep], following[keep], low[keep], high[keep]
        target, is_upper, x, ceiling = target[keep], is_upper[keep], x[keep], ceiling[keep]
    else:
        result[open_] = total
    is_inside = (result > 4 * _SMALLEST_TOTAL) & (result < 0.99 * _LARGEST_TOTAL)
    return np.where(is_inside, result, np.nan)


def _first_guess(beta: Floats, x: Floats) -> Floats:
    """The larger of the at-the-money slope and the inflexion point of b; the iteration needs no better."""
    return np.maximum(beta / INV_SQRT_2PI, np.sqrt(2.0 * np.abs(x)))


def _step(total: Floats, target: Floats, is_upper: Bools, x: Floats, ceiling: Floats) -> tuple[Floats, Bools]:
    """One Householder step of third order on ln b, or on ln(ceiling - b) near the ceiling; True where s is too low."""
    h, t = x / total, 0.5 * total
    bell = np.exp(-0.5 * (h * h + t * t))
    above = h + t
    left = bell * erfcx(np.abs(above) * _INV_SQRT_2)
    right = bell * erfcx((t - h) * _INV_SQRT_2)
    below_part = np.where(above > 0.0, 2.0 * ceiling - left, left)
    value = 0.5 * (below_part - right)
    complement = 0.5 * (np.where(above > 0.0, left, 2.0 * ceiling - left) + right)
    reached = np.maximum(np.where(is_upper, complement, value), _TINY)
    slope = np.where(is_upper, -bell, bell) * INV_SQRT_2PI / reached
    gap = target - np.log(reached)
    newton = gap / slope
    curl = h * h / total - 0.25 * total
    second = curl - slope
    third = curl * curl - 3.0 * (h / total) ** 2 - 0.25 - 3.0 * curl * slope + 2.0 * slope * slope
    step = newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))
    is_low = np.where(is_upper, gap < 0.0, gap > 0.0)
    wrong_way = np.where(is_low, step < 0.0, step > 0.0)
    return np.where(wrong_way | ~np.isfinite(step), newton, step), is_low
