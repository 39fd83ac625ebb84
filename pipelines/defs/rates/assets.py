"""Treasury curves, partitioned by the weekdays on which the Treasury may publish."""

import dagster as dg

from pipelines.defs.partitions import treasury_day_partitions
from pipelines.defs.stage_asset import materialise
from pipelines.stages.rates import RATES


@dg.asset(
    partitions_def=treasury_day_partitions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="rates",
    kinds={"polars", "parquet"},
)
def rates(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Writes treasury_zero_curve: the zero curve bootstrapped from each day's par yields."""
    return materialise(context, RATES)
