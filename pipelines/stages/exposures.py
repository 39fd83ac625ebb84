"""Contracts -> dealer exposures by strike and scope, levels, gamma profiles and the roll-off at expiries."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import polars as pl

from models.conventions import DEALER_MODELS, METHOD_VERSIONS
from models.scopes import monthly_expiry_dates
from models.snapshot import expose
from pipelines.calendar import us_sessions
from pipelines.lake.gates import GateRefused
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.markets import underlying_of
from pipelines.stages import report_models
from pipelines.stages.memo import remembered
from pipelines.stages.snapshots import Stamp, gathered

EXPOSURE_TABLES = ("strike_exposures", "exposure_summary", "key_levels", "gamma_profile", "opex_rolloff")
_MEASURES = ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")
_MONTHS_AHEAD = timedelta(days=366 * 12)  # longer than any listed expiry


def compute(inputs: Inputs) -> Output:
    session = inputs.key.session_date
    marks = inputs.read("snapshot_marks").sort("snapshot_ts")
    options = inputs.read("option_snapshots")
    held, bases = report_models.beside(options, inputs)
    listed = inputs.read("chains", ["snapshot_ts", "source", "expiry_date", "expiry_ts"])
    found: dict[str, list[pl.DataFrame]] = {table: [] for table in EXPOSURE_TABLES}
    for row in marks.iter_rows(named=True):
        stamp = Stamp.of(row)
        contracts = stamp.rows_of(held)
        expired = stamp.rows_of(listed).filter(
            (pl.col("expiry_date") == session) & (pl.col("expiry_ts") <= stamp.snapshot_ts)
        )
        exposed = remembered(
            expose,
            contracts,
            session_date=session,
            spot=row["spot"],
            monthly_expiries=_monthly_expiries(session, underlying_of(stamp.underlying).monthly_rule),
            has_expired_session_contracts=expired.height > 0,
            dealer_models=(*DEALER_MODELS, *bases),
            positions={model: report_models.COLUMN_OF[model] for model in bases},
        )
        for table in EXPOSURE_TABLES:
            frame = getattr(exposed, table).with_columns(is_partial=pl.lit(row["is_partial"]))
            found[table].append(stamp.stamp(frame, table))
    frames = {table: report_models.stamped(gathered(table, parts), bases, held) for table, parts in found.items()}
    check_identities(frames["strike_exposures"], frames["exposure_summary"])
    return Output(frames, accounts(options, frames))


@lru_cache(maxsize=64)
def _monthly_expiries(session: date, rule: str) -> tuple[date, ...]:
    calendar = us_sessions()
    return tuple(
        monthly_expiry_dates(
            session,
            session + _MONTHS_AHEAD,
            is_closed=lambda day: day.weekday() < 5 and not calendar.is_session(day),
            rule="vix" if rule == "vix" else "third_friday",
        )
    )


def check_identities(strikes: pl.DataFrame, summary: pl.DataFrame) -> None:
    """Net = call + put on every strike, and the strikes sum to the totals of scope `all`."""
    size = {m: pl.sum_horizontal(pl.col(f"call_{m}").abs(), pl.col(f"put_{m}").abs()) for m in _MEASURES}
    apart = {m: pl.col(f"net_{m}") - pl.sum_horizontal(f"call_{m}", f"put_{m}") for m in _MEASURES}
    broken = strikes.select(**{m: (apart[m].abs() > 1e-9 * size[m] + 1e-9).sum() for m in _MEASURES})
    for measure, count in broken.row(0, named=True).items():
        if count:
            raise GateRefused("net_is_call_plus_put", f"{measure}: {count} strikes")
    key = ["snapshot_ts", "dealer_model"]
    sums = strikes.group_by(key, maintain_order=True).agg(
        *(pl.col(f"net_{m}").sum().alias(f"summed_{m}") for m in _MEASURES),
        *(size[m].sum().alias(f"size_{m}") for m in _MEASURES),
    )
    totals = summary.filter((pl.col("scope") == "all") & (pl.col("scope_status") == "ok")).join(sums, on=key)
    differences = {m: (pl.col(f"net_{m}") - pl.col(f"summed_{m}")).abs() for m in _MEASURES}
    differing = totals.select(**{m: (differences[m] > 1e-9 * pl.col(f"size_{m}") + 1e-6).sum() for m in _MEASURES})
    for measure, count in differing.row(0, named=True).items():
        if count:
            raise GateRefused("strikes_sum_to_totals", f"{measure}: {count} totals differ from their strikes")


def accounts(options: pl.DataFrame, frames: dict[str, pl.DataFrame]) -> dict[str, dict[str, float]]:
    """Under each model every live contract is counted or not, and no open interest is lost on the way to strikes; a
    model that knows no position of a snapshot has no strikes there."""
    whole = frames["exposure_summary"].filter(pl.col("scope") == "all")
    by_strike = frames["strike_exposures"].select(pl.col("call_open_interest", "put_open_interest").sum())
    of_snapshot = options.group_by("snapshot_ts", maintain_order=True).agg(pl.col("open_interest").sum(), pl.len())
    under_models = whole.join(of_snapshot, on="snapshot_ts", maintain_order="left")
    hidden = under_models.filter(pl.col("scope_status") == "no_positions")
    return {
        "contracts": {
            "in": float(under_models["len"].sum()),
            "counted": float(whole["contracts_counted"].sum()),
            "not_counted": float(whole["contracts_not_counted"].sum()),
        },
        "open_interest": {
            "in": float(under_models["open_interest"].sum()),
            "out": float(by_strike.sum_horizontal().item()),
        }
        | ({} if hidden.is_empty() else {"without_positions": float(hidden["open_interest"].sum())}),
    }


EXPOSURES = Stage(
    name="exposures",
    method_version=METHOD_VERSIONS["exposures"],
    outputs=EXPOSURE_TABLES,
    same=("chains", "snapshot_marks", "option_snapshots"),
    earlier=report_models.REPORT_INPUTS,
    compute=compute,
)
