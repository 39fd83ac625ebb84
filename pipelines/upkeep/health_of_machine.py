"""The state of the data folder and of the machine: who is at work, what is behind, what is full."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from pipelines.lake.catalogue import PartitionKey, Version
from pipelines.lake.export import catalogue_frames
from pipelines.lake.store import Lake, writer_lock
from pipelines.lake.turn import LakeBusy, holder, turn
from pipelines.markets import MARKETS
from pipelines.operator_settings import operator_settings
from pipelines.tables import LAKE_TABLES
from pipelines.upkeep.findings import Finding
from pipelines.upkeep.leftovers import find_leftovers
from pipelines.upkeep.names import size
from pipelines.upkeep.prune import unfinished_builds
from pipelines.upkeep.rebuild import rebuild_lock
from pipelines.warehouse.project import exports
from pipelines.warehouse.publish import fingerprints, publish_lock, recorded

LEAST_FREE_BYTES = 2**30
MOST_SUPERSEDED_BYTES = 2**30
_PROGRAMS = ("dealerflow", "polars", "duckdb", "dbt-core", "dagster")


def at_work(lake: Lake, _now: datetime) -> Iterator[Finding]:
    locks = {"writing": writer_lock(lake.paths), "publishing": publish_lock(lake.paths)}
    for what, lock in (locks | {"rebuilding": rebuild_lock(lake.paths)}).items():
        if (who := holder(lock)) is not None:
            yield Finding("watch", f"{what} now: pid {who}", "wait for it, or end that process")
    unfinished = [] if holder(publish_lock(lake.paths)) else list(unfinished_builds(lake.paths))
    left = find_leftovers(lake)
    if left.files or unfinished:
        count = len(left.files) + len(unfinished)
        yield Finding("watch", f"{count} files that killed runs left, or one that is at work", "dealerflow prune")
    if left.raw:
        yield Finding("fine", f"{len(left.raw)} raw objects of loads that were refused or killed are kept")


def behind(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Exports and served file against the catalogue, while nobody is changing them."""
    if holder(writer_lock(lake.paths)) is not None or not lake.catalogue.versions_of_all_tables():
        return
    frames = exports(lake.paths)
    if any(not frame.equals(frames[name]) for name, frame in catalogue_frames(lake).items()):
        yield Finding("wrong", "the exports are behind the catalogue, as after a killed run", "dealerflow run")
    elif not lake.paths.warehouse.exists():
        yield Finding("wrong", "nothing is published", "dealerflow run")
    else:
        try:
            with turn(publish_lock(lake.paths), patience_seconds=0):
                is_behind = recorded(lake.paths) != fingerprints(frames)
        except LakeBusy:
            return
        except duckdb.Error as error:
            told = str(error).splitlines()[0]
            do = f"remove {lake.paths.warehouse} and dealerflow run: it is made anew from the lake"
            yield Finding("wrong", f"the served file cannot be read: {told}", do)
            return
        if is_behind:
            yield Finding("wrong", "the served file is behind the lake", "dealerflow run")


def disk(lake: Lake, _now: datetime) -> Iterator[Finding]:
    rooms = {room.name: used(room) for room in sorted(lake.paths.root.iterdir()) if room.is_dir()}
    free = shutil.disk_usage(lake.paths.root).free
    told = ", ".join(f"{name} {size(count)}" for name, count in rooms.items())
    yield Finding("fine", f"{told}; {size(free)} free")
    # A publish copies the served file and lets it grow.
    wanted = LEAST_FREE_BYTES + 2 * (lake.paths.warehouse.stat().st_size if lake.paths.warehouse.exists() else 0)
    if free < wanted:
        yield Finding("wrong", f"{size(free)} free, where a publish may need {size(wanted)}", "make room")


def superseded(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """What an hourly market leaves behind: each day is written up to 24 times, and nothing goes by itself."""
    if operator_settings(lake.paths).retention.superseded_days is not None:
        return
    count = sum(path.stat().st_size for path in _superseded_files(lake) if path.exists())
    if count > MOST_SUPERSEDED_BYTES:
        do = "dealerflow.toml: [retention] superseded_days = 7; then dealerflow prune"
        yield Finding("watch", f"superseded versions of hourly markets take {size(count)}", do)


def _superseded_files(lake: Lake) -> Iterator[Path]:
    for market in MARKETS.values():
        versions = lake.catalogue.versions(LAKE_TABLES, market.name) if market.is_always_open else []
        current: dict[tuple[str, PartitionKey], Version] = {}
        for one in versions:
            place = (one.table, one.key)
            current[place] = max(current.get(place, one), one, key=lambda v: v.rank)
        for one in versions:
            if not one.is_pruned and one != current[one.table, one.key]:
                yield lake.paths.lake / one.path


def used(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def programs(_lake: Lake, _now: datetime) -> Iterator[Finding]:
    told = [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PROGRAMS)]
    yield Finding("fine", ", ".join(told))
