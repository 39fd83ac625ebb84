"""The one shape that all assets of the lake share: loop over the run's partitions, report what the gates found."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import dagster as dg

from pipelines.daily.gap_ledger import settle, utc_now
from pipelines.lake.catalogue import PartitionKey, Version
from pipelines.lake.export import export_catalogue
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake, opened
from pipelines.markets import MARKETS, US
from pipelines.materialise import bring_up_to_date
from pipelines.settings import data_paths


def materialise(
    context: dg.AssetExecutionContext,
    stage: Stage,
    *,
    market: str = US.name,
    last_day_of: Callable[[date], date] = lambda day: day,
    is_last: bool = False,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Bring one stage up to date for the partitions of the run; those refused are reported, not raised.

    `last_day_of`: up to which day the partition that begins on a day goes. `is_last`: of a run that nobody follows with
    the ledger of gaps.
    """
    days = sorted(date.fromisoformat(key) for key in context.partition_keys)
    with opened(data_paths()) as lake, lake.writing():
        now, last = utc_now(), last_day_of(days[-1])
        until = now if MARKETS[market].is_always_open else None
        [report] = bring_up_to_date(lake, [stage], first=days[0], last=last, market=market, until=until)
        settle(lake, now) if is_last else export_catalogue(lake)
    refused = [f"{key.session_date} {key.part}: {refusal.gate}: {refusal.reason}" for key, refusal in report.refused]
    return dg.MaterializeResult(
        metadata={
            "versions_written": len(report.written),
            "partitions_unchanged": report.unchanged,
            "refused": refused,
        }
    )


def upstream(stage: Stage, stages: Iterable[Stage]) -> list[Stage]:
    """Those whose tables this one reads."""
    read = {*stage.same, *stage.optional, *(item.table for item in stage.earlier)}
    return [other for other in stages if other is not stage and read.intersection(other.outputs)]


def all_upstream(stages: Iterable[Stage], among: Sequence[Stage]) -> list[Stage]:
    """Those of `among` whose tables any of these stages reads, or what is computed of them."""
    found: list[Stage] = []
    waiting = [other for stage in stages for other in upstream(stage, among)]
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.append(stage)
            waiting += upstream(stage, among)
    return found


def _refusals_of(stage: Stage, partition_keys: Sequence[str], market: str) -> dg.AssetCheckResult:
    """What the gates refused in these partitions, as a check result."""
    with opened(data_paths()) as lake:
        rows = lake.catalogue.rows(
            "select session_date, part, gate, reason from refusals"
            " where stage = ? and market = ? and session_date between ? and ?",
            [stage.name, market, min(partition_keys), max(partition_keys)],
        )
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"refused": [f"{r['session_date']} {r['part']}: {r['gate']}: {r['reason']}" for r in rows]},
    )


def gates_refused_nothing(
    stage: Stage, partitions: dg.PartitionsDefinition, *, market: str = US.name, asset: str | None = None
) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset or stage.name, name="the_gates_refused_nothing", partitions_def=partitions)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return _refusals_of(stage, context.partition_keys, market)

    return check


def quality_rows(
    partition_keys: Sequence[str], is_wrong: Callable[[dict[str, Any]], bool], severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    """Every current snapshot of these sessions for which `is_wrong`, named."""
    with opened(data_paths()) as lake:
        rows = current_rows(lake, "snapshot_quality", min(partition_keys), max(partition_keys))
    wrong = [f"{row['underlying']} {row['snapshot_ts']}" for row in rows if is_wrong(row)]
    return dg.AssetCheckResult(
        passed=not wrong, severity=severity, metadata={"snapshots": len(rows), "wrong": wrong[:100]}
    )


def current_rows(lake: Lake, table: str, first: str, last: str) -> list[dict[str, Any]]:
    """Rows of the current versions of market `us` between two sessions."""
    current: dict[PartitionKey, Version] = {}
    for version in lake.catalogue.versions([table], US.name):
        if first <= version.key.session_date.isoformat() <= last:
            present = current.get(version.key)
            current[version.key] = version if present is None else max(present, version, key=lambda v: v.rank)
    return [row for version in current.values() for row in lake.read(version).to_dicts()]
