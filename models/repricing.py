"""The book repriced over a range of spots, as it stands and after the four single bumps (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from models import conventions as c
from models.conventions import Bools, Floats
from models.exposures import PRICING, SIDES, Book
from models.flip import Curve, Flip, find_flip
from models.profile import Legs, gamma_profile, make_legs, spot_grid

_SPOTS_AT_ONCE = 64  # for a few take as long
_INSUFFICIENT = Flip("insufficient_data", (), None, None, None)


class SpotGrid:
    """The gamma profile of legs on a grid of spots, computed where somebody asks and kept."""

    def __init__(self, legs: Legs, spots: Floats, series_count: int) -> None:
        self._legs, self._spots = legs, spots
        self._profile = np.empty((legs.weights.shape[0], series_count, spots.size))
        self._is_known = np.zeros(spots.size, dtype=bool)

    def over(self, first: int, end: int) -> Floats:
        """Net gamma by dealer model, series and the spots of places [first, end)."""
        wide = slice(first - first % _SPOTS_AT_ONCE, end + -end % _SPOTS_AT_ONCE)
        unknown = np.flatnonzero(~self._is_known[wide]) + wide.start
        if unknown.size:
            part = slice(unknown[0], unknown[-1] + 1)
            self._profile[:, :, part] = gamma_profile(self._legs, self._spots[part], self._profile.shape[1])
            self._is_known[part] = True
        return self._profile[:, :, first:end]


@dataclass(frozen=True, slots=True)
class Repriced:
    """Legs of the book and their net gamma over `spots`, unbumped first."""

    spots: Floats
    legs: tuple[Legs, ...]
    grids: tuple[SpotGrid, ...]


@dataclass(frozen=True, slots=True)
class ScopeCurves:
    """Net gamma of one scope over the spots of `Repriced`, unbumped: array (models, spots); and its series."""

    curves: Floats
    is_series_in: Bools


def reprice(book: Book, quantity: Floats, *, is_delta_of_forward: bool) -> Repriced:
    """The book (`quantity`: models x contracts) and its variants with volatility and carry bumped, as profiles."""
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
    return Repriced(spots, legs, tuple(SpotGrid(leg, spots, book.series_count) for leg in legs))


def scope_curves(book: Book, repriced: Repriced, is_member: Bools) -> ScopeCurves:
    """Scopes are made of whole expiry dates, so a series is in or out as a whole; `is_member` one flag per strike."""
    is_in = np.bincount(book.series[is_member], minlength=book.series_count) > 0
    return ScopeCurves(np.sum(repriced.grids[0].over(0, repriced.spots.size)[:, is_in], axis=1), is_in)


def scope_flip(
    book: Book, repriced: Repriced, scope: ScopeCurves, columns: Mapping[str, Floats], model: int, is_member: Bools
) -> Flip:
    """The flip of one dealer model, by its place, in one scope; `columns` as `strike_columns` gives them."""
    held = [np.abs(columns[f"{side}_dealer_quantity"][model]) > 0.0 for side in SIDES]
    is_held = is_member & (held[0] | held[1]) & np.isfinite(columns["net_gex_usd_per_1pct"][model])
    strikes = book.strike[is_held]
    if not strikes.size or not np.any(strikes != strikes[0]):
        return _INSUFFICIENT
    is_in = scope.is_series_in
    on_grids = (partial(_net, grid, model, is_in) for grid in repriced.grids[1:])
    base, *bumped = (
        Curve(legs, model, is_in[legs.series], on_grid)
        for legs, on_grid in zip(repriced.legs, (partial(_of, scope.curves[model]), *on_grids), strict=True)
    )
    return find_flip(base, bumped, repriced.spots, book.spot)


def _of(curve: Floats, first: int, end: int) -> Floats:
    return curve[first:end]


def _net(grid: SpotGrid, model: int, is_series_in: Bools, first: int, end: int) -> Floats:
    """Sum of one dealer model's net gamma over the series that are in."""
    return np.asarray(np.add.reduce(grid.over(first, end)[model][is_series_in], axis=0))


def _leg_starts(book: Book) -> Bools:
    """Which contracts begin a leg: calls and puts of a strike are one leg where they are priced from the same figures,
    which on venues with a forward by row they need not be."""
    starts = np.diff(book.row, prepend=-1) > 0
    for name in PRICING:
        values = book.numbers[name]
        is_same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
        starts[1:] |= ~is_same
    return starts
