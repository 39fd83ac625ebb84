"""The versions and sightings that one stage touches, held in memory and asked as of a moment."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import date, datetime

from pipelines.lake.catalogue import PartitionKey, Sighting, Version
from pipelines.lake.stage import Earlier, Stage
from pipelines.lake.store import Lake


class Index:
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

    def history(self, item: Earlier, key: PartitionKey) -> Iterator[Version]:
        """All versions of the earlier partitions in reach, whenever they became known."""
        part = item.part or key.part
        dates = self.dates.get((item.table, part), [])
        place = bisect_left(dates, key.session_date)
        for day in dates[max(0, place - item.count) : place]:
            yield from self.versions[item.table, PartitionKey(key.market, day, part)]
