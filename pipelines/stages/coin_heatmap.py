"""Strike exposures of a coin venue -> the strike x time heatmap, with the trades behind each change."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from models.conventions import HEATMAP_TRAILING_SNAPSHOTS, METHOD_VERSIONS
from models.heatmap import exposure_heatmap
from models.scopes import next_daily_expiry_date
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.heatmap import TRAIL_COLUMNS, earlier_whole_snapshots
from pipelines.stages.positions import covered_spans
from pipelines.stages.snapshots import Stamp, gathered

_DAYS_BACK = 15  # a trail of 60 snapshots at four a day
_SLACK_SECONDS = 30.0  # a chain is asked for a little after the trades before it
_TRADE_COLUMNS = ("trade_ts", "expiry_ts", "expiry_date", "strike", "taker_side", "quantity")


def compute(inputs: Inputs) -> Output:
    keys = ["snapshot_ts", "source"]
    by_snapshot = [
        inputs.read(table).partition_by(keys, as_dict=True) for table in ("strike_exposures", "exposure_summary")
    ]
    nothing = [inputs.read(table).clear() for table in ("strike_exposures", "exposure_summary")]
    trades, spans = _trades(inputs), covered_spans(inputs)
    trail = earlier_whole_snapshots(inputs)
    frames = []
    for row in inputs.read("snapshot_marks").sort("snapshot_ts").iter_rows(named=True):
        stamp = Stamp.of(row)
        place = (stamp.snapshot_ts, stamp.source)
        strikes, summary = (
            found.get(place, none) for found, none in zip(by_snapshot, nothing, strict=True)
        )  # fmt: skip
        previous = trail[-1] if trail else None
        before = None if previous is None else previous["snapshot_ts"][0]
        frame = exposure_heatmap(
            strikes,
            summary,
            zero_dte_date=next_daily_expiry_date(stamp.snapshot_ts),
            previous=previous,
            previous_snapshot_ts=before,
            history=pl.concat(trail) if trail else None,
            trades=_between(trades, spans, before, stamp.snapshot_ts),
        )
        stamped = stamp.stamp(frame, "exposure_heatmap")
        frames.append(stamped)
        if not row["is_partial"] and stamped.height:
            trail = [*trail, stamped.select(TRAIL_COLUMNS)][-HEATMAP_TRAILING_SNAPSHOTS:]
    return Output({"exposure_heatmap": gathered("exposure_heatmap", frames)})


def _trades(inputs: Inputs) -> pl.DataFrame:
    """Of the day and of the last day before that has any: signed by the taker's side, null where it is unknown."""
    frames = [inputs.lake.read(version, list(_TRADE_COLUMNS)) for version in inputs.earlier["option_trades"]]
    sign = pl.col("taker_side").replace_strict({"buy": 1.0, "sell": -1.0}, default=None, return_dtype=pl.Float64)
    return (
        pl.concat([*frames, inputs.read("option_trades", list(_TRADE_COLUMNS))])
        .with_columns(taker_net_quantity=sign * pl.col("quantity"), trades=pl.lit(1, dtype=pl.Int64))
        .sort("trade_ts", "expiry_ts", "strike")
    )


def _between(
    trades: pl.DataFrame, spans: list[tuple[datetime, datetime]], after: datetime | None, until: datetime
) -> pl.DataFrame | None:
    """What was traded after one snapshot and up to the next; None where not every trade between them is known."""
    if after is None:
        return None
    reached = after
    for start, end in sorted(spans):
        if start <= reached:
            reached = max(reached, end)
    if (until - reached).total_seconds() > _SLACK_SECONDS:
        return None
    return trades.filter((pl.col("trade_ts") > after) & (pl.col("trade_ts") <= until))


COIN_HEATMAP = Stage(
    name="coin_heatmap",
    method_version=METHOD_VERSIONS["coin_heatmap"],
    outputs=("exposure_heatmap",),
    same=("strike_exposures", "exposure_summary", "snapshot_marks"),
    optional=("option_trades", "trade_coverage"),
    earlier=(
        Earlier("exposure_heatmap", _DAYS_BACK),
        Earlier("snapshot_marks", _DAYS_BACK),
        Earlier("option_trades", 1),
        Earlier("trade_coverage", 1),
    ),
    compute=compute,
)
