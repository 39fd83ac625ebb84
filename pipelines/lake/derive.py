"""The replay: which partitions a stage owes, from what, and what becomes of the result.

For one partition the *events* are the moments at which anything it is made of became known. At each event the inputs
are resolved as they were known then, so that versions come out the same in whatever order files were loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime

from pipelines.lake import gates, partitions
from pipelines.lake.catalogue import PartitionKey, Refusal, Version, canonical_json
from pipelines.lake.crew import Crew
from pipelines.lake.files import sha256_of
from pipelines.lake.index import Index
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.lake.steps import step
from pipelines.lake.store import Lake
from pipelines.tables import TABLES

_log = logging.getLogger(__name__)
MOST_WAITING = 8  # results held in memory at once


@dataclass(slots=True)
class StageReport:
    stage: str
    written: list[Version] = field(default_factory=list)
    unchanged: int = 0
    refused: list[tuple[PartitionKey, Refusal]] = field(default_factory=list)


_Event = tuple[datetime, Inputs | None, str]  # known_at, inputs (None: all has moved elsewhere), fingerprint


@dataclass(frozen=True, slots=True)
class _Computed:
    """An output that passed the gates, as the bytes of its files."""

    encoded: dict[str, bytes]
    row_counts: dict[str, int]
    accounting: gates.Accounting
    refusals: list[Refusal]
    is_whole: bool  # made of inputs none of which was refused

    def is_answer(self, table: str, stage: Stage) -> bool:
        """Whether no rows at all is what the stage has to say."""
        return self.is_whole and table in stage.outputs


@dataclass(frozen=True, slots=True)
class _Task:
    key: PartitionKey
    events: list[_Event]
    future: Future[list[_Computed | Refusal]]


def compute(stage: Stage, batch: list[Inputs | None]) -> list[_Computed | Refusal]:
    """The results of a partition's events, in order. Runs in a worker, together because later events repeat much."""
    return [_compute(stage, inputs) for inputs in batch]


def _compute(stage: Stage, inputs: Inputs | None) -> _Computed | Refusal:
    """A refusal is a result; anything else unforeseen is recorded as the gate `error`."""
    try:
        if inputs is None or (inputs.same and all(v.row_count == 0 for v in inputs.same.values())):
            output = Output({table: partitions.empty(table) for table in stage.tables})
        else:
            output = stage.compute(inputs)
        gates.check_conservation(output.accounting)
        for table in stage.tables:
            gates.check_frame(TABLES[table], output.frames[table])
        counts = {table: output.frames[table].height for table in stage.tables}
        encoded = {
            table: partitions.encode(output.frames[table]) if count else partitions.encoded_empty(table)
            for table, count in counts.items()
        }
        return _Computed(encoded, counts, output.accounting, output.refusals, bool(inputs) and not output.refusals)
    except gates.GateRefused as refused:
        return Refusal(refused.gate, refused.reason)
    except Exception as error:  # noqa: BLE001 - one bad partition must not stop the others; log and exit code tell
        _log.exception("%s %s", stage.name, inputs.key if inputs else "withdrawn")
        return Refusal("error", f"{type(error).__name__}: {error}".splitlines()[0])


