"""Strike exposures -> the strike x time heatmap: net gamma, its change since the previous snapshot, and jumps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import polars as pl

from models.conventions import HEATMAP_TRAILING_SNAPSHOTS, METHOD_VERSIONS
from models.heatmap import TRAIL_COLUMNS, exposure_heatmap
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.snapshots import conformed, gathered


def compute(inputs: Inputs) -> Output:
    marks = inputs.read("snapshot_marks")
    return heatmap(inputs, marks.with_columns(zero_dte_date=pl.lit(inputs.key.session_date)))


def heatmap(
    inputs: Inputs,
    marks: pl.DataFrame,
    trades: pl.DataFrame | None = None,
    is_covered: Callable[[datetime, datetime], bool] | None = None,
    zero_dte_date_of: Callable[[datetime], date] | None = None,
) -> Output:
    """The heatmap of the snapshots in `marks`, which say their zero_dte_date."""
    about = marks.select("underlying", "snapshot_ts", "source", "known_at")
    published = ["snapshot_ts", "source"]
    strikes, summary = (
        inputs.read(table).join(about, on=published, how="semi", maintain_order="left")
        for table in ("strike_exposures", "exposure_summary")
    )
    found = exposure_heatmap(
        strikes,
        summary,
        marks,
        trail=earlier_whole_snapshots(inputs),
        trades=trades,
        is_covered=is_covered,
        zero_dte_date_of=zero_dte_date_of,
    )
    full = _known(found, strikes, trades).join(about.drop("known_at"), on="snapshot_ts", maintain_order="left")
    return Output({"exposure_heatmap": gathered("exposure_heatmap", [conformed(full, "exposure_heatmap")])})


def _known(found: pl.DataFrame, strikes: pl.DataFrame, trades: pl.DataFrame | None) -> pl.DataFrame:
    """With known_at: when the exposures of the row were, and where it counts trades, all those of its interval."""
    book = ["snapshot_ts", "dealer_model"]
    exposed = found.join(
        strikes.group_by(book).agg(pl.col("known_at").max()), on=book, how="left", maintain_order="left"
    )
    if trades is None:
        return exposed
    told = found.filter(pl.col("trades").is_not_null()).select("snapshot_ts", "previous_snapshot_ts").unique()
    known = [
        trades.filter(pl.col("trade_ts").is_between(after, until, closed="left"))["known_at"].max()
        for until, after in told.iter_rows()
    ]
    heard = told.select("snapshot_ts", trades_known_at=pl.Series(known, dtype=pl.Datetime("us")))
    is_told = pl.col("trades").is_not_null()
    return exposed.join(heard, on="snapshot_ts", how="left", maintain_order="left").with_columns(
        known_at=pl.when(is_told).then(pl.max_horizontal("known_at", "trades_known_at")).otherwise("known_at")
    )


def earlier_whole_snapshots(inputs: Inputs) -> pl.DataFrame | None:
    """The heatmap rows of earlier sessions, as many as the trail needs; partial pages are no basis."""
    whole = [
        inputs.lake.read_small(version, ("snapshot_ts", "is_partial")).filter(~pl.col("is_partial"))
        for version in inputs.earlier["snapshot_marks"]
    ]
    trail: list[pl.DataFrame] = []
    snapshots = 0
    for version in reversed(inputs.earlier["exposure_heatmap"]):
        if not whole or snapshots >= HEATMAP_TRAILING_SNAPSHOTS:
            break
        rows = inputs.lake.read_small(version, TRAIL_COLUMNS)
        trail.append(rows.join(pl.concat(whole), on="snapshot_ts", how="semi"))
        snapshots += trail[-1]["snapshot_ts"].n_unique()
    return pl.concat(trail) if trail else None


HEATMAP = Stage(
    name="heatmap",
    method_version=METHOD_VERSIONS["heatmap"],
    outputs=("exposure_heatmap",),
    same=("strike_exposures", "exposure_summary", "snapshot_marks"),
    earlier=(
        Earlier("exposure_heatmap", HEATMAP_TRAILING_SNAPSHOTS),
        Earlier("snapshot_marks", HEATMAP_TRAILING_SNAPSHOTS),
    ),
    compute=compute,
)
