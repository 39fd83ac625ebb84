"""Does anything say to have been known before that which it rests on: a walk over every version of the lake.

It takes the catalogue's word for what each version was made of, and of each stage only how it counts its sightings.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from pipelines.lake.catalogue import PartitionKey, Sighting, Version
from pipelines.lake.derive import Replay
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake
from pipelines.markets import MARKETS
from pipelines.stages.spine import ALL_STAGES
from pipelines.upkeep.names import place_name, version_name

_Place = tuple[str, str, str, str, int]  # table, market, session, part, v


@dataclass(frozen=True, slots=True)
class Leak:
    """A version that says to have been known earlier than something it rests on."""

    version: Version
    input: str
    by: timedelta | None  # how much earlier; None: nothing tells since when the input was known
    is_of_files: bool = False  # the input is a vendor's object, whose moments further files may move

    def __str__(self) -> str:
        known = "is known since nobody knows when" if self.by is None else f"became known {self.by} later"
        return f"{version_name(self.version)} rests on {self.input}, which {known}"


@dataclass(frozen=True, slots=True)
class Walked:
    leaks: tuple[Leak, ...]
    versions: int
    tables: frozenset[str]


def walk(lake: Lake, stages: Iterable[Stage] = ALL_STAGES) -> Walked:
    """Hold every version of every table against its inputs. Reads the catalogue alone.

    A version that another of the same moment overrules was never shown at any instant: what files say by now of the
    objects that it rests on is not held against it. Neither is an object without which the same came out since: files
    that are loaded later may date it anew.
    """
    versions = lake.catalogue.versions_of_all_tables()
    known_at = {_place_of(version): version.known_at for version in versions}
    newest = {(v.table, v.key, v.known_at): v.v for v in versions}  # in order of v: the last one stands
    by_name = {stage.name: stage for stage in stages}
    moments: dict[tuple[str, str], _Moments] = {}
    named = _inputs(lake)
    leaks: list[Leak] = []
    for version in versions:
        market = version.key.market
        objects, places = _split(named[_place_of(version)])
        for table, session, part, v in places:
            since = known_at.get((table, market, session, part, v))
            leaks += _leak(version, place_name(table, market, session, part, v), since)
        if objects and newest[version.table, version.key, version.known_at] == version.v:
            if (version.stage, market) not in moments:
                moments[version.stage, market] = _Moments(lake, by_name.get(version.stage), market)
            of_stage = moments[version.stage, market]
            for sha256 in objects:
                what, since = of_stage.known_since(version.key, sha256)
                found = list(_leak(version, what, since, is_of_files=True))
                leaks += [] if found and of_stage.stands_without(version, sha256) else found
    return Walked(tuple(leaks), len(versions), frozenset(version.table for version in versions))


def awaited(lake: Lake, leaks: Collection[Leak], stages: Iterable[Stage] = ALL_STAGES) -> set[Leak]:
    """Those that the next run does away with: files that came since date an object otherwise than the run before."""
    found: set[Leak] = set()
    for stage in stages:
        for market in {leak.version.key.market for leak in leaks if _is_awaitable(leak, stage)}:
            replay = Replay(lake, stage, market)
            concluded = lake.catalogue.derivations(stage.name, market)
            for leak in leaks:
                of = leak.version
                if _is_awaitable(leak, stage) and of.key.market == market and (of.key, of.known_at) in concluded:
                    found |= {leak} if any(event[0] == of.known_at for event in replay.owed(of.key)) else set()
    return found


def _is_awaitable(leak: Leak, stage: Stage) -> bool:
    return leak.is_of_files and leak.version.stage == stage.name


def _place_of(version: Version) -> _Place:
    key = version.key
    return version.table, key.market, key.session_date.isoformat(), key.part, version.v


def _inputs(lake: Lake) -> dict[_Place, str]:
    """What each version names as its inputs, as the catalogue has it."""
    rows = lake.catalogue.rows("select table_name, market, session_date, part, v, inputs from partition_versions")
    return {(r["table_name"], r["market"], r["session_date"], r["part"], r["v"]): r["inputs"] for r in rows}


@lru_cache(maxsize=4096)  # the tables of one stage name the same
def _split(inputs: str) -> tuple[tuple[str, ...], tuple[tuple[str, str, str, int], ...]]:
    """Raw objects, and partition versions of the same market."""
    told = json.loads(inputs)
    objects = tuple(one["raw"] for one in told if "raw" in one)
    return objects, tuple((one["table"], one["session_date"], one["part"], one["v"]) for one in told if "table" in one)


def _leak(version: Version, what: str, since: datetime | None, *, is_of_files: bool = False) -> Iterator[Leak]:
    if since is None:
        yield Leak(version, what, None, is_of_files)
    elif since > version.known_at:
        yield Leak(version, what, since - version.known_at, is_of_files)


class _Moments:
    """Since when the objects of a stage were known, by the place for which they are read."""

    def __init__(self, lake: Lake, stage: Stage | None, market: str) -> None:
        """`stage`: None where no stage of this release goes by that name."""
        self._lake, self._stage, self._market = lake, stage, market
        self._raw = {row["sha256"]: row for row in lake.catalogue.rows("select * from raw_objects")}

    def known_since(self, key: PartitionKey, sha256: str) -> tuple[str, datetime | None]:
        """What the object is called, and the earliest moment from which it counts for a place."""
        row = self._raw.get(sha256)
        if row is None:
            return f"an object {sha256[:12]} that the catalogue does not have", None
        moments = [*self._counted.get((key, sha256), ())]
        if self._stage is None or self._stage.earlier_sighting_dates:
            moments += [at for day, at in self._of_part.get((key.part, sha256), ()) if day < key.session_date]
        return row["original_name"], min(moments or self._alone(key, sha256), default=None)

    def stands_without(self, version: Version, sha256: str) -> bool:
        return self._replay is not None and self._replay.stands_without(version.key, version.known_at, sha256)

    @cached_property
    def _replay(self) -> Replay | None:
        return None if self._stage is None else Replay(self._lake, self._stage, self._market)

    @cached_property
    def _counted(self) -> dict[tuple[PartitionKey, str], list[datetime]]:
        """Of all sightings those that count, at the moments which the stage gives them."""
        stage = self._stage
        if stage is None or not stage.sources:
            return {}
        groups: dict[PartitionKey, list[Sighting]] = {}
        for sighting in self._lake.catalogue.sightings(stage.sources, self._market):
            groups.setdefault(sighting.key, []).append(sighting)
        found: dict[tuple[PartitionKey, str], list[datetime]] = {}
        for key, group in groups.items():
            for sighting in stage.resolve(group):
                found.setdefault((key, sighting.raw_sha256), []).append(self._moment(sighting))
        return found

    @cached_property
    def _of_part(self) -> dict[tuple[str, str], list[tuple[date, datetime]]]:
        """The same by part, for objects that are evidence on later dates."""
        found: dict[tuple[str, str], list[tuple[date, datetime]]] = {}
        for (key, sha256), moments in self._counted.items():
            found.setdefault((key.part, sha256), []).extend((key.session_date, at) for at in moments)
        return found

    def _alone(self, key: PartitionKey, sha256: str) -> list[datetime]:
        """The moments of an object that another one of the same content has made superfluous since."""
        is_evidence = self._stage is None or bool(self._stage.earlier_sighting_dates)
        return [
            self._moment(sighting)
            for standing in self._lake.catalogue.sightings_of(sha256)
            if (self._stage is None or standing.source in self._stage.sources)
            and (standing.key.market, standing.key.part) == (key.market, key.part)
            and (standing.key == key or (is_evidence and standing.key.session_date < key.session_date))
            for sighting in (self._stage.resolve([standing]) if self._stage else [standing])
        ]

    def _moment(self, sighting: Sighting) -> datetime:
        """What was captured live was not known before, whatever a sighting says. A bundle of a venue's answers has an
        instant for each of them, its own is that of the last."""
        captured_at = self._raw[sighting.raw_sha256]["captured_at"]
        is_bundle = MARKETS[self._market].is_always_open
        if sighting.known_at_basis != "captured_live" or captured_at is None or is_bundle:
            return sighting.known_at
        return max(sighting.known_at, datetime.fromisoformat(captured_at))
