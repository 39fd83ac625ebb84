"""Pages, marks and surface -> one line a snapshot that says how good it is."""

from __future__ import annotations

import polars as pl

from models.conventions import METHOD_VERSIONS
from models.surface import IV_SOURCES
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.stages.snapshots import gathered
from pipelines.tables import TABLES


def compute(inputs: Inputs) -> Output:
    marks = inputs.read("snapshot_marks")
    pages = inputs.read("pages").filter(pl.col("fate") == "published")
    repeated = [name for name in pages.columns if name in marks.columns and name not in {"snapshot_ts", "source"}]
    rows = pages.join(marks.drop(repeated), on=["snapshot_ts", "source"], how="inner", maintain_order="left")
    options = inputs.read("option_snapshots", ["snapshot_ts", "source", "iv_source", "is_standard"])
    counted = options.group_by("snapshot_ts", "source").agg(
        pl.len().alias("rows_live"),
        (~pl.col("is_standard")).sum().alias("contracts_not_standard"),
        *((pl.col("iv_source") == name).sum().alias(f"contracts_{name}") for name in IV_SOURCES),
    )
    counts = [name for name in counted.columns if name not in {"snapshot_ts", "source"}]
    full = (
        rows.join(counted, on=["snapshot_ts", "source"], how="left", maintain_order="left")
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(rows_expired=pl.col("rows_landed") - pl.col("rows_live"))
    )
    schema = TABLES["snapshot_quality"].schema()
    frame = gathered("snapshot_quality", [full.select(pl.col(name).cast(dtype) for name, dtype in schema.items())])
    return Output({"snapshot_quality": frame})


QUALITY = Stage(
    name="quality",
    method_version=METHOD_VERSIONS["quality"],
    outputs=("snapshot_quality",),
    same=("pages", "snapshot_marks", "option_snapshots"),
    compute=compute,
)
