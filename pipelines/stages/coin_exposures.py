"""Contracts and positions of a coin venue -> exposures by strike and scope, levels, profiles, under four models."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from models.conventions import COIN_DEALER_MODELS, METHOD_VERSIONS
from models.scopes import monthly_expiry_dates, next_daily_expiry_date
from models.snapshot import expose
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.markets import CRYPTO
from pipelines.stages.exposures import EXPOSURE_TABLES, accounts, check_identities
from pipelines.stages.memo import remembered
from pipelines.stages.positions import COLUMN_OF, Positions, positions_of
from pipelines.stages.snapshots import Stamp, gathered

_MONTHS_AHEAD = timedelta(days=366 * 4)
_PROFILE_SCOPES = ("all", "0dte")
_WHOLE_SHARE = 0.999  # of open interest, from which the history of trades counts as complete


def compute(inputs: Inputs) -> Output:
    marks = inputs.read("snapshot_marks").sort("snapshot_ts")
    options = inputs.read("option_snapshots")
    positions = positions_of(inputs, marks["snapshot_ts"].to_list())
    by_snapshot = options.partition_by(["snapshot_ts", "source"], as_dict=True)
    found: dict[str, list[pl.DataFrame]] = {table: [] for table in EXPOSURE_TABLES}
    hours: set[datetime] = set()
    for row in marks.iter_rows(named=True):
        stamp = Stamp.of(row)
        contracts = by_snapshot.get((stamp.snapshot_ts, stamp.source), options.clear())
        hour = _hour(stamp.snapshot_ts)
        frames = _exposed(contracts, positions, row, session=inputs.key.session_date, has_profiles=hour not in hours)
        hours.add(hour)
        for table, frame in frames.items():
            found[table].append(stamp.stamp(frame, table))
    gathered_frames = {table: gathered(table, parts) for table, parts in found.items()}
    check_identities(gathered_frames["strike_exposures"], gathered_frames["exposure_summary"])
    return Output(gathered_frames, accounts(options, gathered_frames))


def _hour(instant: datetime) -> datetime:
    return (instant - timedelta(microseconds=1)).replace(minute=0, second=0, microsecond=0)


def _exposed(
    contracts: pl.DataFrame, positions: Positions, row: dict[str, Any], *, session: date, has_profiles: bool
) -> dict[str, pl.DataFrame]:
    """The five frames of one snapshot, with what they rest on."""
    held = positions.beside(contracts, row["snapshot_ts"])
    exposed = remembered(
        expose,
        held,
        session_date=session,
        spot=row["spot"],
        monthly_expiries=_monthly_expiries(session),
        has_expired_session_contracts=False,
        dealer_models=COIN_DEALER_MODELS,
        positions=COLUMN_OF,
        zero_dte_date=next_daily_expiry_date(row["snapshot_ts"]),
        quantity_unit="coins",
        is_delta_of_forward=True,
        has_profiles=has_profiles,
    )
    positions_ts = positions.positions_ts[row["snapshot_ts"]]
    whole = None if positions_ts is None else _complete_share(held)
    default = CRYPTO.default_dealer_model if whole is not None and whole >= _WHOLE_SHARE else COIN_DEALER_MODELS[0]
    is_flow = pl.col("dealer_model").is_in(list(COLUMN_OF))
    rests_on = {
        "positions_ts": pl.when(is_flow).then(pl.lit(positions_ts, dtype=pl.Datetime("us"))),
        "history_complete_share_frac": pl.when(is_flow).then(pl.lit(whole, dtype=pl.Float64)),
    }
    shared = {"is_partial": pl.lit(row["is_partial"]), "is_default_model": pl.col("dealer_model") == default}
    frames = {table: getattr(exposed, table) for table in EXPOSURE_TABLES}
    frames["exposure_summary"] = frames["exposure_summary"].with_columns(**rests_on)
    frames["key_levels"] = frames["key_levels"].with_columns(**shared)
    frames["gamma_profile"] = frames["gamma_profile"].filter(pl.col("scope").is_in(_PROFILE_SCOPES))
    return frames


def _complete_share(held: pl.DataFrame) -> float | None:
    """Share of the open interest in contracts whose every trade since listing is known."""
    whole = held.filter(pl.col("is_history_complete").fill_null(value=False))["open_interest"].sum()
    total = held["open_interest"].sum()
    return float(whole) / float(total) if total else None


@lru_cache(maxsize=64)
def _monthly_expiries(session: date) -> tuple[date, ...]:
    ahead = session + _MONTHS_AHEAD
    return tuple(monthly_expiry_dates(session, ahead, is_closed=lambda _: False, rule="last_friday"))


COIN_EXPOSURES = Stage(
    name="coin_exposures",
    method_version=METHOD_VERSIONS["coin_exposures"],
    outputs=EXPOSURE_TABLES,
    same=("chains", "snapshot_marks", "option_snapshots"),
    optional=("dealer_inventory", "trade_coverage"),
    earlier=(Earlier("dealer_inventory", 1), Earlier("trade_coverage", 1)),
    compute=compute,
)
