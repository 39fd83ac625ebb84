"""The book repriced over a range of spots, as it stands and after the four single bumps (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models import conventions as c
from models.conventions import Bools, Floats
from models.exposures import PRICING, SIDES, Book
from models.flip import Flip, find_flip
from models.profile import Legs, gamma_profile, make_legs, spot_grid

_INSUFFICIENT = Flip("insufficient_data", (), None, None, None)


@dataclass(frozen=True, slots=True)
class Repriced:
    """Legs of the book, unbumped first, and their net gamma: arrays (models, series, spots), one for each legs."""

    spots: Floats
    legs: tuple[Legs, ...]
    profiles: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class ScopeCurves:
    """Net gamma of one scope over the spots of `Repriced`, arrays (models, spots), and which legs are in the scope;
    unbumped first."""

    curves: tuple[Floats, ...]
    in_scope: tuple[Bools, ...]


def reprice(book: Book, quantity: Floats, *, is_delta_of_forward: bool) -> Repriced:
    """Profiles of the book (`quantity`: models x contracts) and of its variants with volatility and carry bumped."""
    starts = _leg_starts(book)
    units = np.nan_to_num(quantity * book.numbers["multiplier"])
    place = np.cumsum(starts) - 1
    count = int(np.count_nonzero(starts))
    weights = np.array([np.bincount(place, weights=row, minlength=count) for row in units], dtype=np.float64)
    numbers = {name: book.numbers[name][starts] for name in PRICING}
    series = book.series[book.row[starts]]
    iv, forward, t = numbers["iv_frac"], numbers["forward"], numbers["t_years"]
    variants: list[dict[str, Floats]] = [{}]
    for sign in (1.0, -1.0):
        variants.append({"iv_frac": np.maximum(iv + sign * c.BUMP_IV_FRAC, c.LEAST_BUMPED_IV_FRAC)})
        variants.append({"forward": forward * np.exp(sign * c.BUMP_CARRY_FRAC * t)})
    legs = tuple(
        make_legs(
            spot=book.spot, weights=weights, series=series, is_delta_of_forward=is_delta_of_forward,
            **(numbers | variant),
        )
        for variant in variants
    )  # fmt: skip
    spots = spot_grid(book.spot)
    return Repriced(spots, legs, tuple(gamma_profile(leg, spots, book.series_count) for leg in legs))


def scope_curves(book: Book, repriced: Repriced, is_member: Bools) -> ScopeCurves:
    """Scopes are made of whole expiry dates, so a series is in or out as a whole; `is_member` one flag per strike."""
    series_in = np.bincount(book.series[is_member], minlength=book.series_count) > 0
    return ScopeCurves(
        curves=tuple(np.sum(profile[:, series_in], axis=1) for profile in repriced.profiles),
        in_scope=tuple(series_in[legs.series] for legs in repriced.legs),
    )


def scope_flip(
    book: Book, repriced: Repriced, scope: ScopeCurves, columns: Mapping[str, Floats], model: int, is_member: Bools
) -> Flip:
    """The flip of one dealer model, by its place, in one scope; `columns` as `strike_columns` gives them."""
    held = [np.abs(columns[f"{side}_dealer_quantity"][model]) > 0.0 for side in SIDES]
    is_held = is_member & (held[0] | held[1]) & np.isfinite(columns["net_gex_usd_per_1pct"][model])
    strikes = book.strike[is_held]
    if not strikes.size or not np.any(strikes != strikes[0]):
        return _INSUFFICIENT
    curve, *bumped = (curves[model] for curves in scope.curves)
    return find_flip(
        repriced.legs[0], repriced.legs[1:], curve, tuple(bumped),
        model=model, is_leg_member=scope.in_scope[0], is_bumped_member=scope.in_scope[1:],
        spots=repriced.spots, spot=book.spot,
    )  # fmt: skip


def _leg_starts(book: Book) -> Bools:
    """Which contracts begin a leg: calls and puts of a strike are one leg where they are priced from the same figures,
    which on venues with a forward by row they need not be."""
    starts = np.diff(book.row, prepend=-1) > 0
    for name in PRICING:
        values = book.numbers[name]
        is_same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
        starts[1:] |= ~is_same
    return starts
