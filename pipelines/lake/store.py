"""One opened lake: its folders, its catalogue, its raw objects, and who may write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path

import polars as pl

from pipelines.lake import partitions
from pipelines.lake.catalogue import Catalogue, Version
from pipelines.lake.raw import RawStore
from pipelines.lake.turn import PATIENCE_SECONDS, turn
from pipelines.settings import PROJECT, Paths


class LakeFiles:
    """What a stage reads of a lake: its files, not its catalogue. Equal for the same folders."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.raw = RawStore(paths.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LakeFiles) and other.paths == self.paths

    def __hash__(self) -> int:
        return hash(self.paths)

    def __reduce__(self) -> tuple[type[LakeFiles], tuple[Paths]]:
        """Another process gets the files alone."""
        return LakeFiles, (self.paths,)

    def read(self, of: Version, columns: list[str] | None = None) -> pl.DataFrame:
        return partitions.read(self.paths.lake, of, columns)

    def read_small(self, of: Version, columns: tuple[str, ...]) -> pl.DataFrame:
        """Like `read`, remembered: for columns of earlier partitions that session after session asks for again."""
        return _remembered(self.paths.lake, of, columns)


class Lake(LakeFiles):
    """One opened lake: files and catalogue."""

    def __init__(self, paths: Paths) -> None:
        super().__init__(paths)
        self.catalogue = Catalogue(paths.catalogue)

    def close(self) -> None:
        self.catalogue.close()

    @cached_property
    def code_version(self) -> str:
        """Recorded with every version, never compared."""
        release = version("dealerflow")
        described = subprocess.run(
            ["git", "-C", str(PROJECT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
        )
        return f"{release}+{described.stdout.strip()}" if described.returncode == 0 else release

    @contextmanager
    def writing(self, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
        """Held by whoever lands files or derives partitions; a second writer waits.

        What decides what is written is read inside, for until then another process may change it.
        """
        with turn(writer_lock(self.paths), patience_seconds=patience_seconds):
            yield


def writer_lock(paths: Paths) -> Path:
    return paths.lake / "_writer.lock"


@lru_cache(maxsize=2048)
def _remembered(lake: Path, of: Version, columns: tuple[str, ...]) -> pl.DataFrame:
    return partitions.read(lake, of, list(columns))


@contextmanager
def opened(paths: Paths) -> Iterator[Lake]:
    lake = Lake(paths)
    try:
        yield lake
    finally:
        lake.close()
