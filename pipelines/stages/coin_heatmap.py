"""Strike exposures of a coin venue -> the strike x time heatmap, with the trades behind each change."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import polars as pl

from models.conventions import METHOD_VERSIONS
from models.scopes import next_daily_expiry_date
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.heatmap import heatmap
from pipelines.stages.positions import covered_spans, covered_until

_DAYS_BACK = 15  # a trail of 60 snapshots at four a day
_SLACK_SECONDS = 30.0  # a chain is asked for a little after the trades before it
_TRADE_COLUMNS = ("trade_ts", "known_at", "expiry_ts", "expiry_date", "strike", "taker_side", "quantity")


def compute(inputs: Inputs) -> Output:
    marks = inputs.read("snapshot_marks")
    zero_dte_dates = [next_daily_expiry_date(instant) for instant in marks["snapshot_ts"]]
    spans = covered_spans(inputs)
    return heatmap(
        inputs,
        marks.with_columns(zero_dte_date=pl.Series(zero_dte_dates, dtype=pl.Date)),
        _trades(inputs),
        partial(_is_covered, spans),
        next_daily_expiry_date,
    )


def _trades(inputs: Inputs) -> pl.DataFrame:
    """Of the day and of the last day before that has any: signed by the taker's side, null where it is unknown."""
    frames = [inputs.lake.read(version, list(_TRADE_COLUMNS)) for version in inputs.earlier["option_trades"]]
    sign = pl.col("taker_side").replace_strict({"buy": 1.0, "sell": -1.0}, default=None, return_dtype=pl.Float64)
    return (
        pl.concat([*frames, inputs.read("option_trades", list(_TRADE_COLUMNS))])
        .with_columns(taker_net_quantity=sign * pl.col("quantity"), trades=pl.lit(1, dtype=pl.Int64))
        .sort("trade_ts", "expiry_ts", "strike")
    )


def _is_covered(spans: list[tuple[datetime, datetime]], after: datetime, until: datetime) -> bool:
    """Whether every trade between two instants is known."""
    return (until - covered_until(spans, after)).total_seconds() <= _SLACK_SECONDS


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
