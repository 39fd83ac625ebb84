"""Publishing: the served file is replaced whole by one that was built and tested beside it, or not at all."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.lake.catalogue import canonical_json
from pipelines.lake.files import sha256_of, sync_directory
from pipelines.lake.steps import step
from pipelines.lake.turn import turn
from pipelines.settings import Paths
from pipelines.warehouse.dbt import DbtError, build
from pipelines.warehouse.marts import export, served
from pipelines.warehouse.project import build_file, exports, input_fingerprints, prepare, project_fingerprint

# Beside schema `main`, which holds the published tables alone.
RECORD = "publication.record"


class PublishError(Exception):
    """Nothing was published; one line says why."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What a published file was made of."""

    inputs: dict[str, str]  # by table that staging reads
    project: str

    @property
    def name(self) -> str:
        return sha256_of(f"{self.project}{canonical_json(self.inputs)}".encode())

    def changed_since(self, held: Fingerprints) -> set[str]:
        """The tables of which a file made of `held` does not hold what one made of these would."""
        return {table for table, _ in self.inputs.items() ^ held.inputs.items()}


@dataclass(frozen=True, slots=True)
class PublishReport:
    is_published: bool
    is_rebuilt: bool  # every mart anew, because the project or the dictionary changed
    seconds: float
    marts: tuple[str, ...]  # Parquet marts written

    @property
    def message(self) -> str:
        if not self.is_published:
            return "nothing to publish: the warehouse already holds the current versions"
        how = "rebuilt" if self.is_rebuilt else "updated"
        return f"warehouse {how} in {self.seconds:.1f} s"


def publish(paths: Paths, *, full_refresh: bool = False) -> PublishReport:
    """Bring the served file to the current versions of the lake. PublishError leaves it as it was."""
    started = time.monotonic()
    paths.build.mkdir(parents=True, exist_ok=True)
    with turn(publish_lock(paths)):
        frames = exports(paths)
        wanted = fingerprints(frames)
        held = recorded(paths)
        is_published = full_refresh or held != wanted
        is_rebuilt = is_published and (full_refresh or held is None or held.project != wanted.project)
        if is_published:
            prepare(paths, frames)
            changed = None if is_rebuilt or held is None else wanted.changed_since(held)
            try:
                build_beside(paths, wanted, changed)
            except DbtError as failure:
                raise PublishError(f"not published, the warehouse is as it was: {failure}") from None
            _replace(paths)
        # After the file, so that a Parquet mart is never ahead of it; repeated when a kill came between.
        written = export(paths, wanted.name)
    return PublishReport(is_published, is_rebuilt, time.monotonic() - started, written)


def fingerprints(frames: Mapping[str, pl.DataFrame]) -> Fingerprints:
    """Of a file built of these exports by the project as it is now."""
    return Fingerprints(input_fingerprints(frames), project_fingerprint())


def recorded(paths: Paths) -> Fingerprints | None:
    """What the served file says it was made of; None for no file or one that says nothing."""
    if not paths.warehouse.exists():
        return None
    with served(paths) as connection:
        try:
            row = connection.execute(f"select inputs, project from {RECORD}").fetchone()
        except (duckdb.CatalogException, duckdb.BinderException):
            return None
    return None if row is None else Fingerprints(json.loads(row[0]), row[1])


def publish_lock(paths: Paths) -> Path:
    return paths.build / "publish.lock"


def build_beside(paths: Paths, wanted: Fingerprints, changed: Collection[str] | None) -> None:
    """A whole, tested file at `build_file(paths)`, with the record of what it was made of; DbtError leaves none.

    `changed`: from the served file, by what rests on these tables; None for a file that is built anew.
    """
    target = build_file(paths)
    for leftover in (target, target.with_name(f"{target.name}.wal")):
        leftover.unlink(missing_ok=True)
    if changed is not None:
        shutil.copyfile(paths.warehouse, target)
    step("publish.copied")
    build(paths, changed)
    with duckdb.connect(str(target)) as connection:
        connection.execute("drop schema if exists staging cascade")
        connection.execute("drop schema if exists intermediate cascade")
        schema, _ = RECORD.split(".")
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create or replace table {RECORD} (inputs varchar, project varchar)")
        # Hashes written out, not bound: DuckDB imports pandas (over a second) to bind a parameter.
        connection.execute(f"insert into {RECORD} values ('{canonical_json(wanted.inputs)}', '{wanted.project}')")
        connection.execute("checkpoint")
    step("publish.built")


def _replace(paths: Paths) -> None:
    source = build_file(paths)
    paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    sync_directory(source)  # a file is opened and synced like a folder
    step("publish.synced")
    source.replace(paths.warehouse)
    sync_directory(paths.warehouse.parent)
    step("publish.replaced")
