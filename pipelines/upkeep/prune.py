"""What may go: leftovers, old records of runs, and, where the operator declares it, versions long superseded.

Raw objects never go, nor what was read from them, nor anything from which a current version was made. Of a market that
is written every hour, what was read may go as well: each later version of a day holds what the earlier ones held. The
row of a version that goes stays, and says when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.lake.catalogue import PartitionKey, Version
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake
from pipelines.lake.turn import turn
from pipelines.markets import MARKETS
from pipelines.operator_settings import Retention
from pipelines.settings import Paths
from pipelines.stages.spine import SPINES
from pipelines.upkeep import dagster_runs
from pipelines.upkeep.leftovers import find_leftovers
from pipelines.upkeep.rebuild import rebuild_lock
from pipelines.warehouse.publish import publish_lock

LEFTOVER_AFTER = timedelta(days=1)  # younger ones may belong to somebody who is at work
_Ref = tuple[str, PartitionKey, int]

STANDS_IN_HISTORY = "key_levels"  # of sessions: bars are told beside the levels that stood then, superseded ones too


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes."""

    leftovers: tuple[Path, ...]
    versions: tuple[Version, ...]
    runs: tuple[str, ...]  # of Dagster
    bytes_freed: int


def prune(lake: Lake, retention: Retention, now: datetime, *, is_dry_run: bool = False) -> Plan:
    """Remove it, or only say what would go. Waits for whoever writes, publishes or rebuilds."""
    if is_dry_run:
        return plan(lake, retention, now)
    with ExitStack() as held:
        held.enter_context(lake.writing())
        for lock in (publish_lock(lake.paths), rebuild_lock(lake.paths)):
            held.enter_context(turn(lock))
        going = plan(lake, retention, now)
        # The row first: a kill in between leaves a file that no row needs, never a row that misses its file.
        lake.catalogue.mark_pruned(going.versions, now)
        for path in (*going.leftovers, *(lake.paths.lake / version.path for version in going.versions)):
            path.unlink(missing_ok=True)
        dagster_runs.delete(lake.paths, going.runs)
        export_catalogue(lake)  # always: a call that was killed may have marked versions and told nobody
    return going


def plan(lake: Lake, retention: Retention, now: datetime) -> Plan:
    """What may go at `now` (UTC)."""
    old = now - LEFTOVER_AFTER
    leftovers = [path for path in _leftovers(lake) if (when := _written(path)) is not None and when < old]
    versions: list[Version] = []
    if retention.superseded_days is not None:
        versions = superseded(lake, now - timedelta(days=retention.superseded_days))
    files = [*leftovers, *(lake.paths.lake / version.path for version in versions)]
    return Plan(
        tuple(leftovers),
        tuple(versions),
        tuple(dagster_runs.older_than(lake.paths, now - timedelta(days=retention.dagster_days))),
        sum(map(_size, files)),
    )


def _leftovers(lake: Lake) -> Iterator[Path]:
    yield from find_leftovers(lake).files
    yield from unfinished_builds(lake.paths)


def unfinished_builds(paths: Paths) -> Iterator[Path]:
    """What a killed publish or rebuild leaves; dbt's own files make the next one quicker and stay."""
    for folder in (paths.build, paths.build / "rebuild"):
        for pattern in (f"{paths.warehouse.name}*", f"served/{paths.warehouse.name}*"):
            yield from sorted(folder.glob(pattern))


def superseded(lake: Lake, before: datetime) -> list[Version]:
    """Versions that may go, had ceased to be current by `before`, and that no current version rests on."""
    may_go = {
        (market, stage.name)
        for market, stages in SPINES.items()
        for stage in stages
        if not stage.sources or MARKETS[market].is_always_open
    }
    versions = lake.catalogue.versions_of_all_tables()
    groups: dict[tuple[str, PartitionKey], list[Version]] = {}
    for version in versions:
        groups.setdefault((version.table, version.key), []).append(version)
    needed = _needed(lake, [max(group, key=lambda v: v.rank) for group in groups.values()])
    return [
        version
        for version in versions
        if (version.key.market, version.stage) in may_go
        and not version.is_pruned
        and not (version.table == STANDS_IN_HISTORY and not MARKETS[version.key.market].is_always_open)
        and (version.table, version.key, version.v) not in needed
        and _is_long_superseded(lake, version, groups[version.table, version.key], before)
    ]


def _needed(lake: Lake, current: list[Version]) -> set[_Ref]:
    """The current versions and, however far back, what they were made of."""
    made_of = {
        _ref(row["table_name"], row["market"], row): [
            _ref(one["table"], row["market"], one) for one in json.loads(row["inputs"]) if "table" in one
        ]
        for row in lake.catalogue.rows("select * from partition_versions")
    }
    needed: set[_Ref] = set()
    waiting = [(version.table, version.key, version.v) for version in current]
    while waiting:
        ref = waiting.pop()
        if ref not in needed:
            needed.add(ref)
            waiting += made_of.get(ref, [])
    return needed


def _ref(table: str, market: str, place: dict[str, str]) -> _Ref:
    session = datetime.fromisoformat(place["session_date"]).date()
    return (table, PartitionKey(market, session, place["part"]), int(place["v"]))


def _is_long_superseded(lake: Lake, version: Version, group: list[Version], before: datetime) -> bool:
    """It ceased to be current when the first one that outranks it was written, or when it was written itself."""
    own = _written(lake.paths.lake / version.path)
    others = [_written(lake.paths.lake / other.path) for other in group if other.rank > version.rank]
    after = [when for when in others if when is not None]
    return own is not None and bool(after) and max(own, min(after)) < before


def _written(path: Path) -> datetime | None:
    """By the file itself, in UTC; None where there is none."""
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    return None


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
