"""Is everything still what it was: each file hashed again and held against the catalogue, and nothing looks ahead."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.lake.catalogue import Version
from pipelines.lake.export import catalogue_frames
from pipelines.lake.raw import Sidecar
from pipelines.lake.store import Lake, writer_lock
from pipelines.lake.turn import holder, turn
from pipelines.settings import workers
from pipelines.tables import LAKE_TABLES
from pipelines.upkeep.leftovers import find_leftovers, mappings
from pipelines.upkeep.look_ahead import awaited, walk
from pipelines.upkeep.look_ahead_rows import walk_rows
from pipelines.upkeep.names import place_name, raw_name, raw_path, version_name
from pipelines.warehouse.marts import served
from pipelines.warehouse.project import exports
from pipelines.warehouse.publish import fingerprints, publish_lock, recorded

_VERSION = ("table_name", "market", "session_date", "part", "v")
_FACTS = tuple(name for name, table in LAKE_TABLES.items() if table.is_published)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not what it was."""

    wrong: str  # missing | changed | unreadable | looks ahead
    what: str
    path: str  # relative to the data folder


@dataclass(frozen=True, slots=True)
class Verified:
    raw_objects: int
    partitions: int  # versions whose files were hashed
    pruned: int  # versions without a file, as retention asked
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]  # not as it might be, but nothing is wrong
    leftovers: tuple[str, ...]  # files that no row knows, relative to the data folder


Check = Callable[[], Iterable[Fault]]


