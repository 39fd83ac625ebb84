"""From priced contracts to everything published of one snapshot's exposures and levels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models import conventions as c
from models.conventions import Bools, DealerModel, Floats, QuantityUnit, Scope
from models.exposures import (
    MEASURES,
    Book,
    book_of,
    gross_columns,
    has_positions,
    quantities,
    scope_totals,
    strike_columns,
    strike_exposures,
)
from models.flip import Flip
from models.repricing import Repriced, reprice, scope_curves, scope_flip
from models.rolloff import opex_rolloff
from models.scope_levels import strike_levels
from models.scopes import ScopeStatus, scope_members, scope_status

_TEXTS = {"dealer_model": pl.String(), "scope": pl.String(), "scope_status": pl.String()}
_TOTALS = {f"{side}_{name}": pl.Float64() for side in ("call", "put", "net") for name in MEASURES}
SUMMARY_SCHEMA = _TEXTS | _TOTALS | {
    "dex_market_usd": pl.Float64(), "gross_gex_usd_per_1pct": pl.Float64(), "gross_chex_usd_per_day": pl.Float64(),
    "zero_dte_share_frac": pl.Float64(), "call_open_interest": pl.Float64(), "put_open_interest": pl.Float64(),
    "contracts_counted": pl.Int64(), "contracts_not_counted": pl.Int64(),
}  # fmt: skip
LEVELS_SCHEMA = _TEXTS | {
    "spot": pl.Float64(), "gamma_flip": pl.Float64(), "gamma_flip_status": pl.String(),
    "gamma_flip_root_count": pl.Int64(), "gamma_flips": pl.List(pl.Float64()), "gamma_flip_low": pl.Float64(),
    "gamma_flip_high": pl.Float64(), "gamma_flip_bracket_low": pl.Float64(), "gamma_flip_bracket_high": pl.Float64(),
    "gamma_flip_slope": pl.Float64(), "gamma_flip_search_low": pl.Float64(), "gamma_flip_search_high": pl.Float64(),
    "gamma_flip_strike_crossing": pl.Float64(), "gamma_flip_cumulative": pl.Float64(), "call_wall": pl.Float64(),
    "put_wall": pl.Float64(), "call_wall_above_spot": pl.Float64(), "put_wall_below_spot": pl.Float64(),
    "max_positive_gamma": pl.Float64(), "max_negative_gamma": pl.Float64(), "absolute_gamma_strike": pl.Float64(),
    "zero_dte_magnet": pl.Float64(), "max_pain": pl.Float64(), "highest_open_interest": pl.Float64(),
    "hvl": pl.Float64(), "distance_to_flip_pct": pl.Float64(),
}  # fmt: skip
PROFILE_SCHEMA = {
    "dealer_model": pl.String(), "scope": pl.String(), "spot_levels": pl.List(pl.Float64()),
    "net_gex_usd_per_1pct_curve": pl.List(pl.Float64()),
}  # fmt: skip
_GROSS = "gross_gex_usd_per_1pct"
_Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class SnapshotExposures:
    """The published frames of one snapshot, without the columns that name it."""

    strike_exposures: pl.DataFrame
    exposure_summary: pl.DataFrame
    key_levels: pl.DataFrame
    gamma_profile: pl.DataFrame
    opex_rolloff: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Scoped:
    """What one set of strikes gives by dealer model: totals, levels (None without positions) and the profiles."""

    is_live: bool
    is_known: list[bool]
    totals: list[_Row]
    levels: list[_Row | None]
    curves: Floats


def expose(
    contracts: pl.DataFrame,
    *,
    session_date: date,
    spot: float,
    monthly_expiries: Collection[date],
    has_expired_session_contracts: bool,
    dealer_models: tuple[DealerModel, ...] = c.DEALER_MODELS,
    positions: Mapping[DealerModel, str] | None = None,
    zero_dte_date: date | None = None,
    quantity_unit: QuantityUnit = "contracts",
    is_delta_of_forward: bool = False,
    has_profiles: bool = True,
) -> SnapshotExposures:
    """Exposures by strike and scope, levels, profiles and roll-off of one snapshot, for every dealer model.

    Parameters: `contracts` from `build_surface` or the surface of a coin venue (live contracts); the session date; S in
    USD; the dates on which monthly contracts expire; whether the page also lists contracts of this session date that
    have expired, which makes an empty 0dte scope `after_expiry`.
    `positions`: for a dealer model that does not rest on open interest, the column of `contracts` that holds what
    dealers hold under it (in `quantity_unit`, positive when long, null where unknown). `zero_dte_date`: expiry date of
    scope 0dte, None for the session date. `is_delta_of_forward`: the convention of the contracts' greeks, as in
    `models.black.greeks`. Without `has_profiles` the frame of profiles is empty; flips are the same.
    Scopes without live contracts or without any known position keep their row, with nulls; a dealer model without any
    known position has no rows by strike or expiry. Frames are sorted by dealer model as given, then scope.
    """
    given = positions or {}
    book = book_of(contracts, spot, tuple(given.values()))
    quantity = quantities(book, dealer_models, given)
    columns = strike_columns(book, quantity)
    members = scope_members(book.expiry_dates, session_date, monthly_expiries, zero_dte_date)
    repriced = reprice(book, quantity, is_delta_of_forward=is_delta_of_forward)
    # Scopes are often the same strikes (next expiry, 0dte, weekly), and then the same figures.
    masks = {scope: member.tobytes() for scope, member in members.items()}
    of_mask = {masks[scope]: member for scope, member in members.items()}
    totalled = columns | gross_columns(columns)
    by_mask = {
        mask: _scoped(book, repriced, totalled, quantity, member, members["0dte"]) for mask, member in of_mask.items()
    }
    scoped = {scope: by_mask[mask] for scope, mask in masks.items()}
    statuses = {
        (model, scope): scope_status(
            scope,
            model,
            has_live_contracts=found.is_live,
            has_positions=found.is_known[place],
            has_expired_session_contracts=has_expired_session_contracts,
        )
        for place, model in enumerate(dealer_models)
        for scope, found in scoped.items()
    }
    stated = {model: place for place, model in enumerate(dealer_models) if scoped["all"].is_known[place]}
    strikes = strike_exposures(book, stated, columns, quantity_unit)
    profiles = list(_profile_rows(scoped, dealer_models, repriced.spots)) if has_profiles else []
    return SnapshotExposures(
        strike_exposures=strikes,
        exposure_summary=pl.DataFrame(list(_summary_rows(scoped, statuses, dealer_models)), SUMMARY_SCHEMA),
        key_levels=pl.DataFrame(list(_level_rows(scoped, statuses, dealer_models, spot)), LEVELS_SCHEMA),
        gamma_profile=pl.DataFrame(profiles, PROFILE_SCHEMA),
        opex_rolloff=opex_rolloff(strikes, session_date=session_date, monthly_expiries=monthly_expiries),
    )


def _scoped(
    book: Book, repriced: Repriced, columns: Mapping[str, Floats], quantity: Floats, member: Bools, is_zero_dte: Bools
) -> _Scoped:
    count = quantity.shape[0]
    if not member.any():
        return _Scoped(False, [False] * count, [{}] * count, [None] * count, np.empty((count, 0)))
    is_known = has_positions(book, quantity, member)
    curves = scope_curves(book, repriced, member)
    levels: list[_Row | None] = []
    for place, by_strike in enumerate(strike_levels(book, columns, member, is_zero_dte)):
        if is_known[place]:
            flip = scope_flip(book, repriced, curves, columns, place, member)
            levels.append(_flip_columns(flip, repriced.spots, book.spot) | by_strike)
        else:
            levels.append(None)
    totals: list[_Row] = [dict(found) for found in scope_totals(book, columns, quantity, member)]
    return _Scoped(True, is_known, totals, levels, curves.curves)


def _flip_columns(flip: Flip, spots: Floats, spot: float) -> _Row:
    row: _Row = {
        "gamma_flip_status": flip.status,
        "gamma_flip_search_low": float(spots[0]),
        "gamma_flip_search_high": float(spots[-1]),
    }
    if flip.status != "insufficient_data":
        row |= {"gamma_flip_root_count": len(flip.roots), "gamma_flips": [root.level for root in flip.roots]}
    if flip.nearest is not None:
        low, high = flip.band or (None, None)
        row |= {
            "gamma_flip": flip.nearest.level,
            "gamma_flip_low": low,
            "gamma_flip_high": high,
            "gamma_flip_bracket_low": flip.nearest.low,
            "gamma_flip_bracket_high": flip.nearest.high,
            "gamma_flip_slope": flip.slope,
            "distance_to_flip_pct": 100.0 * (spot / flip.nearest.level - 1.0),
        }
    return row


def _summary_rows(
    scoped: Mapping[Scope, _Scoped],
    statuses: Mapping[tuple[DealerModel, Scope], ScopeStatus],
    dealer_models: tuple[DealerModel, ...],
) -> Iterable[_Row]:
    none: _Row = {"contracts_counted": 0, "contracts_not_counted": 0}
    for place, model in enumerate(dealer_models):
        today, whole = (found.totals[place].get(_GROSS) for found in (scoped["0dte"], scoped["all"]))
        share = today / whole if isinstance(today, float) and isinstance(whole, float) and whole else None
        for scope, found in scoped.items():
            key = {"dealer_model": model, "scope": scope, "scope_status": statuses[model, scope]}
            yield key | {"zero_dte_share_frac": share} | none | found.totals[place]


def _level_rows(
    scoped: Mapping[Scope, _Scoped],
    statuses: Mapping[tuple[DealerModel, Scope], ScopeStatus],
    dealer_models: tuple[DealerModel, ...],
    spot: float,
) -> Iterable[_Row]:
    for place, model in enumerate(dealer_models):
        for scope, found in scoped.items():
            key: _Row = {"dealer_model": model, "scope": scope, "scope_status": statuses[model, scope], "spot": spot}
            untold: _Row = {"gamma_flip_status": "insufficient_data"} if found.is_live else {}
            yield key | (found.levels[place] or untold)


def _profile_rows(
    scoped: Mapping[Scope, _Scoped], dealer_models: tuple[DealerModel, ...], spots: Floats
) -> Iterable[_Row]:
    levels = spots.tolist()
    for place, model in enumerate(dealer_models):
        for scope, found in scoped.items():
            row: _Row = {"dealer_model": model, "scope": scope}
            if found.is_known[place]:
                row |= {"spot_levels": levels, "net_gex_usd_per_1pct_curve": found.curves[place].tolist()}
            yield row
