"""The gamma flip: the zeros of net gamma repriced over a range of spots, and how sure they are (METHODS 6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import brentq

from models import conventions as c
from models.conventions import Bools, Floats
from models.engine import implementation
from models.profile import Legs

FlipStatus = Literal["ok", "several", "no_sign_change", "insufficient_data"]
_RELATIVE_TOLERANCE = 4 * float(np.finfo(np.float64).eps)


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


def find_flip(
    base: Legs, bumped: tuple[Legs, ...], profile: Floats, bumped_profiles: tuple[Floats, ...],
    *, model: int, is_leg_member: Bools, is_bumped_member: tuple[Bools, ...], spots: Floats, spot: float,
) -> Flip:  # fmt: skip
    """Zeros of the profile of one dealer model and scope, refined by Brent, and the band of four bumps.

    `profile` and `bumped_profiles`: net gamma on `spots` (same length) for the scope; `is_leg_member` the scope's legs.
    The band takes from each bumped profile the zero nearest to the flip; None if any of them has no zero within the
    bounds. The nearest zero to `spot` is the flip, the lower on ties.
    """
    brackets = sign_changes(spots, profile)
    if not brackets:
        return Flip("no_sign_change", (), None, None, None)
    value = exposure_function(base, model, is_leg_member)
    roots = tuple(_refined(value, bracket) for bracket in brackets)
    nearest = min(roots, key=lambda root: (abs(root.level - spot), root.level))
    levels = [nearest.level]
    for legs, bumped_profile, members in zip(bumped, bumped_profiles, is_bumped_member, strict=True):
        changes = sign_changes(spots, bumped_profile)
        moved = _nearest_root(legs, model, members, changes, nearest.level)
        levels.append(float("nan") if moved is None else moved)
    band = None if np.isnan(levels).any() else (min(levels), max(levels))
    slope = exposure_slope(base, model, is_leg_member, nearest.level)
    return Flip("ok" if len(roots) == 1 else "several", roots, nearest, band, slope)


def exposure_function(legs: Legs, model: int, is_member: Bools) -> Callable[[float], float]:
    """Net gamma exposure in USD per 1 % of the member legs as a function of one spot in USD."""
    slope, offset, size = _members(legs, model, is_member)
    terms, fill = np.empty_like(size), implementation("profile").fill_terms

    def value(spot: float) -> float:
        fill(slope, offset, size, math.log(spot / legs.spot), terms)
        return float(np.add.reduce(terms)) * spot

    return value


def exposure_slope(legs: Legs, model: int, is_member: Bools, spot: float) -> float:
    """Derivative of `exposure_function` with respect to spot: USD per 1 % per USD."""
    slope, offset, size = _members(legs, model, is_member)
    log_spot, terms = math.log(spot / legs.spot), np.empty_like(size)
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


def _members(legs: Legs, model: int, is_member: Bools) -> tuple[Floats, Floats, Floats]:
    """Slope, offset and size of the member legs."""
    size = legs.weights[model, is_member] * legs.amplitude[is_member]
    return legs.slope[is_member], legs.offset[is_member], size


def _nearest_root(legs: Legs, model: int, members: Bools, brackets: list[Bracket], level: float) -> float | None:
    """The zero nearest to `level`; only brackets that can hold it are refined."""
    if not brackets:
        return None
    value = exposure_function(legs, model, members)
    farthest = min(max(abs(b.low - level), abs(b.high - level)) for b in brackets)
    found = [_refined(value, b).level for b in brackets if b.low - farthest <= level <= b.high + farthest]
    return min(found, key=lambda root: (abs(root - level), root))


def _refined(value: Callable[[float], float], bracket: Bracket) -> Root:
    """The zero between two spots of which the profile knows the values."""
    ends = {bracket.low: bracket.at_low, bracket.high: bracket.at_high}

    def known_at_ends(spot: float) -> float:
        return ends[spot] if spot in ends else value(spot)

    level = brentq(known_at_ends, bracket.low, bracket.high, xtol=c.FLIP_TOLERANCE_USD, rtol=_RELATIVE_TOLERANCE)
    return Root(float(level), bracket.low, bracket.high)
