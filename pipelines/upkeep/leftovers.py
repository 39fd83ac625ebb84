"""Files of the data folder that no row of the catalogue knows: what killed runs and refused loads leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.lake.store import Lake


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Paths in order."""

    files: tuple[Path, ...]  # temporary files, and partition files that were never committed or were pruned
    raw: tuple[Path, ...]  # whole objects of loads that were refused or killed; they are evidence and stay


def find_leftovers(lake: Lake) -> Leftovers:
    """What no row knows now. A run that is under way has some, too."""
    known = {version.path for version in lake.catalogue.versions_of_all_tables() if not version.is_pruned}
    partitions = (
        path
        for path in lake.paths.lake.glob("*/market=*/session_date=*/part=*/*")
        if path.relative_to(lake.paths.lake).as_posix() not in known
    )
    temporary = (path for folder in (lake.paths.exports, lake.paths.marts) for path in folder.glob(".*.tmp"))
    objects = known_objects(lake)
    unknown = [path for path in lake.paths.raw.glob("??/*") if path.name.removesuffix(".json") not in objects]
    torn = (path for path in unknown if path.name.startswith("."))
    whole = (path for path in unknown if not path.name.startswith(".") and path.suffix != ".json")
    return Leftovers(tuple(sorted((*partitions, *temporary, *torn))), tuple(sorted(whole)))


def known_objects(lake: Lake) -> set[str]:
    """Every object that a row names: what was landed, and the mappings by which it is read."""
    return {row["sha256"] for row in lake.catalogue.rows("select sha256 from raw_objects")} | set(mappings(lake))


def mappings(lake: Lake) -> Iterator[str]:
    named = "select distinct json_extract(detail, '$.mapping') as sha256 from sightings"
    return (row["sha256"] for row in lake.catalogue.rows(named) if row["sha256"])
