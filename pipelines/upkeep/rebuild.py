"""A whole warehouse in another file: as it would have been, or with what an earlier method made of the same data.

Built by the same project from stored versions. Nothing is computed anew, and what is served stays as it is.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from pipelines.lake.files import sync_directory
from pipelines.lake.store import Lake
from pipelines.lake.turn import turn
from pipelines.settings import Paths
from pipelines.upkeep.names import place_name
from pipelines.warehouse.dbt import DbtError
from pipelines.warehouse.history import known_then, pruned, with_current
from pipelines.warehouse.project import build_file, exports, prepare
from pipelines.warehouse.publish import build_beside, fingerprints

_PLACE = ["table_name", "market", "session_date", "part"]
# What the other exports hold of an instant: the rows whose instant had come.
_CAME_BY = {
    "load_ledger": pl.coalesce("known_at", "loaded_at"),  # a refused file has no known_at
    "refusals": pl.col("known_at"),
    "gap_ledger": pl.col("due_ts"),
}
Frames = dict[str, pl.DataFrame]


class RebuildError(Exception):
    """Nothing was built; one line says why."""


@dataclass(frozen=True, slots=True)
class RebuildReport:
    file: Path
    versions: int  # partitions whose rows it holds
    left_out: Mapping[str, int]  # by stage: partitions that the named method never made
    seconds: float


def rebuild(
    lake: Lake, target: Path, *, as_known: datetime | None = None, methods: Mapping[str, str] | None = None
) -> RebuildReport:
    """Build `target`, a file that is not there yet. `methods`: stage to the method version whose rows are wanted."""
    started = time.monotonic()
    paths = lake.paths
    _check_target(paths, target)
    aside = replace(paths, work=paths.build / "rebuild")
    with turn(rebuild_lock(paths)):
        frames = exports(paths)
        if as_known is not None:
            frames |= _as_known(frames, as_known)
        chosen, left_out = _by_methods(lake, frames["partition_versions"], methods or {})
        frames["partition_versions"] = chosen
        _check_standing(chosen)
        prepare(aside, frames)
        try:
            build_beside(aside, fingerprints(frames), changed=None)
        except DbtError as failure:
            raise RebuildError(f"{target} is not written: {failure}") from None
        _move(build_file(aside), target)
    held = chosen.filter(pl.col("is_current") & (pl.col("row_count") > 0)).height
    return RebuildReport(target, held, left_out, time.monotonic() - started)


def rebuild_lock(paths: Paths) -> Path:
    return paths.build / "rebuild" / "rebuild.lock"


def _check_target(paths: Paths, target: Path) -> None:
    if target.exists():
        raise RebuildError(f"{target} is there already; name a new file")
    if not target.parent.is_dir():
        raise RebuildError(f"{target.parent} is no folder")
    for folder in (paths.raw, paths.lake, paths.warehouse.parent, paths.marts, paths.build):
        if target.resolve().is_relative_to(folder.resolve()):
            raise RebuildError(f"{folder} holds what is served; name a file elsewhere")


def _as_known(frames: Frames, instant: datetime) -> Frames:
    came = {name: frames[name].filter(when <= instant) for name, when in _CAME_BY.items()}
    return came | {"partition_versions": known_then(frames["partition_versions"], instant)}


def _by_methods(lake: Lake, versions: pl.DataFrame, methods: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """Only the versions that these methods made, of the tables that these stages write."""
    left_out = {}
    for stage, method in methods.items():
        made = [
            (row["table_name"], row["market"], row["session_date"], row["part"], row["v"])
            for row in lake.catalogue.rows("select * from partition_versions where stage = ?", [stage])
        ]
        of_stage = pl.DataFrame(
            made, schema=dict.fromkeys(_PLACE, pl.String()) | {"v": pl.Int64()}, orient="row"
        ).with_columns(pl.col("session_date").str.to_date())
        is_of_stage = versions.join(of_stage, on=[*_PLACE, "v"], how="semi")
        wanted = is_of_stage.filter(pl.col("method_version") == method)
        if wanted.is_empty():
            stored = sorted(set(is_of_stage["method_version"])) or ["none"]
            raise RebuildError(f"no version by {stage} {method}; stored of {stage}: {', '.join(stored)}")
        left_out[stage] = is_of_stage.select(_PLACE).unique().join(wanted, on=_PLACE, how="anti").height
        others = versions.join(of_stage, on=[*_PLACE, "v"], how="anti")
        versions = with_current(pl.concat([others, wanted]).sort(*_PLACE, "v"))
    return versions, left_out


def _check_standing(versions: pl.DataFrame) -> None:
    gone = pruned(versions.filter("is_current"))
    if not gone.is_empty():
        first = place_name(*gone.select(*_PLACE, "v").row(0))
        raise RebuildError(f"{gone.height} versions that it would hold have been pruned, such as {first}")


def _move(source: Path, target: Path) -> None:
    """Whole or not at all, also onto another disk."""
    try:
        os.link(source, target)  # unlike a rename it never replaces a file that came meanwhile
    except FileExistsError:
        raise RebuildError(f"{target} is there already; name a new file") from None
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            raise
        beside = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(source, beside)
        sync_directory(beside)
        beside.replace(target)
    source.unlink()
    sync_directory(target.parent)