class Replay:
    """Brings the partitions of one stage up to date."""

    def __init__(self, lake: Lake, stage: Stage, market: str, until: datetime | None = None) -> None:
        """`until`: what becomes known only after this instant is left for a later run."""
        self._lake, self._stage, self._market, self._until = lake, stage, market, until
        self._stage_of = stage.as_asked(lake.paths)
        self._index = Index(lake, stage, market)
        self._done = lake.catalogue.derivations(stage.name, market)
        self._concluded: dict[PartitionKey, set[datetime]] = {}
        for key, known_at in self._done:
            self._concluded.setdefault(key, set()).add(known_at)
        self.report = StageReport(stage.name)

    def partitions(self, first: date | None = None, last: date | None = None) -> list[PartitionKey]:
        """Every partition the stage owes or once wrote, in order of session and part."""
        keys = {*self._index.sightings, *self._concluded}
        for (table, key), versions in self._index.versions.items():
            if table in self._stage.same or any(v.stage == self._stage.name for v in versions):
                keys.add(key)
        return sorted(
            key
            for key in keys
            if (first is None or key.session_date >= first) and (last is None or key.session_date <= last)
        )

    def _own(self, key: PartitionKey) -> list[Version]:
        versions = (v for table in self._stage.tables for v in self._index.versions.get((table, key), ()))
        return [v for v in versions if v.stage == self._stage.name]

    def _events(self, key: PartitionKey) -> list[datetime]:
        """When anything this partition is made of became known, from the first moment it can exist."""
        primary = {v.known_at for table in self._stage.same for v in self._index.versions.get((table, key), ())}
        primary |= {s.known_at for s in self._index.sightings.get(key, ())}
        primary |= {v.known_at for v in self._own(key)}
        if not primary:
            return []
        since = min(primary)
        side = {v.known_at for item in self._stage.earlier for v in self._index.history(item, key, since)}
        side |= {v.known_at for table in self._stage.optional for v in self._index.versions.get((table, key), ())}
        dates_back = self._stage.earlier_sighting_dates
        side |= {s.known_at for s in self._index.sighting_history(key, dates_back, since)}
        events = primary | {known_at for known_at in side if known_at > since}
        return sorted(known_at for known_at in events if self._until is None or known_at <= self._until)

    def _inputs(self, key: PartitionKey, known_at: datetime) -> Inputs | None:
        """None while something that the stage needs is not known yet."""
        same = {table: self._index.as_known(table, key, known_at) for table in self._stage.same}
        sightings = [s for s in self._index.sightings.get(key, ()) if s.known_at <= known_at]
        if any(version is None for version in same.values()) or (self._stage.sources and not sightings):
            return None
        same |= {table: self._index.as_known(table, key, known_at) for table in self._stage.optional}
        before = self._index.earlier_sightings(key, self._stage.earlier_sighting_dates, known_at)
        return Inputs(
            self._lake,
            key,
            known_at,
            {table: version for table, version in same.items() if version is not None},
            {item.table: self._index.earlier(item, key, known_at) for item in self._stage.earlier},
            sightings,
            before,
        )

    def _fingerprint(self, key: PartitionKey, inputs: Inputs | None) -> str:
        parts = inputs.fingerprint_parts() if inputs else "withdrawn"
        return sha256_of(canonical_json([self._stage_of(key).method_version, parts]).encode())

    def owed(self, key: PartitionKey) -> list[_Event]:
        """The events of a partition whose conclusion is missing or rests on other inputs. Nothing is written."""
        tasks = []
        for known_at in self._events(key):
            inputs = self._inputs(key, known_at)
            if inputs is None and not self._own(key):
                continue
            if inputs is not None and inputs.is_pruned:
                continue  # this moment was superseded and its files are gone: what stands of it stays
            fingerprint = self._fingerprint(key, inputs)
            if self._done.get((key, known_at)) != fingerprint:
                tasks.append((known_at, inputs, fingerprint))
        return tasks

    def stands_without(self, key: PartitionKey, known_at: datetime, sha256: str) -> bool:
        """Whether what was concluded of a moment last rests on the inputs of now, and these lack an object."""
        inputs = self._inputs(key, known_at)
        is_of_now = inputs is not None and self._done.get((key, known_at)) == self._fingerprint(key, inputs)
        return is_of_now and inputs is not None and sha256 not in inputs.names()

    def _forget_what_no_longer_happened(self, key: PartitionKey) -> None:
        """A page that moved to another session takes its conclusions, and its refusals, with it."""
        concluded = self._concluded.get(key)
        gone = concluded.difference(self._events(key)) if concluded else ()
        if gone:
            with self._lake.catalogue.transaction():
                for known_at in sorted(gone):
                    self._lake.catalogue.forget_derivation(self._stage.name, key, known_at)

    def run(self, keys: Iterable[PartitionKey], crew: Crew, advance: Callable[[], None]) -> StageReport:
        """Compute what is owed, in order; independent partitions fan out over the crew. `advance`: one key is done."""
        waiting: list[_Task] = []

        def conclude_oldest() -> None:
            task = waiting.pop(0)
            for event, result in zip(task.events, task.future.result(), strict=True):
                self._conclude(task.key, event, result)
            advance()

        for key in keys:
            # A sequential stage reads what it wrote for the same part before; other parts may go on meanwhile.
            while self._stage.is_sequential and any(task.key.part == key.part for task in waiting):
                conclude_oldest()
            self._forget_what_no_longer_happened(key)
            owed = self.owed(key)
            if not owed:
                advance()
                continue
            waiting.append(
                _Task(key, owed, crew.submit(compute, self._stage_of(key), [inputs for _, inputs, _ in owed]))
            )
            while len(waiting) > MOST_WAITING:
                conclude_oldest()
        while waiting:
            conclude_oldest()
        return self.report

    def _conclude(self, key: PartitionKey, event: _Event, result: _Computed | Refusal) -> None:
        """Write what changed and commit everything about this event at once."""
        known_at, inputs, fingerprint = event
        if isinstance(result, Refusal):
            refusals, fresh = [result], []
            fingerprint = "" if result.gate == "error" else fingerprint  # an error is tried again next time
        else:
            refusals = result.refusals
            fresh = [v for t in self._stage.tables if (v := self._write(t, key, known_at, inputs, result)) is not None]
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
        data, row_count = computed.encoded[table], computed.row_counts[table]
        sha256 = sha256_of(data)
        present = self._index.as_known(table, key, known_at)
        if present.output_sha256 == sha256 if present else not row_count and not computed.is_answer(table, self._stage):
            return None
        v = max((old.v for old in self._index.versions.get((table, key), ())), default=0) + 1
        path = partitions.relative_path(table, key, v)
        partitions.write(self._lake.paths.lake, path, data)
        basis = inputs.newest_basis() if inputs else present.known_at_basis if present else "header_clock"
        version = Version(table, key, v, known_at, basis, sha256, row_count, path, self._stage.name)
        facts = {
            "method_version": self._stage_of(key).method_version,
            "code_version": self._lake.code_version,
            "inputs": inputs.names() if inputs else "[]",
            "row_accounting": canonical_json(computed.accounting),
        }
        return version, facts
