"""Pages of a session's close -> the underlying's daily bar, as far as the page states it."""

from __future__ import annotations

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines.calendar import us_sessions
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.sources.bars import range_or_null
from pipelines.stages.snapshots import gathered
from pipelines.tables import TABLES

DAILY = "1d"


def compute(inputs: Inputs) -> Output:
    closed = us_sessions().close_of(inputs.key.session_date)
    pages = inputs.read("pages").filter((pl.col("fate") == "published") & (pl.col("snapshot_ts") == closed))
    bars = pages.filter(pl.col("underlying_bar_close").is_not_null()).select(
        "underlying",
        "source",
        interval=pl.lit(DAILY),
        bar_ts="snapshot_ts",
        known_at="underlying_bar_known_at",
        open="underlying_bar_open",
        high="underlying_bar_high",
        low="underlying_bar_low",
        close="underlying_bar_close",
        volume="underlying_bar_volume",
    )
    # A last that was traded after the close may lie outside the session's range.
    bars = bars.with_columns(range_or_null()).select(list(TABLES["price_bars"].schema()))
    return Output({"price_bars": gathered("price_bars", [bars])})


BARS = Stage(
    name="bars",
    method_version=METHOD_VERSIONS["bars"],
    outputs=("price_bars",),
    same=("pages",),
    compute=compute,
)
