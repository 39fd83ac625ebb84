"""What must hold in every day of market `crypto`, as sentences. The gates decide inside the write; these report."""

import dagster as dg

from pipelines.daily.freshness import late_coins
from pipelines.daily.gap_ledger import utc_now
from pipelines.defs.crypto.assets import CRYPTO_STAGES, asset_name
from pipelines.defs.partitions import utc_day_partitions
from pipelines.defs.stage_asset import gates_refused_nothing
from pipelines.lake.store import opened
from pipelines.markets import CRYPTO
from pipelines.operator_settings import operator_settings
from pipelines.settings import data_paths


@dg.asset_check(asset=asset_name(CRYPTO_STAGES[-1]))
def every_followed_underlying_is_visited_and_computed() -> dg.AssetCheckResult:
    """By the lake's own partitions: a run over old days cannot turn this green."""
    paths = data_paths()
    with opened(paths) as lake:
        missing = late_coins(lake, operator_settings(paths).follow, utc_now())
    return dg.AssetCheckResult(passed=not missing, severity=dg.AssetCheckSeverity.ERROR, metadata={"late": missing})


crypto_checks = [
    *(
        gates_refused_nothing(stage, utc_day_partitions, market=CRYPTO.name, asset=asset_name(stage))
        for stage in CRYPTO_STAGES
    ),
    every_followed_underlying_is_visited_and_computed,
]
