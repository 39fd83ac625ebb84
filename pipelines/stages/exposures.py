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
from pipelines.stages.snapshots import Stamp, gathered

_TABLES = ("strike_exposures", "exposure_summary", "key_levels", "gamma_profile", "opex_rolloff")
_MEASURES = ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")
_MONTHS_AHEAD = timedelta(days=366 * 12)  # longer than any listed expiry


def compute(inputs: Inputs) -> Output:
    session = inputs.key.session_date
    marks = inputs.read("snapshot_marks").sort("snapshot_ts")
    options = inputs.read("option_snapshots")
    listed = inputs.read("chains", ["snapshot_ts", "source", "expiry_date", "expiry_ts"])
    found: dict[str, list[pl.DataFrame]] = {table: [] for table in _TABLES}
    for row in marks.iter_rows(named=True):
        stamp = Stamp.of(row)
        contracts = stamp.rows_of(options)
        expired = stamp.rows_of(listed).filter(
            (pl.col("expiry_date") == session) & (pl.col("expiry_ts") <= stamp.snapshot_ts)
        )
        exposed = expose(
            contracts,
            session_date=session,
            spot=row["spot"],
            monthly_expiries=_monthly_expiries(session, underlying_of(stamp.underlying).monthly_rule),
            has_expired_session_contracts=expired.height > 0,
        )
        for table in _TABLES:
            frame = getattr(exposed, table).with_columns(is_partial=pl.lit(row["is_partial"]))
            found[table].append(stamp.stamp(frame, table))
    frames = {table: gathered(table, parts) for table, parts in found.items()}
    check_identities(frames["strike_exposures"], frames["exposure_summary"])
    return Output(frames, _accounts(options, frames))


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
    """Net = call + put, per 1 % = per 1 USD x S x 0.01 up to the spot, and strikes sum to the totals of scope `all`."""
    for measure in _MEASURES:
        broken = strikes.filter(
            (pl.col(f"net_{measure}") - pl.sum_horizontal(f"call_{measure}", f"put_{measure}")).abs()
            > 1e-9 * pl.sum_horizontal(pl.col(f"call_{measure}").abs(), pl.col(f"put_{measure}").abs()) + 1e-9
        )
        if broken.height:
            raise GateRefused("net_is_call_plus_put", f"{measure}: {broken.height} strikes")
        key = ["snapshot_ts", "dealer_model"]
        sums = strikes.group_by(key, maintain_order=True).agg(
            summed=pl.col(f"net_{measure}").sum(),
            size=pl.sum_horizontal(pl.col(f"call_{measure}").abs(), pl.col(f"put_{measure}").abs()).sum(),
        )
        totals = summary.filter((pl.col("scope") == "all") & (pl.col("scope_status") == "ok"))
        compared = totals.join(sums, on=key, how="inner")
        apart = compared.filter((pl.col(f"net_{measure}") - pl.col("summed")).abs() > 1e-9 * pl.col("size") + 1e-6)
        if apart.height:
            raise GateRefused("strikes_sum_to_totals", f"{measure}: {apart.height} totals differ from their strikes")


def _accounts(options: pl.DataFrame, frames: dict[str, pl.DataFrame]) -> dict[str, dict[str, float]]:
    """Under each model every live contract is counted or not, and no open interest is lost on the way to strikes."""
    whole = frames["exposure_summary"].filter(pl.col("scope") == "all")
    by_strike = frames["strike_exposures"].select(pl.col("call_open_interest", "put_open_interest").sum())
    return {
        "contracts": {
            "in": float(options.height * len(DEALER_MODELS)),
            "counted": float(whole["contracts_counted"].sum()),
            "not_counted": float(whole["contracts_not_counted"].sum()),
        },
        "open_interest": {
            "in": float(options["open_interest"].sum()) * len(DEALER_MODELS),
            "out": float(by_strike.sum_horizontal().item()),
        },
    }


EXPOSURES = Stage(
    name="exposures",
    method_version=METHOD_VERSIONS["exposures"],
    outputs=_TABLES,
    same=("chains", "snapshot_marks", "option_snapshots"),
    compute=compute,
)
