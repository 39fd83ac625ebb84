"""The replay: which partitions a stage owes, from what, and what becomes of the result.

For one partition the *events* are the moments at which anything it is made of became known. At each event the inputs
are resolved as they were known then, so that versions come out the same in whatever order files were loaded.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from pipelines.lake import gates, partitions
from pipelines.lake.catalogue import PartitionKey, Refusal, Sighting, Version, canonical_json
from pipelines.lake.files import sha256_of
from pipelines.lake.steps import step
from pipelines.lake.store import Lake
from pipelines.tables import TABLES

MOST_WAITING = 8  # results held in memory at once


@dataclass(frozen=True, slots=True)
class Earlier:
    """Partitions of earlier dates that a stage may read: the newest `count`, of the same part or of a named one."""

    table: str
    count: int
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage sees of the world at one moment."""

    lake: Lake
    key: PartitionKey
    known_at: datetime
    same: dict[str, Version]
    earlier: dict[str, list[Version]]  # oldest first
    sightings: list[Sighting]  # of this partition, in order of known_at
    earlier_sightings: list[Sighting]  # of the same part on earlier dates

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        return self.lake.read(self.same[table], columns)

    def fingerprint_parts(self) -> list[tuple[str, str, str, str]]:
        versions = [*self.same.values(), *(v for group in self.earlier.values() for v in group)]
        named = [(v.table, str(v.key.session_date), v.key.part, v.output_sha256) for v in versions]
        seen = [("raw", s.raw_sha256, str(s.known_at), s.detail) for s in [*self.sightings, *self.earlier_sightings]]
        return named + seen

    def names(self) -> str:
        """The inputs for the catalogue: partition versions and raw objects."""
        versions = [*self.same.values(), *(v for group in self.earlier.values() for v in group)]
        return canonical_json(
            [
                {"table": v.table, "session_date": v.key.session_date, "part": v.key.part, "v": v.v}
                for v in versions
            ]
            + [{"raw": s.raw_sha256} for s in [*self.sightings, *self.earlier_sightings]]
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
class Stage:
    """One arrow of the lake: its inputs as data, its formula as a function."""

    name: str
    method_version: str
    outputs: tuple[str, ...]
    compute: Callable[[Inputs], Output]
    sources: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    earlier_sighting_dates: int = 0
    resolve: Callable[[list[Sighting]], list[Sighting]] = list  # the feed's rule for known_at among its sightings

    @property
    def is_sequential(self) -> bool:
        """A stage that reads its own earlier partitions goes session by session."""
        return any(item.table in self.outputs for item in self.earlier)


@dataclass(slots=True)
class StageReport:
    stage: str
    written: list[Version] = field(default_factory=list)
    unchanged: int = 0
    refused: list[tuple[PartitionKey, Refusal]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Task:
    key: PartitionKey
    known_at: datetime
    inputs: Inputs | None  # None: everything it rested on has moved elsewhere
    fingerprint: str
    future: Future[_Computed | gates.GateRefused]


@dataclass(frozen=True, slots=True)
class _Computed:
    """An output that passed the gates, with the bytes of its files."""

    output: Output
    encoded: dict[str, bytes]


class _Index:
    """The versions of the tables a stage touches, and its sightings, in memory."""

    def __init__(self, lake: Lake, stage: Stage, market: str) -> None:
        self.versions: dict[tuple[str, PartitionKey], list[Version]] = {}
        self.dates: dict[tuple[str, str], list[date]] = {}
        tables = {*stage.outputs, *stage.same, *(item.table for item in stage.earlier)}
        for version in lake.catalogue.versions(tables, market):
            self.add(version)
        self.sightings: dict[PartitionKey, list[Sighting]] = {}
        self.sighting_dates: dict[str, list[date]] = {}
        for sighting in lake.catalogue.sightings(stage.sources, market) if stage.sources else []:
            if sighting.key not in self.sightings:
                insort(self.sighting_dates.setdefault(sighting.key.part, []), sighting.key.session_date)
            self.sightings.setdefault(sighting.key, []).append(sighting)
        self.sightings = {key: stage.resolve(group) for key, group in self.sightings.items()}

    def add(self, version: Version) -> None:
        place = (version.table, version.key)
        if place not in self.versions:
            insort(self.dates.setdefault((version.table, version.key.part), []), version.key.session_date)
        self.versions.setdefault(place, []).append(version)

    def as_known(self, table: str, key: PartitionKey, known_at: datetime) -> Version | None:
        known = [v for v in self.versions.get((table, key), ()) if v.known_at <= known_at]
        return max(known, key=lambda v: v.rank, default=None)

    def earlier(self, item: Earlier, key: PartitionKey, known_at: datetime) -> list[Version]:
        part = item.part or key.part
        dates = self.dates.get((item.table, part), [])
        found: list[Version] = []
        for day in reversed(dates[: bisect_left(dates, key.session_date)]):
            version = self.as_known(item.table, PartitionKey(key.market, day, part), known_at)
            if version is not None and version.row_count:
                found.append(version)
            if len(found) == item.count:
                break
        return found[::-1]

    def earlier_sightings(self, key: PartitionKey, dates_back: int) -> list[Sighting]:
        dates = self.sighting_dates.get(key.part, [])
        place = bisect_left(dates, key.session_date)
        return [
            sighting
            for day in dates[max(0, place - dates_back) : place]
            for sighting in self.sightings[PartitionKey(key.market, day, key.part)]
        ]


class Replay:
    """Brings the partitions of one stage up to date."""

    def __init__(self, lake: Lake, stage: Stage, market: str) -> None:
        self._lake, self._stage, self._market = lake, stage, market
        self._index = _Index(lake, stage, market)
        self._done = lake.catalogue.derivations(stage.name, market)
        self.report = StageReport(stage.name)

    def partitions(self, first: date | None = None, last: date | None = None) -> list[PartitionKey]:
        """Every partition the stage owes or once wrote, in order of session and part."""
        keys = set(self._index.sightings)
        for (table, key), versions in self._index.versions.items():
            if table in self._stage.same or any(v.stage == self._stage.name for v in versions):
                keys.add(key)
        return sorted(
            key
            for key in keys
            if (first is None or key.session_date >= first) and (last is None or key.session_date <= last)
        )

    def _own(self, key: PartitionKey) -> list[Version]:
        versions = (v for table in self._stage.outputs for v in self._index.versions.get((table, key), ()))
        return [v for v in versions if v.stage == self._stage.name]

    def _events(self, key: PartitionKey) -> list[datetime]:
        """When anything this partition is made of became known, from the first moment it can exist."""
        primary = {v.known_at for table in self._stage.same for v in self._index.versions.get((table, key), ())}
        primary |= {s.known_at for s in self._index.sightings.get(key, ())}
        primary |= {v.known_at for v in self._own(key)}
        if not primary:
            return []
        side = {v.known_at for item in self._stage.earlier for v in self._history(item, key)}
        side |= {s.known_at for s in self._index.earlier_sightings(key, self._stage.earlier_sighting_dates)}
        return sorted(primary | {known_at for known_at in side if known_at > min(primary)})

    def _history(self, item: Earlier, key: PartitionKey) -> Iterator[Version]:
        """All versions of the earlier partitions in reach, whenever they became known."""
        part = item.part or key.part
        dates = self._index.dates.get((item.table, part), [])
        place = bisect_left(dates, key.session_date)
        for day in dates[max(0, place - item.count) : place]:
            yield from self._index.versions[(item.table, PartitionKey(key.market, day, part))]

    def _inputs(self, key: PartitionKey, known_at: datetime) -> Inputs | None:
        """None while something that the stage needs is not known yet."""
        same = {table: self._index.as_known(table, key, known_at) for table in self._stage.same}
        sightings = [s for s in self._index.sightings.get(key, ()) if s.known_at <= known_at]
        if any(version is None for version in same.values()) or (self._stage.sources and not sightings):
            return None
        before = self._index.earlier_sightings(key, self._stage.earlier_sighting_dates)
        return Inputs(
            self._lake,
            key,
            known_at,
            {table: version for table, version in same.items() if version is not None},
            {item.table: self._index.earlier(item, key, known_at) for item in self._stage.earlier},
            sightings,
            [s for s in before if s.known_at <= known_at],
        )

    def _fingerprint(self, inputs: Inputs | None) -> str:
        parts = inputs.fingerprint_parts() if inputs else "withdrawn"
        return sha256_of(canonical_json([self._stage.method_version, parts]).encode())

    def owed(self, key: PartitionKey) -> list[tuple[datetime, Inputs | None, str]]:
        """The events of a partition whose conclusion is missing or rests on other inputs."""
        tasks = []
        for known_at in self._events(key):
            inputs = self._inputs(key, known_at)
            if inputs is None and not self._own(key):
                continue
            fingerprint = self._fingerprint(inputs)
            if self._done.get((key, known_at)) != fingerprint:
                tasks.append((known_at, inputs, fingerprint))
        return tasks

    def run(self, keys: Iterable[PartitionKey], executor: Executor, advance: Callable[[], None]) -> StageReport:
        """Compute what is owed, in order; independent partitions fan out over the executor. `advance`: one key done."""
        waiting: list[_Task] = []

        def conclude_oldest() -> None:
            task = waiting.pop(0)
            self._conclude(task)
            if not any(other.key == task.key for other in waiting):
                advance()

        for key in keys:
            # A sequential stage reads what it wrote for the same part before; other parts may go on meanwhile.
            while self._stage.is_sequential and any(task.key.part == key.part for task in waiting):
                conclude_oldest()
            owed = self.owed(key)
            if not owed:
                advance()
            for known_at, inputs, fingerprint in owed:
                waiting.append(_Task(key, known_at, inputs, fingerprint, executor.submit(self._compute, inputs)))
                while len(waiting) > MOST_WAITING:
                    conclude_oldest()
        while waiting:
            conclude_oldest()
        return self.report

    def _compute(self, inputs: Inputs | None) -> _Computed | gates.GateRefused:
        """Runs in a worker. A refusal is a result; anything else unforeseen is recorded as the gate `error`."""
        try:
            if inputs is None or (inputs.same and all(v.row_count == 0 for v in inputs.same.values())):
                output = Output({table: partitions.empty(table) for table in self._stage.outputs})
            else:
                output = self._stage.compute(inputs)
            gates.check_conservation(output.accounting)
            for table in self._stage.outputs:
                gates.check_frame(TABLES[table], output.frames[table])
            return _Computed(output, {table: partitions.encode(output.frames[table]) for table in self._stage.outputs})
        except gates.GateRefused as refused:
            return refused
        except Exception as error:  # noqa: BLE001 - one bad partition must not stop the others; the exit code tells
            return gates.GateRefused("error", f"{type(error).__name__}: {error}".splitlines()[0])

    def _conclude(self, task: _Task) -> None:
        """Write what changed and commit everything about this event at once."""
        key, known_at, inputs, fingerprint = task.key, task.known_at, task.inputs, task.fingerprint
        result = task.future.result()
        if isinstance(result, gates.GateRefused):
            refusals, fresh = [Refusal(result.gate, result.reason)], []
            fingerprint = "" if result.gate == "error" else fingerprint  # an error is tried again next time
        else:
            refusals = result.output.refusals
            fresh = [v for t in self._stage.outputs if (v := self._write(t, key, known_at, inputs, result)) is not None]
        outcome = "refused" if refusals and not fresh else "written" if fresh else "identical"
        with self._lake.catalogue.transaction():
            for version, facts in fresh:
                self._lake.catalogue.add_version(version, **facts)
            self._lake.catalogue.record_derivation(self._stage.name, key, known_at, fingerprint, outcome, refusals)
        step("catalogue.committed")
        for version, _ in fresh:
            self._index.add(version)
            self.report.written.append(version)
        self.report.refused += [(key, refusal) for refusal in refusals]
        self.report.unchanged += not fresh and not refusals

    def _write(
        self, table: str, key: PartitionKey, known_at: datetime, inputs: Inputs | None, computed: _Computed
    ) -> tuple[Version, dict[str, str]] | None:
        """The new version, or None where the partition as known then already says the same."""
        frame, data = computed.output.frames[table], computed.encoded[table]
        sha256 = sha256_of(data)
        present = self._index.as_known(table, key, known_at)
        if present.output_sha256 == sha256 if present else frame.is_empty():
            return None
        v = max((old.v for old in self._index.versions.get((table, key), ())), default=0) + 1
        path = partitions.relative_path(table, key, v)
        partitions.write(self._lake.paths.lake, path, data)
        basis = inputs.newest_basis() if inputs else present.known_at_basis if present else "header_clock"
        version = Version(table, key, v, known_at, basis, sha256, frame.height, path, self._stage.name)
        facts = {
            "method_version": self._stage.method_version,
            "code_version": self._lake.code_version,
            "inputs": inputs.names() if inputs else "[]",
            "row_accounting": canonical_json(computed.output.accounting),
        }
        return version, facts
