"""The spine of market `us`: one asset per arrow, partitioned by exchange session."""

import dagster as dg

from pipelines.defs.partitions import us_session_partitions
from pipelines.defs.stage_asset import materialise, upstream
from pipelines.lake.stage import Stage
from pipelines.markets import US
from pipelines.stages.spine import SPINES, TRADES, US_SPINE


def _asset(stage: Stage) -> dg.AssetsDefinition:
    @dg.asset(
        name=stage.name,
        deps=[other.name for other in upstream(stage, SPINES[US.name])],
        partitions_def=us_session_partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="us",
        description=f"Writes {', '.join(stage.outputs)} (method {stage.method_version}).",
        kinds={"polars", "parquet"},
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return materialise(context, stage)

    return asset


US_STAGES = (*US_SPINE, *TRADES)
us_assets = [_asset(stage) for stage in US_STAGES]
