"""From priced contracts to everything published of one snapshot's exposures and levels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models import conventions as c
from models import levels as lv
from models.conventions import Bools, DealerModel, Floats, Ints, Scope
from models.exposures import (
    MEASURES,
    Book,
    book_of,
    has_open_interest,
    scope_totals,
    strike_columns,
    strike_exposures,
)
from models.flip import Flip, Legs, find_flip, gamma_profile, make_legs, spot_grid
from models.positioning import dealer_quantity
from models.rolloff import opex_rolloff
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
class _Repriced:
    """Net gamma over a range of spots (models, series, spots), unbumped first, and the legs behind it."""

    spots: Floats
    legs: tuple[Legs, ...]
    profiles: tuple[Floats, ...]


def expose(
    contracts: pl.DataFrame,
    *,
    session_date: date,
    spot: float,
    monthly_expiries: Collection[date],
    has_expired_session_contracts: bool,
    dealer_models: tuple[DealerModel, ...] = c.DEALER_MODELS,
) -> SnapshotExposures:
    """Exposures by strike and scope, levels, profiles and roll-off of one snapshot, for every dealer model.

    Parameters: `contracts` from `build_surface` (live contracts); the session date; S in USD; the dates on which
    monthly contracts expire; whether the page also lists contracts of this session date that have expired, which makes
    an empty 0dte scope `after_expiry`.
    Scopes without live contracts or without any open interest keep their row, with nulls; a snapshot without any open
    interest has no rows by strike or expiry. Frames are sorted by dealer model as given, then scope.
    """
    book = book_of(contracts, spot)
    members = scope_members(book.expiry_dates, session_date, monthly_expiries)
    statuses = {
        scope: scope_status(
            scope,
            has_live_contracts=bool(member.any()),
            has_open_interest=has_open_interest(book, member),
            has_expired_session_contracts=has_expired_session_contracts,
        )
        for scope, member in members.items()
    }
    repriced = _repriced(book, dealer_models)
    by_model = [strike_columns(book, model) for model in dealer_models]
    summaries: list[_Row] = []
    levels: list[_Row] = []
    profiles: list[_Row] = []
    for place, (model, strikes) in enumerate(zip(dealer_models, by_model, strict=True)):
        summaries += _summary_rows(book, strikes, members, model, statuses)
        for scope, member in members.items():
            key: _Row = {"dealer_model": model, "scope": scope}
            levels.append(key | {"scope_status": statuses[scope], "spot": spot})
            profiles.append(key)
            if statuses[scope] == "no_open_interest":
                levels[-1] |= {"gamma_flip_status": "insufficient_data"}
            elif statuses[scope] == "ok":
                levels[-1] |= _flip_columns(_flip(book, repriced, place, member, strikes), repriced.spots, spot)
                levels[-1] |= _strike_levels(book, strikes, member, members["0dte"])
                profiles[-1] |= _profile_columns(book, repriced, place, member)
    all_strikes = pl.concat(
        strike_exposures(book, model, columns) for model, columns in zip(dealer_models, by_model, strict=True)
    )
    if statuses["all"] == "no_open_interest":
        all_strikes = all_strikes.clear()
    return SnapshotExposures(
        strike_exposures=all_strikes,
        exposure_summary=pl.DataFrame(summaries, schema=SUMMARY_SCHEMA),
        key_levels=pl.DataFrame(levels, schema=LEVELS_SCHEMA),
        gamma_profile=pl.DataFrame(profiles, schema=PROFILE_SCHEMA),
        opex_rolloff=opex_rolloff(all_strikes, session_date=session_date, monthly_expiries=monthly_expiries),
    )


def _repriced(book: Book, dealer_models: tuple[DealerModel, ...]) -> _Repriced:
    """Profiles of the book as it stands and after the four single bumps of volatility and carry."""
    everything = np.ones(book.row.size, dtype=bool)
    held = [dealer_quantity(book.open_interest, book.is_call, model) * book.multiplier for model in dealer_models]
    weights = np.array([np.nan_to_num(book.by_strike(units, everything)) for units in held])
    numbers = {
        name: book.strikes[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in ("forward", "strike", "t_years", "iv_frac", "discount_factor")
    }
    iv, forward, t = numbers["iv_frac"], numbers["forward"], numbers["t_years"]
    variants: list[dict[str, Floats]] = [{}]
    for sign in (1.0, -1.0):
        variants.append({"iv_frac": np.maximum(iv + sign * c.BUMP_IV_FRAC, c.LEAST_BUMPED_IV_FRAC)})
        variants.append({"forward": forward * np.exp(sign * c.BUMP_CARRY_FRAC * t)})
    spots = spot_grid(book.spot)
    count = int(book.series[-1]) + 1 if book.series.size else 0
    legs = tuple(
        make_legs(spot=book.spot, weights=weights, series=book.series, **(numbers | variant)) for variant in variants
    )
    return _Repriced(spots, legs, tuple(gamma_profile(leg, spots, count) for leg in legs))


def _series_in(book: Book, member: Bools) -> Bools:
    """Scopes are made of whole expiry dates, so a series is in or out as a whole."""
    count = int(book.series[-1]) + 1 if book.series.size else 0
    return np.bincount(book.series[member], minlength=count) > 0


def _profile_columns(book: Book, repriced: _Repriced, place: int, member: Bools) -> _Row:
    curve = np.sum(repriced.profiles[0][place][_series_in(book, member)], axis=0)
    return {"spot_levels": repriced.spots.tolist(), "net_gex_usd_per_1pct_curve": curve.tolist()}


def _flip(book: Book, repriced: _Repriced, place: int, member: Bools, strikes: Mapping[str, Floats]) -> Flip:
    held = (np.nan_to_num(strikes[f"{side}_dealer_quantity"]) != 0.0 for side in ("call", "put"))
    is_held = member & np.logical_or(*held) & np.isfinite(strikes["net_gex_usd_per_1pct"])
    if np.unique(book.strikes["strike"].to_numpy()[is_held]).size < 2:
        return Flip("insufficient_data", (), None, None, None)
    series_in = _series_in(book, member)
    curves = [np.asarray(np.sum(profile[place][series_in], axis=0)) for profile in repriced.profiles]
    in_scope = tuple(series_in[legs.series] for legs in repriced.legs)
    return find_flip(
        repriced.legs[0], repriced.legs[1:], curves[0], tuple(curves[1:]),
        model=place, is_leg_member=in_scope[0], is_bumped_member=in_scope[1:], spots=repriced.spots, spot=book.spot,
    )  # fmt: skip


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


def _strike_levels(book: Book, strikes: Mapping[str, Floats], member: Bools, is_zero_dte: Bools) -> _Row:
    """Levels from the strikes of the scope, summed over its roots and expiries."""
    spot = book.spot
    is_priced = member & np.isfinite(strikes["net_gex_usd_per_1pct"])
    priced, today = (_rolled(book, strikes, chosen) for chosen in (is_priced, is_priced & is_zero_dte))
    k, call, put = (priced[n] for n in ("strike", "call_gex_usd_per_1pct", "put_gex_usd_per_1pct"))
    net = call + put
    today_net = today["call_gex_usd_per_1pct"] + today["put_gex_usd_per_1pct"]
    return {
        "gamma_flip_strike_crossing": lv.strike_crossing(net, k, spot),
        "gamma_flip_cumulative": lv.cumulative_crossing(net, k, spot),
        **lv.walls(call, put, k, spot),
        **lv.gamma_extremes(call, put, k, spot),
        "zero_dte_magnet": lv.strike_of_largest(np.abs(today_net), today["strike"], spot),
        "hvl": lv.high_volatility_level(net, k),
        **_open_interest_levels(book, member),
    }


def _open_interest_levels(book: Book, member: Bools) -> _Row:
    """Levels that need no volatility: from every listed strike of standard contracts."""
    chosen = member[book.row] & book.is_standard & np.isfinite(book.open_interest)
    listed, place = np.unique(book.strikes["strike"].to_numpy()[book.row[chosen]], return_inverse=True)
    is_call, count = book.is_call[chosen], book.open_interest[chosen]
    size = count * book.multiplier[chosen]
    calls, puts = (_sums(place[side], size[side], listed.size) for side in (is_call, ~is_call))
    return {
        "max_pain": lv.max_pain(listed, calls, puts, book.spot),
        "highest_open_interest": lv.strike_of_largest(_sums(place, count, listed.size), listed, book.spot),
    }


def _rolled(book: Book, strikes: Mapping[str, Floats], chosen: Bools) -> dict[str, Floats]:
    """Call and put gamma by strike over the chosen roots and expiries, strikes ascending; an unknown side adds none."""
    listed, place = np.unique(book.strikes["strike"].to_numpy()[chosen], return_inverse=True)
    columns = ("call_gex_usd_per_1pct", "put_gex_usd_per_1pct")
    sums = {name: _sums(place, np.nan_to_num(strikes[name][chosen]), listed.size) for name in columns}
    return {"strike": listed, **sums}


def _sums(place: Ints, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(place, weights=values, minlength=count), dtype=np.float64)


def _summary_rows(
    book: Book,
    strikes: dict[str, Floats],
    members: Mapping[Scope, Bools],
    dealer_model: DealerModel,
    statuses: Mapping[Scope, ScopeStatus],
) -> list[_Row]:
    totals = {scope: scope_totals(book, strikes, member) if member.any() else {} for scope, member in members.items()}
    today, whole = totals["0dte"].get("gross_gex_usd_per_1pct"), totals["all"].get("gross_gex_usd_per_1pct")
    share = today / whole if today is not None and whole else None
    none: _Row = {"contracts_counted": 0, "contracts_not_counted": 0}
    return [
        {"dealer_model": dealer_model, "scope": scope, "scope_status": statuses[scope], "zero_dte_share_frac": share}
        | none
        | totals[scope]
        for scope in members
    ]
