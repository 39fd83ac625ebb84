"""Bars from files, partitioned by calendar month."""

import dagster as dg

from pipelines.defs.partitions import month_partitions
from pipelines.defs.stage_asset import materialise
from pipelines.stages.file_bars import FILE_BARS, last_day


@dg.asset(
    partitions_def=month_partitions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="bars",
    kinds={"polars", "parquet"},
)
def file_bars(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Writes price_bars: the daily bars of index histories and of files that their owner maps."""
    return materialise(context, FILE_BARS, last_day_of=last_day)
