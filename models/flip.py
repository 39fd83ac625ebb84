"""The gamma flip: the zeros of net gamma repriced over a range of spots, and how sure they are (METHODS 6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import brentq

from models import conventions as c
from models.arrays import places
from models.conventions import Bools, Floats
from models.engine import implementation
from models.profile import Legs

FlipStatus = Literal["ok", "several", "no_sign_change", "insufficient_data"]
_REACH = 24  # places of the grid around a zero among which a bumped one is sought first
_RELATIVE_TOLERANCE = 4 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Curve:
    """Net gamma of one dealer model and scope over spots: whose legs they are, and which of them are in the scope.

    `on_grid(first, end)`: its values in USD per 1 % on these places of a grid of spots.
    """

    legs: Legs
    model: int
    is_member: Bools
    on_grid: Callable[[int, int], Floats]


class Bracket(NamedTuple):
    """Two neighbouring spots in USD, between which net gamma changes sign, and its values there."""

    low: float
    high: float
    at_low: float
    at_high: float


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


def find_flip(base: Curve, bumped: Sequence[Curve], spots: Floats, spot: float) -> Flip:
    """Zeros of the net gamma of one dealer model and scope, refined by Brent, and the band of its bumps.

    Curves know their values on the grid `spots`, ascending, in USD. The nearest zero to `spot` is the flip, the lower
    on ties. The band takes from each bumped curve the zero nearest to the flip; None if any of them has no zero within
    the bounds.
    """
    brackets = sign_changes(spots, base.on_grid(0, spots.size))
    if not brackets:
        return Flip("no_sign_change", (), None, None, None)
    value = exposure_function(base)
    roots = tuple(_refined(value, bracket) for bracket in brackets)
    nearest = min(roots, key=lambda root: (abs(root.level - spot), root.level))
    levels = [nearest.level]
    for curve in bumped:
        moved = _nearest_root(curve, spots, nearest.level)
        levels.append(float("nan") if moved is None else moved)
    band = None if np.isnan(levels).any() else (min(levels), max(levels))
    slope = exposure_slope(base, nearest.level)
    return Flip("ok" if len(roots) == 1 else "several", roots, nearest, band, slope)


def exposure_function(curve: Curve) -> Callable[[float], float]:
    """Net gamma exposure in USD per 1 % of the curve's legs as a function of one spot in USD."""
    slope, offset, size = _members(curve)
    terms, fill = np.empty_like(size), implementation("profile").fill_terms

    def value(spot: float) -> float:
        fill(slope, offset, size, math.log(spot / curve.legs.spot), terms)
        return float(np.add.reduce(terms)) * spot

    return value


def exposure_slope(curve: Curve, spot: float) -> float:
    """Derivative of `exposure_function` with respect to spot: USD per 1 % per USD."""
    slope, offset, size = _members(curve)
    log_spot, terms = math.log(spot / curve.legs.spot), np.empty_like(size)
    implementation("profile").fill_terms(slope, offset, size, log_spot, terms)
    terms *= 1.0 - (slope * log_spot + offset) * slope
    return float(np.add.reduce(terms))


def sign_changes(spots: Floats, values: Floats) -> list[Bracket]:
    """Neighbouring spots between which the values change sign; exact zeros are stepped over."""
    known = (values != 0.0).nonzero()[0]
    is_positive = values[known] > 0.0
    changes = (is_positive[1:] != is_positive[:-1]).nonzero()[0]
    ends = [(known[i], known[i + 1]) for i in changes]
    return [Bracket(float(spots[i]), float(spots[j]), float(values[i]), float(values[j])) for i, j in ends]


def _members(curve: Curve) -> tuple[Floats, Floats, Floats]:
    """Slope, offset and size of the curve's legs."""
    legs, own = curve.legs, places(curve.is_member)
    return legs.slope[own], legs.offset[own], legs.weights[curve.model, own] * legs.amplitude[own]


def _nearest_root(curve: Curve, spots: Floats, level: float) -> float | None:
    """The zero nearest to `level`; only brackets that can hold it are refined."""
    brackets, farthest = _near_changes(curve, spots, level)
    if not brackets:
        return None
    value = exposure_function(curve)
    found = [_refined(value, b).level for b in brackets if b.low - farthest <= level <= b.high + farthest]
    return min(found, key=lambda root: (abs(root - level), root))


def _near_changes(curve: Curve, spots: Floats, level: float) -> tuple[list[Bracket], float]:
    """Changes of sign, the one that is nearest to `level` among them, and the distance within which that lies.

    The curve is asked for ever wider surroundings until nothing nearer can lie outside them: what lies there begins
    where they end, unless the end is an exact zero, over which a change may step.
    """
    middle, reach = int(np.searchsorted(spots, level)), _REACH
    while True:
        first, end = max(0, middle - reach), min(spots.size, middle + reach)
        values, own = curve.on_grid(first, end), spots[first:end]
        brackets = sign_changes(own, values)
        farthest = min((max(abs(b.low - level), abs(b.high - level)) for b in brackets), default=np.inf)
        below = level - own[0] if first else np.inf
        above = own[-1] - level if end < spots.size else np.inf
        is_open = (first > 0 and values[0] == 0.0) or (end < spots.size and values[-1] == 0.0)
        if (first == 0 and end == spots.size) or (farthest <= min(below, above) and not is_open):
            return brackets, farthest
        reach *= 4


def _refined(value: Callable[[float], float], bracket: Bracket) -> Root:
    """The zero between two spots of which the profile knows the values."""
    ends = {bracket.low: bracket.at_low, bracket.high: bracket.at_high}

    def known_at_ends(spot: float) -> float:
        return ends[spot] if spot in ends else value(spot)

    level = brentq(known_at_ends, bracket.low, bracket.high, xtol=c.FLIP_TOLERANCE_USD, rtol=_RELATIVE_TOLERANCE)
    return Root(float(level), bracket.low, bracket.high)
