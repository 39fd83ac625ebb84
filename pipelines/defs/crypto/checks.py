"""What must hold in every day of market `crypto`, as sentences. The gates decide inside the write; these report."""

import dagster as dg

from pipelines.daily.freshness import late_coins
from pipelines.daily.gap_ledger import utc_now
from pipelines.defs.crypto.assets import CRYPTO_STAGES, asset_name
from pipelines.defs.partitions import utc_day_partitions
from pipelines.defs.stage_asset import refusals_of
from pipelines.lake.stage import Stage
from pipelines.lake.store import opened
from pipelines.markets import CRYPTO
from pipelines.operator_settings import operator_settings
from pipelines.settings import data_paths


def _gates_refused_nothing(stage: Stage) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset_name(stage), name="the_gates_refused_nothing", partitions_def=utc_day_partitions)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return refusals_of(stage, context.partition_keys, CRYPTO.name)

    return check


@dg.asset_check(asset=asset_name(CRYPTO_STAGES[-1]))
def every_followed_underlying_is_visited_and_computed() -> dg.AssetCheckResult:
    """By the lake's own partitions: a run over old days cannot turn this green."""
    paths = data_paths()
    with opened(paths) as lake:
        missing = late_coins(lake, operator_settings(paths).follow, utc_now())
    return dg.AssetCheckResult(passed=not missing, severity=dg.AssetCheckSeverity.ERROR, metadata={"late": missing})


crypto_checks = [
    *(_gates_refused_nothing(stage) for stage in CRYPTO_STAGES),
    every_followed_underlying_is_visited_and_computed,
]
