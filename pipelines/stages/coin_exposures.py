"""Contracts and positions of a coin venue -> exposures by strike and scope, levels, profiles, under four models."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from models.conventions import COIN_DEALER_MODELS, METHOD_VERSIONS, WHOLE_HISTORY_SHARE_FRAC
from models.scopes import monthly_expiry_dates, next_daily_expiry_date
from models.snapshot import SnapshotExposures, expose
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.markets import CRYPTO
from pipelines.stages.exposures import EXPOSURE_TABLES, accounts, check_identities
from pipelines.stages.memo import remembered
from pipelines.stages.positions import COLUMN_OF, beside, covered_spans, covered_until
from pipelines.stages.snapshots import conformed, gathered

_MONTHS_AHEAD = timedelta(days=366 * 4)
_SNAPSHOT = ["snapshot_ts", "source"]
_PROFILE_SCOPES = ("all", "0dte")


def compute(inputs: Inputs) -> Output:
    options = inputs.read("option_snapshots")
    held = beside(options, inputs)
    by_snapshot = held.partition_by(_SNAPSHOT, as_dict=True)
    marks = inputs.read("snapshot_marks").sort("snapshot_ts")
    found: dict[str, list[pl.DataFrame]] = {table: [] for table in EXPOSURE_TABLES}
    hours: set[datetime] = set()
    for place, row in enumerate(marks.iter_rows(named=True)):
        contracts = by_snapshot.get((row["snapshot_ts"], row["source"]), held.clear())
        hour = _hour(row["snapshot_ts"])
        exposed = _exposed(contracts, row, session=inputs.key.session_date, has_profiles=hour not in hours)
        hours.add(hour)
        for table in EXPOSURE_TABLES:
            frame: pl.DataFrame = getattr(exposed, table)
            found[table].append(frame.hstack([pl.Series("place", [place] * frame.height, dtype=pl.UInt32)]))
    opening = datetime.combine(inputs.key.session_date, time())
    about = _about(marks, held, covered_until(covered_spans(inputs), opening))
    frames = {table: _stamped(table, parts, about) for table, parts in found.items()}
    check_identities(frames["strike_exposures"], frames["exposure_summary"])
    return Output(frames, accounts(options, frames))


def _hour(instant: datetime) -> datetime:
    """The UTC hour of a snapshot; at midnight the one that ends, as its day does."""
    hour = instant.replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(hours=1) if instant == hour and hour.hour == 0 else hour


def _exposed(contracts: pl.DataFrame, row: dict[str, Any], *, session: date, has_profiles: bool) -> SnapshotExposures:
    return remembered(
        expose,
        contracts,
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


def _about(marks: pl.DataFrame, held: pl.DataFrame, unbroken_until: datetime) -> pl.DataFrame:
    """One row a snapshot, by `place`: what names it, what its positions rest on, and its default model. Numbers cannot
    tell of trades that nobody heard of in a contract that was not traded since, so the default also asks that the day
    is covered without a break."""
    is_whole = pl.col("is_history_complete").fill_null(value=False)
    open_interest = pl.col("open_interest").sum()
    complete = held.group_by(_SNAPSHOT).agg(
        pl.col("positions_ts", "positions_known_at").first(),
        complete=pl.col("open_interest").filter(is_whole).sum(),
        total=open_interest,
    )
    share = pl.when((pl.col("total") > 0) & pl.col("positions_ts").is_not_null()).then(
        pl.col("complete") / pl.col("total")
    )
    is_default = (pl.col("history_complete_share_frac") >= WHOLE_HISTORY_SHARE_FRAC) & (
        pl.col("positions_ts") <= unbroken_until
    )
    return (
        marks.select("underlying", *_SNAPSHOT, "known_at", "is_partial")
        .with_row_index("place")
        .join(complete, on=_SNAPSHOT, how="left", maintain_order="left")
        .with_columns(history_complete_share_frac=share)
        .with_columns(
            default_model=pl.when(is_default)
            .then(pl.lit(CRYPTO.default_dealer_model))
            .otherwise(pl.lit(COIN_DEALER_MODELS[0]))
        )
    )


def _stamped(table: str, parts: list[pl.DataFrame], about: pl.DataFrame) -> pl.DataFrame:
    frame = pl.concat(parts) if parts else None
    if frame is None:
        return empty(table)
    if table == "gamma_profile":
        frame = frame.filter(pl.col("scope").is_in(_PROFILE_SCOPES))
    is_flow = pl.col("dealer_model").is_in(list(COLUMN_OF))
    full = frame.join(about, on="place", how="left", maintain_order="left").with_columns(
        pl.when(is_flow).then("positions_ts").alias("positions_ts"),
        pl.when(is_flow).then("history_complete_share_frac").alias("history_complete_share_frac"),
        # Nobody knows what dealers hold before the last trade of it is known.
        known_at=pl.when(is_flow).then(pl.max_horizontal("known_at", "positions_known_at")).otherwise("known_at"),
        is_default_model=pl.col("dealer_model") == pl.col("default_model"),
    )
    return gathered(table, [conformed(full, table)])


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
