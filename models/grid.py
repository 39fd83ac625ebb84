"""Net gamma and charm of a book over times to come and prices: the numbers behind TRACE (METHODS 7)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models import conventions as c
from models.arrays import aligned, flags, numbers
from models.conventions import Floats
from models.domain import LEAST, LIMIT
from models.engine import implementation

_GREATEST_CARRY_FRAC = 100.0  # a year, either way


class Grid(NamedTuple):
    """Both (vectors, times, prices): n M gamma P^2 0.01 in USD per 1 %, n M charm P/(365 x 24) in USD an hour."""

    gamma_usd_per_1pct: Floats
    charm_usd_per_hour: Floats


class _Legs(NamedTuple):
    """Contracts of one T, strike, forward, discount factor, volatility and carry, calls and puts; T descends."""

    forward: Floats
    strike: Floats
    t_years: Floats
    iv_frac: Floats
    discount_factor: Floats
    smooth_carry_frac: Floats
    call_weight: Floats
    put_weight: Floats


def repriced_grid(
    *,
    spot: float,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t_years: npt.ArrayLike,
    iv_frac: npt.ArrayLike,
    discount_factor: npt.ArrayLike,
    is_call: npt.ArrayLike,
    weights: npt.ArrayLike,
    times_years: npt.ArrayLike,
    prices: npt.ArrayLike,
    smooth_carry_frac: npt.ArrayLike = 0.0,
    is_delta_of_forward: bool = False,
) -> Grid:
    """The chain of now with its time run forward: net gamma and charm in every cell, as METHODS 7 defines them.

    Parameters: what `models.black.greeks` takes, one entry a contract; `weights` n M in units of the underlying,
    (contracts) or one row for each sum that is wanted, (vectors, contracts); NaN counts nothing. `times_years` are
    years of 365 days from now, `prices` USD, one-dimensional, in any order.
    The volatility stays with the strike. b = F/S moves by e^(-c dt), D by e^(r dt) with r = -ln(D)/T frozen, so the
    cell at (0, spot) is the sum of the contracts' exposures of now. A contract is gone from the instant of its expiry
    on. In the last 60 seconds T stays at 60 seconds. Contracts without greeks (a figure NaN, infinite or not above
    zero) are left out. Vectors that are zero over most expiries cost little.
    A cell of the compiled kernels has the same bits whatever other cells are asked for and on however many threads.
    ValueError for arrays of different lengths, a spot or prices not above zero or no number that a price can be
    (`models.domain`), times before now, a carry that is NaN or beyond 100 a year, and anything infinite.
    """
    _above_zero("spot", spot)
    times, levels = _axis("times_years", times_years), _axis("prices", prices)
    if np.any(times < 0.0):
        raise ValueError("times_years: offsets from now are needed, none below zero")
    if not np.all((levels >= LEAST) & (levels < LIMIT)):
        raise ValueError(f"prices: prices above zero, and below {LIMIT:.0e}, are needed")
    columns = {
        "forward": forward, "strike": strike, "t_years": t_years, "iv_frac": iv_frac,
        "discount_factor": discount_factor, "smooth_carry_frac": smooth_carry_frac,
    }  # fmt: skip
    legs = _legs({name: numbers(name, values) for name, values in columns.items()}, is_call, weights)
    grid = Grid(*(np.empty((legs.call_weight.shape[0], times.size, levels.size)) for _ in Grid._fields))
    implementation("grid").fill_grid(float(spot), *legs, is_delta_of_forward, times, levels, *grid)
    return grid


def time_axis(t_years: npt.ArrayLike) -> Floats:
    """Offsets from now for contracts that expire in `t_years`: every 10 minutes until the next expiry, that instant,
    and every hour after it, 5 days at most. In years of 365 days; now alone where nothing is alive (NaN, infinities
    and what lies behind count nothing)."""
    left = numbers("t_years", t_years)
    alive = left[np.isfinite(left) & (left > c.GRID_INSTANT_YEARS)]
    if not alive.size:
        return np.zeros(1)
    following = float(alive.min())
    near = np.arange(0.0, min(following, c.GRID_END_YEARS) - c.GRID_INSTANT_YEARS, c.GRID_STEP_YEARS)
    if following > c.GRID_END_YEARS:
        return np.append(near, c.GRID_END_YEARS)
    far = np.arange(following, c.GRID_END_YEARS + c.GRID_INSTANT_YEARS, c.GRID_FAR_STEP_YEARS)
    return np.concatenate((near, far))


def price_axis(*, spot: float, iv_frac: float, t_years: float) -> Floats:
    """Prices in USD around `spot`, itself one of them: steps of at most 0.125 %, as far as three deviations of 5 days,
    but 10 % at least and 15 % at most.

    `iv_frac` and `t_years` are the volatility at the money and the time of the next expiry, both above zero. Within
    three deviations until then a step is no longer than the deviation of its last 10 minutes, so that no spike of what
    expires falls between two prices. ValueError for what is not above zero.
    """
    for name, value in (("spot", spot), ("iv_frac", iv_frac), ("t_years", t_years)):
        _above_zero(name, value)
    reach = min(max(_deviation(iv_frac, c.GRID_END_YEARS), c.GRID_LEAST_REACH_FRAC), c.GRID_MOST_REACH_FRAC)
    fine = min(iv_frac * math.sqrt(c.GRID_STEP_YEARS), c.GRID_PRICE_STEP_FRAC)
    zone = min(_deviation(iv_frac, min(t_years, c.GRID_END_YEARS)), reach)
    near = np.linspace(0.0, zone, math.ceil(zone / fine) + 1)
    far = np.linspace(zone, reach, math.ceil((reach - zone) / c.GRID_PRICE_STEP_FRAC) + 1)
    above = np.concatenate((near, far[1:]))
    return spot * (1.0 + np.concatenate((-above[:0:-1], above)))


def _deviation(iv_frac: float, t_years: float) -> float:
    return c.GRID_DEVIATIONS * iv_frac * math.sqrt(t_years)


def _above_zero(name: str, value: float) -> None:
    if not LEAST <= value < LIMIT:
        raise ValueError(f"{name}: a number above zero, and below {LIMIT:.0e}, is needed, not {value}")


def _axis(name: str, values: npt.ArrayLike) -> Floats:
    axis = numbers(name, values)
    if axis.ndim != 1 or not np.isfinite(axis).all():
        raise ValueError(f"{name}: one dimension of finite numbers is needed")
    return np.ascontiguousarray(axis)


def _legs(columns: dict[str, Floats], is_call: npt.ArrayLike, weights: npt.ArrayLike) -> _Legs:
    """Contracts reduced to legs, those that weigh nothing or cannot be priced left out."""
    held = np.nan_to_num(np.atleast_2d(numbers("weights", weights)), nan=0.0, posinf=np.inf, neginf=-np.inf)
    count = np.broadcast_to(0.0, held.shape[-1:])
    shape, arrays = aligned(columns | {"is_call": flags("is_call", is_call), "weights": count})
    if held.ndim != 2 or shape != held.shape[1:]:
        raise ValueError(f"weights: (vectors, contracts) are needed, not {held.shape} for contracts {shape}")
    if not np.isfinite(held).all():
        raise ValueError("weights: finite numbers are needed")
    *figures, calls, _ = arrays
    *positive, carry = figures
    if not np.all(np.abs(carry) <= _GREATEST_CARRY_FRAC):
        raise ValueError(f"smooth_carry_frac: at most {_GREATEST_CARRY_FRAC} a year either way is needed")
    is_counted = np.any(held != 0.0, axis=0)
    for values in positive:
        is_counted &= (values >= LEAST) & (values < LIMIT)
    forward, strike, t_years, iv_frac, *_ = (values[is_counted] for values in figures)
    order = np.lexsort((iv_frac, forward, strike, -t_years))
    chosen = is_counted.nonzero()[0][order]
    sorted_figures = [values[chosen] for values in figures]
    is_first = np.ones(chosen.size, dtype=bool)
    is_first[1:] = np.any([values[1:] != values[:-1] for values in sorted_figures], axis=0)
    place = np.cumsum(is_first) - 1
    size = int(np.count_nonzero(is_first))
    sides = (calls[chosen], ~calls[chosen])
    summed = [np.empty((held.shape[0], size)) for _ in sides]
    for of_side, total in zip(sides, summed, strict=True):
        for row, sums in zip(held, total, strict=True):
            sums[:] = np.bincount(place, weights=row[chosen] * of_side, minlength=size)
    return _Legs(*(values[is_first] for values in sorted_figures), *summed)
