"""Strike exposures -> the strike x time heatmap: net gamma, its change since the previous snapshot, and jumps."""

from __future__ import annotations

import polars as pl

from models.conventions import HEATMAP_TRAILING_SNAPSHOTS, METHOD_VERSIONS
from models.heatmap import exposure_heatmap
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.snapshots import Stamp, gathered

TRAIL_COLUMNS = (
    "snapshot_ts", "dealer_model", "scope", "strike",
    "net_gex_usd_per_1pct", "net_gex_change_usd_per_1pct", "open_interest",
)  # fmt: skip


def compute(inputs: Inputs) -> Output:
    strikes, summary = inputs.read("strike_exposures"), inputs.read("exposure_summary")
    trail = earlier_whole_snapshots(inputs)
    frames = []
    for row in inputs.read("snapshot_marks").sort("snapshot_ts").iter_rows(named=True):
        stamp = Stamp.of(row)
        previous = trail[-1] if trail else None
        frame = exposure_heatmap(
            stamp.rows_of(strikes),
            stamp.rows_of(summary),
            zero_dte_date=inputs.key.session_date,
            previous=previous,
            previous_snapshot_ts=None if previous is None else previous["snapshot_ts"][0],
            history=pl.concat(trail) if trail else None,
        )
        stamped = stamp.stamp(frame, "exposure_heatmap")
        frames.append(stamped)
        if not row["is_partial"] and stamped.height:
            trail = [*trail, stamped.select(TRAIL_COLUMNS)][-HEATMAP_TRAILING_SNAPSHOTS:]
    return Output({"exposure_heatmap": gathered("exposure_heatmap", frames)})


def earlier_whole_snapshots(inputs: Inputs) -> list[pl.DataFrame]:
    """The heatmap rows of earlier sessions, a frame a snapshot, oldest first; partial pages are no basis."""
    whole = [
        inputs.lake.read_small(version, ("snapshot_ts", "is_partial")).filter(~pl.col("is_partial"))["snapshot_ts"]
        for version in inputs.earlier["snapshot_marks"]
    ]
    if not whole:
        return []
    allowed = pl.concat(whole)
    trail: list[pl.DataFrame] = []
    for version in reversed(inputs.earlier["exposure_heatmap"]):
        rows = inputs.lake.read_small(version, TRAIL_COLUMNS).filter(pl.col("snapshot_ts").is_in(allowed.implode()))
        ordered = rows.sort("snapshot_ts", maintain_order=True)
        trail = [*ordered.partition_by("snapshot_ts", maintain_order=True), *trail]
        if len(trail) >= HEATMAP_TRAILING_SNAPSHOTS:
            break
    return trail[-HEATMAP_TRAILING_SNAPSHOTS:]


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
