"""Market `crypto`: visits of the venue, and one asset per arrow, partitioned by UTC day."""

import dagster as dg

from pipelines.daily.coin_visits import visit_followed
from pipelines.defs.partitions import utc_day_partitions
from pipelines.defs.stage_asset import materialise, upstream
from pipelines.lake.stage import Stage
from pipelines.lake.store import opened
from pipelines.markets import CRYPTO
from pipelines.settings import data_paths
from pipelines.stages.spine import COIN_OWN_RHYTHM, COIN_SPINE

CRYPTO_STAGES = (*COIN_OWN_RHYTHM, *COIN_SPINE)


@dg.asset(group_name=CRYPTO.name, kinds={"parquet"})
def crypto_visit(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Asks the venue for chains, trades and bars of what is followed, and lands the answers as one object."""
    with opened(data_paths()) as lake:
        loaded = visit_followed(lake, context.log.info)
    refused = [f"{one.name}: {one.reason}" for one in loaded if one.fate == "refused"]
    return dg.MaterializeResult(metadata={"rows_landed": loaded[0].rows_landed or 0, "refused": refused})


def asset_name(stage: Stage) -> str:
    """Some stages are those of market `us`, whose assets have the stage's own name."""
    return f"{CRYPTO.name}_{stage.name.removeprefix('coin_')}"


def _asset(stage: Stage) -> dg.AssetsDefinition:
    above = [asset_name(other) for other in upstream(stage, CRYPTO_STAGES)]

    @dg.asset(
        name=asset_name(stage),
        deps=[*above, *([crypto_visit] if stage.sources else [])],
        partitions_def=utc_day_partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=CRYPTO.name,
        description=f"Writes {', '.join(stage.outputs)} (method {stage.method_version}).",
        kinds={"polars", "parquet"},
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return materialise(context, stage, market=CRYPTO.name, is_last=stage is CRYPTO_STAGES[-1])

    return asset


crypto_assets = [_asset(stage) for stage in CRYPTO_STAGES]
