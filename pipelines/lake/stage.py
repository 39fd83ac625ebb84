"""What a stage is: its inputs as data, its formula as a function, what it is shown and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from pipelines.lake import gates, partitions
from pipelines.lake.catalogue import PartitionKey, Refusal, Sighting, Version, canonical_json
from pipelines.lake.store import LakeFiles
from pipelines.settings import Paths


@dataclass(frozen=True, slots=True)
class Earlier:
    """Partitions of earlier dates that a stage may read: the newest `count` with rows, of its part or a named one."""

    table: str
    count: int
    part: str | None = None
    has_all_versions: bool = False  # also the restated ones: the stage picks what was known at its snapshot


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage sees of the world at one moment."""

    lake: LakeFiles
    key: PartitionKey
    known_at: datetime
    same: dict[str, Version]  # optional ones where there are any
    earlier: dict[str, list[Version]]  # oldest first
    sightings: list[Sighting]  # of this partition, in order of known_at
    earlier_sightings: list[Sighting]  # of the same part on earlier dates

    @property
    def versions(self) -> list[Version]:
        return [*self.same.values(), *(v for group in self.earlier.values() for v in group)]

    @property
    def is_pruned(self) -> bool:
        """Whether something that it was made of cannot be read any more."""
        return any(version.is_pruned for version in self.versions)

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows of the same partition; none where an optional table has no such partition."""
        if table not in self.same:
            frame = partitions.empty(table)
            return frame if columns is None else frame.select(columns)
        return self.lake.read(self.same[table], columns)

    @property
    def _all_sightings(self) -> list[Sighting]:
        return [*self.sightings, *self.earlier_sightings]

    def fingerprint_parts(self) -> list[tuple[str, str, str, str]]:
        named = [(v.table, str(v.key.session_date), v.key.part, v.output_sha256) for v in self.versions]
        seen = [("raw", s.raw_sha256, str(s.known_at), s.detail) for s in self._all_sightings]
        return named + seen

    def names(self) -> str:
        """The inputs for the catalogue: partition versions and raw objects."""
        return canonical_json(
            [
                {"table": v.table, "session_date": v.key.session_date, "part": v.key.part, "v": v.v}
                for v in self.versions
            ]
            + [{"raw": sha256} for sha256 in dict.fromkeys(s.raw_sha256 for s in self._all_sightings)]
        )  # fmt: skip

    def newest_basis(self) -> str:
        """The basis of the latest thing known, which is what makes the result known."""
        bases = [(v.known_at, v.known_at_basis) for v in self.same.values()]
        bases += [(v.known_at, v.known_at_basis) for group in self.earlier.values() for v in group]
        bases += [(s.known_at, s.known_at_basis) for s in self.sightings]
        return max(bases)[1]


@dataclass(frozen=True, slots=True)
class Output:
    """What a stage makes of its inputs: frames by table, balanced accounts, and what it refused on the way."""

    frames: dict[str, pl.DataFrame]
    accounting: gates.Accounting = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another method for those partitions of a stage that it concerns, where the operator asks for it."""

    method_version: str
    compute: Callable[[Inputs], Output]
    is_asked: Callable[[Paths], bool]
    concerns: Callable[[PartitionKey], bool]


@dataclass(frozen=True, slots=True)
class Stage:
    """One arrow of the lake: its inputs as data, its formula as a function."""

    name: str
    method_version: str
    outputs: tuple[str, ...]  # an empty one is still an answer, which later stages must hear
    compute: Callable[[Inputs], Output]
    by_products: tuple[str, ...] = ()  # tables that need no version while they are empty
    sources: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()  # tables of the same partition that are read where there are any
    earlier: tuple[Earlier, ...] = ()
    earlier_sighting_dates: int = 0
    resolve: Callable[[list[Sighting]], list[Sighting]] = list  # the feed's rule for known_at among its sightings
    alternative: Alternative | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Everything it writes."""
        return self.outputs + self.by_products

    @property
    def is_sequential(self) -> bool:
        """A stage that reads its own earlier partitions goes session by session."""
        return any(item.table in self.outputs for item in self.earlier)

    def as_asked(self, paths: Paths) -> Callable[[PartitionKey], Stage]:
        """The stage for each partition, as the operator of the data folder asks for it now."""
        other = self.alternative
        if other is None or not other.is_asked(paths):
            return lambda _key: self
        chosen = replace(self, method_version=other.method_version, compute=other.compute, alternative=None)
        return lambda key: chosen if other.concerns(key) else self