def verify(lake: Lake, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Verified:
    """Hash every raw object and every partition file, and hold what was known when against what it was made of.

    `progress`: files done, files in all.
    """
    versions = lake.catalogue.versions_of_all_tables()
    standing = [version for version in versions if not version.is_pruned]
    objects = lake.catalogue.rows("select * from raw_objects order by sha256")
    checks: list[Check] = [lambda row=row: _raw(lake, row) for row in objects]  # type: ignore[misc]
    checks += [lambda sha256=sha256: _mapping(lake, sha256) for sha256 in mappings(lake)]  # type: ignore[misc]
    checks += [
        lambda v=v: _file(lake.paths.root, f"lake/{v.path}", v.output_sha256, version_name(v))  # type: ignore[misc]
        for v in standing
    ]
    faults = [*_catalogue(lake)]
    with ThreadPoolExecutor(workers()) as executor:
        for done, found in enumerate(executor.map(lambda check: list(check()), checks), start=1):
            faults += found
            progress(done, len(checks))
    spoiled = {fault.path for fault in faults}
    ahead, waiting = _look_ahead(lake, [version for version in standing if f"lake/{version.path}" not in spoiled])
    further, notes = _what_follows(lake)
    leftovers = find_leftovers(lake)
    names = [path.relative_to(lake.paths.root).as_posix() for path in (*leftovers.files, *leftovers.raw)]
    return Verified(
        len(objects), len(standing), len(versions) - len(standing), (*faults, *ahead, *further),
        (*waiting, *notes), tuple(names),
    )  # fmt: skip


def _look_ahead(lake: Lake, whole: list[Version]) -> tuple[list[Fault], list[str]]:
    """What says to have been known before what it rests on. `whole`: the versions whose files can be read."""
    found = walk(lake).leaks
    waiting = awaited(lake, found)
    leaks = [*(leak for leak in found if leak not in waiting), *walk_rows(lake, whole)]
    notes = [f"{len(waiting)} versions rest on what later files date otherwise: dealerflow run"] if waiting else []
    return [Fault("looks ahead", str(leak), f"lake/{leak.version.path}") for leak in leaks], notes


def _file(root: Path, path: str, sha256: str, what: str) -> Iterator[Fault]:
    try:
        with (root / path).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                yield Fault("changed", what, path)
    except FileNotFoundError:
        yield Fault("missing", what, path)
    except OSError as error:
        yield Fault("unreadable", f"{what}: {error.strerror}", path)


def _raw(lake: Lake, row: dict[str, Any]) -> Iterator[Fault]:
    yield from _file(lake.paths.root, raw_path(row["sha256"]), row["sha256"], raw_name(row))
    yield from _sidecar(lake, row["sha256"], raw_name(row), Sidecar(**{name: row[name] for name in _sidecar_names()}))


def _mapping(lake: Lake, sha256: str) -> Iterator[Fault]:
    what = "mapping by which a file of its owner's layout is read"
    yield from _file(lake.paths.root, raw_path(sha256), sha256, what)
    yield from _sidecar(lake, sha256, what, None)


def _sidecar_names() -> tuple[str, ...]:
    return tuple(asdict(Sidecar("", "")))


def _sidecar(lake: Lake, sha256: str, what: str, expected: Sidecar | None) -> Iterator[Fault]:
    path = f"{raw_path(sha256)}.json"
    try:
        found = lake.raw.sidecar(sha256)
    except FileNotFoundError:
        yield Fault("missing", f"sidecar of the {what}", path)
    except (OSError, ValueError, TypeError):
        yield Fault("unreadable", f"sidecar of the {what}", path)
    else:
        if expected is not None and found != expected:
            yield Fault("changed", f"sidecar of the {what}", path)


def _catalogue(lake: Lake) -> Iterator[Fault]:
    try:
        told = [row["quick_check"] for row in lake.catalogue.rows("pragma quick_check")]
    except sqlite3.DatabaseError as error:
        told = [str(error)]
    if told != ["ok"]:
        yield Fault("changed", f"the catalogue itself: {told[0]}", _below(lake, lake.paths.catalogue))


def _what_follows(lake: Lake) -> tuple[list[Fault], list[str]]:
    """What is made of the catalogue: its exports, and the served file."""
    if holder(writer_lock(lake.paths)) is not None:
        return [], ["another process is writing: the exports and the served file were not compared"]
    if not lake.paths.exports.exists():
        return [], []
    with turn(publish_lock(lake.paths)):
        truth = catalogue_frames(lake)
        try:
            frames = exports(lake.paths)
        except (pl.exceptions.PolarsError, OSError):
            return [Fault("unreadable", "an export of the catalogue", _below(lake, lake.paths.exports))], []
        faults = list(_versions_that_never_were(frames["partition_versions"], truth["partition_versions"], lake))
        notes = []
        if any(not frame.equals(frames[name]) for name, frame in truth.items()):
            notes.append("the exports are behind the catalogue, as after a killed run: dealerflow run")
        if not lake.paths.warehouse.exists():
            return faults, [*notes, "nothing is published yet: dealerflow run"]
        try:
            if recorded(lake.paths) != fingerprints(frames):
                notes.append("the served file is behind the lake: dealerflow run")
            faults += _served(lake, truth["partition_versions"])
        except duckdb.Error as error:
            told = f"the served file: {str(error).splitlines()[0]}"
            faults.append(Fault("unreadable", told, _below(lake, lake.paths.warehouse)))
        return faults, notes


def _versions_that_never_were(found: pl.DataFrame, truth: pl.DataFrame, lake: Lake) -> Iterator[Fault]:
    for row in found.join(truth, on=[*_VERSION, "output_sha256"], how="anti").iter_rows(named=True):
        name = place_name(*(row[column] for column in _VERSION))
        yield Fault("changed", f"the exports name {name}, as the catalogue does not", _below(lake, lake.paths.exports))


def _served(lake: Lake, truth: pl.DataFrame) -> Iterator[Fault]:
    """The served file holds of every partition the rows of the version that it says it holds."""
    path = _below(lake, lake.paths.warehouse)
    rows = {(table, *place): count for table, *place, count in truth.select(*_VERSION, "row_count").iter_rows()}
    with served(lake.paths) as connection:
        for table in _FACTS:
            held = f"select market, session_date, part, v, count(*) from {table} group by all order by all"
            for *place, count in connection.execute(held).fetchall():
                if rows.get((table, *place)) != count:
                    yield Fault("changed", f"the served file's rows of {place_name(table, *place)}", path)


def _below(lake: Lake, path: Path) -> str:
    return path.relative_to(lake.paths.root).as_posix()
