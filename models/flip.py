"""The gamma flip: net gamma repriced over a range of spots, its zeros and how sure they are (METHODS 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from models import conventions as c
from models.black import INV_SQRT_2PI
from models.conventions import Bools, Floats, Ints

FlipStatus = Literal["ok", "several", "no_sign_change", "insufficient_data"]
_CELLS_AT_ONCE = 1 << 17  # so that a block of legs x spots stays in the processor's cache
_RELATIVE_TOLERANCE = 4 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Legs:
    """Contracts with a volatility; calls and puts of a strike that share it and their forward are one leg.

    At spot P the gamma exposure of a unit is amplitude x P x phi(slope ln P + offset): b = F/S is frozen, the
    volatility stays with the strike. `weights`: n M per dealer model and leg; `series`: ascending, so that each
    series is one run of legs. Arrays have one entry per leg, weights (models, legs).
    """

    slope: Floats
    offset: Floats
    amplitude: Floats
    weights: Floats
    series: Ints


@dataclass(frozen=True, slots=True)
class Root:
    """A zero of net gamma and the two grid spots around it, in USD."""

    level: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Flip:
    """Zeros of one dealer model and scope; None where there is none. Levels in USD, slope in USD per 1 % per USD."""

    status: FlipStatus
    roots: tuple[Root, ...]
    nearest: Root | None
    band: tuple[float, float] | None
    slope: float | None


def make_legs(
    *,
    spot: float,
    forward: Floats,
    strike: Floats,
    t_years: Floats,
    iv_frac: Floats,
    discount_factor: Floats,
    weights: Floats,
    series: Ints,
    is_delta_of_forward: bool = False,
) -> Legs:
    """Legs from arrays of one length (weights: models x legs); legs without a gamma or a weight are left out.

    Gamma as in `models.black.greeks`: D b phi(d1)/(P s sqrt T) with d1 = [ln(b P/K) + s^2 T/2]/(s sqrt T), b = F/S;
    without D b where `is_delta_of_forward`.
    """
    is_priced = np.isfinite(iv_frac) & (iv_frac > 0) & (forward > 0) & (t_years > 0)
    used = is_priced & np.any(weights != 0.0, axis=0)
    ratio = forward[used] / spot
    total = iv_frac[used] * np.sqrt(t_years[used])
    units = np.ones_like(ratio) if is_delta_of_forward else discount_factor[used] * ratio
    return Legs(
        slope=1.0 / total,
        offset=np.log(ratio / strike[used]) / total + 0.5 * total,
        amplitude=units / total * (INV_SQRT_2PI * c.ONE_PERCENT),
        weights=np.ascontiguousarray(weights[:, used]),
        series=series[used],
    )


def spot_grid(spot: float) -> Floats:
    """401 spots from 80 to 120 % of `spot`, a tenth of a per cent apart."""
    return spot * np.linspace(c.FLIP_GRID_LOW, c.FLIP_GRID_HIGH, c.FLIP_GRID_POINTS)


def gamma_profile(legs: Legs, spots: Floats, series_count: int) -> Floats:
    """Net gamma exposure in USD per 1 % by dealer model, series and spot: array (models, series_count, spots).

    Each block of legs is priced once for all dealer models; sums run in a fixed order.
    """
    out = np.zeros((legs.weights.shape[0], series_count, spots.size))
    log_spots = np.log(spots)
    block = max(1, _CELLS_AT_ONCE // spots.size)
    bounds = np.searchsorted(legs.series, np.arange(series_count + 1))
    for series in range(series_count):
        for start in range(bounds[series], bounds[series + 1], block):
            part = slice(start, min(start + block, bounds[series + 1]))
            cells = np.multiply.outer(legs.slope[part], log_spots)
            cells += legs.offset[part, None]
            np.multiply(cells, cells, out=cells)
            cells *= -0.5
            np.exp(cells, out=cells)
            out[:, series] += np.einsum("ml,lp->mp", legs.weights[:, part] * legs.amplitude[part], cells)
    return out * spots


def find_flip(
    base: Legs, bumped: tuple[Legs, ...], profile: Floats, bumped_profiles: tuple[Floats, ...],
    *, model: int, is_leg_member: Bools, is_bumped_member: tuple[Bools, ...], spots: Floats, spot: float,
) -> Flip:  # fmt: skip
    """Zeros of the profile of one dealer model and scope, refined by Brent, and the band of four bumps.

    `profile` and `bumped_profiles`: net gamma on `spots` (same length) for the scope; `is_leg_member` the scope's legs.
    The band takes from each bumped profile the zero nearest to the flip; None if any of them has no zero within the
    bounds. The nearest zero to `spot` is the flip, the lower on ties.
    """
    value = exposure_function(base, model, is_leg_member)
    roots = tuple(_refined(value, low, high) for low, high in sign_changes(spots, profile))
    if not roots:
        return Flip("no_sign_change", (), None, None, None)
    nearest = min(roots, key=lambda root: (abs(root.level - spot), root.level))
    levels = [nearest.level]
    for legs, bumped_profile, members in zip(bumped, bumped_profiles, is_bumped_member, strict=True):
        brackets = sign_changes(spots, bumped_profile)
        moved = _nearest_root(exposure_function(legs, model, members), brackets, nearest.level)
        levels.append(float("nan") if moved is None else moved)
    band = None if np.isnan(levels).any() else (min(levels), max(levels))
    slope = exposure_slope(base, model, is_leg_member, nearest.level)
    return Flip("ok" if len(roots) == 1 else "several", roots, nearest, band, slope)


def exposure_function(legs: Legs, model: int, is_member: Bools) -> Callable[[float], float]:
    """Net gamma exposure in USD per 1 % of the member legs as a function of one spot in USD."""
    slope, offset = legs.slope[is_member], legs.offset[is_member]
    size = legs.weights[model, is_member] * legs.amplitude[is_member]

    def value(spot: float) -> float:
        d1 = slope * np.log(spot)
        d1 += offset
        density = -0.5 * d1
        density *= d1
        np.exp(density, out=density)
        density *= size
        return float(np.add.reduce(density) * spot)

    return value


def exposure_slope(legs: Legs, model: int, is_member: Bools, spot: float) -> float:
    """Derivative of `exposure_function` with respect to spot: USD per 1 % per USD."""
    slope = legs.slope[is_member]
    d1 = slope * np.log(spot) + legs.offset[is_member]
    size = legs.weights[model, is_member] * legs.amplitude[is_member]
    return float(np.sum(size * np.exp(-0.5 * d1 * d1) * (1.0 - d1 * slope)))


def sign_changes(spots: Floats, values: Floats) -> list[tuple[float, float]]:
    """Neighbouring spots (low, high) between which the values change sign; exact zeros are stepped over."""
    known = (values != 0.0).nonzero()[0]
    is_positive = values[known] > 0.0
    changes = (is_positive[1:] != is_positive[:-1]).nonzero()[0]
    return [(float(spots[known[i]]), float(spots[known[i + 1]])) for i in changes]


def _nearest_root(value: Callable[[float], float], brackets: list[tuple[float, float]], level: float) -> float | None:
    """The zero nearest to `level`; only brackets that can hold it are refined."""
    if not brackets:
        return None
    farthest = min(max(abs(low - level), abs(high - level)) for low, high in brackets)
    near = [(low, high) for low, high in brackets if low - farthest <= level <= high + farthest]
    found = [_refined(value, low, high).level for low, high in near]
    return min(found, key=lambda root: (abs(root - level), root))


def _refined(value: Callable[[float], float], low: float, high: float) -> Root:
    """The zero between two spots; a zero that lies on one of them may have lost its change of sign to rounding."""
    ends = {low: value(low), high: value(high)}
    if ends[low] * ends[high] >= 0.0:
        return Root(low if abs(ends[low]) <= abs(ends[high]) else high, low, high)

    def known_at_ends(spot: float) -> float:
        return ends[spot] if spot in ends else value(spot)

    level = brentq(known_at_ends, low, high, xtol=c.FLIP_TOLERANCE_USD, rtol=_RELATIVE_TOLERANCE)
    return Root(float(level), low, high)
