"""Whether the newest sessions are there. By the lake's own partitions: a run over old days cannot turn these green."""

from __future__ import annotations

import dagster as dg

from pipelines.daily.freshness import late
from pipelines.daily.gap_ledger import current_gaps, utc_now
from pipelines.lake.store import opened
from pipelines.operator_settings import operator_settings
from pipelines.settings import data_paths

_NAMED = 100


@dg.asset_check(asset="warehouse")
def the_newest_due_session_of_every_followed_feed_is_computed() -> dg.AssetCheckResult:
    paths = data_paths()
    with opened(paths) as lake:
        missing = late(lake, operator_settings(paths).follow, utc_now())
    return dg.AssetCheckResult(
        passed=not missing, severity=dg.AssetCheckSeverity.ERROR, metadata={"late": missing[:_NAMED]}
    )


@dg.asset_check(asset="warehouse")
def no_session_that_was_due_is_missing() -> dg.AssetCheckResult:
    """`dealerflow gaps` says what to do."""
    paths = data_paths()
    with opened(paths) as lake:
        gaps = current_gaps(lake, operator_settings(paths).follow, utc_now())
    is_open = [f"{gap.source} {gap.part} {gap.session_date}" for gap in gaps if gap.status != "filled"]
    return dg.AssetCheckResult(
        passed=not is_open,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"open": len(is_open), "gaps": is_open[:_NAMED]},
    )


freshness_checks = [
    the_newest_due_session_of_every_followed_feed_is_computed,
    no_session_that_was_due_is_missing,
]
