"""The spine of market `us`: one asset per arrow, partitioned by exchange session."""

import dagster as dg

from pipelines.defs.partitions import us_session_partitions
from pipelines.defs.stage_asset import materialise
from pipelines.lake.stage import Stage
from pipelines.stages.spine import ALL_STAGES, US_SPINE


def upstream(stage: Stage) -> list[str]:
    """The stages whose tables this one reads."""
    read = {*stage.same, *(item.table for item in stage.earlier)}
    return [other.name for other in ALL_STAGES if other is not stage and read.intersection(other.outputs)]


def _asset(stage: Stage) -> dg.AssetsDefinition:
    @dg.asset(
        name=stage.name,
        deps=upstream(stage),
        partitions_def=us_session_partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="us",
        description=f"Writes {', '.join(stage.outputs)} (method {stage.method_version}).",
        kinds={"polars", "parquet"},
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return materialise(context, stage)

    return asset


us_assets = [_asset(stage) for stage in US_SPINE]
