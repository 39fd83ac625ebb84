"""Trades -> premium that takers paid by minute, and that of the same day's expiry."""

from __future__ import annotations

from datetime import date

import polars as pl

from models.conventions import METHOD_VERSIONS, QuantityUnit
from models.premium import premium_flow, zero_dte_flow
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.snapshots import conformed

_SURFACE = ("snapshot_ts", "known_at", "root", "expiry_ts", "forward")
_MARKS = ("snapshot_ts", "spot")


def compute(inputs: Inputs) -> Output:
    if not inputs.same["option_trades"].row_count:  # as on every day of recorded chains
        return Output({table: empty(table) for table in FLOW.outputs}, {"trades": {"in": 0.0, "out": 0.0}})
    return build(inputs, underlying=inputs.key.part, quantity_unit="coins", basis=_basis(inputs))


def build(
    inputs: Inputs,
    *,
    underlying: str,
    quantity_unit: QuantityUnit,
    multiplier: float = 1.0,
    basis: pl.DataFrame | None = None,
    expiry_session: date | None = None,
) -> Output:
    """Both tables. `expiry_session`: the session whose expiries are the same day's; None on coin venues."""
    trades = _known(inputs.read("option_trades"), basis)
    histories = {
        table: inputs.lake.read(versions[-1]) if (versions := inputs.earlier[table]) else None
        for table in ("premium_flow", "zero_dte_flow")
    }
    before, same_day_before = histories["premium_flow"], histories["zero_dte_flow"]
    found = {
        "premium_flow": premium_flow(trades, multiplier=multiplier, basis=basis, history=before),
        "zero_dte_flow": zero_dte_flow(
            trades, session_date=expiry_session, multiplier=multiplier, basis=basis, history=same_day_before
        ),
    }
    frames = {}
    for table, rows in found.items():
        named = rows.with_columns(
            underlying=pl.lit(underlying),
            quantity_unit=pl.lit(quantity_unit),
            known_at=pl.max_horizontal("known_at", pl.col("minute_ts") + pl.duration(minutes=1)),
        )
        frames[table] = conformed(named, table)
    counted = {"in": trades.height, "out": int(frames["premium_flow"]["trades"].sum())}
    return Output(frames, {"trades": {name: float(count) for name, count in counted.items()}})


def _known(trades: pl.DataFrame, basis: pl.DataFrame | None) -> pl.DataFrame:
    """The trades, whose delta is known no earlier than the chain that it rests on."""
    if basis is None:
        return trades
    series = ["root", "expiry_ts"]
    found = trades.select(*series, "trade_ts").join_asof(
        basis.select(*series, "snapshot_ts", "known_at"), left_on="trade_ts", right_on="snapshot_ts", by=series,
        check_sortedness=False,
    )  # fmt: skip
    return trades.with_columns(known_at=pl.max_horizontal("known_at", found["known_at"]))


def _basis(inputs: Inputs) -> pl.DataFrame | None:
    """F/S by snapshot and expiry, of the day and of the day before."""
    marks_of = {version.key: version for version in inputs.earlier["snapshot_marks"]}
    pairs = [
        *(
            (inputs.lake.read(version, list(_SURFACE)), inputs.lake.read(marks_of[version.key], list(_MARKS)))
            for version in inputs.earlier["expiry_surface"]
            if version.key in marks_of
        ),
        (inputs.read("expiry_surface", list(_SURFACE)), inputs.read("snapshot_marks", list(_MARKS))),
    ]
    found = [
        surface.join(marks, on="snapshot_ts").select(
            "snapshot_ts", "known_at", "root", "expiry_ts", forward_over_spot=pl.col("forward") / pl.col("spot")
        )
        for surface, marks in pairs
    ]
    basis = pl.concat(found).drop_nulls("forward_over_spot")
    return basis.sort("snapshot_ts", "root", "expiry_ts") if basis.height else None


FLOW = Stage(
    name="flow",
    method_version=METHOD_VERSIONS["flow"],
    outputs=("premium_flow", "zero_dte_flow"),
    same=("option_trades",),
    optional=("expiry_surface", "snapshot_marks"),
    earlier=(
        Earlier("premium_flow", 1),
        Earlier("zero_dte_flow", 1),
        Earlier("expiry_surface", 1),
        Earlier("snapshot_marks", 1),
    ),
    compute=compute,
)
