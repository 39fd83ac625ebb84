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
        tables = {*stage.tables, *stage.same, *stage.optional, *(item.table for item in stage.earlier)}
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
        """What a stage may read of earlier dates at a moment, oldest first."""
        found: list[list[Version]] = []
        for day in self._dates_before(item, key):
            place = PartitionKey(key.market, day, item.part or key.part)
            version = self.as_known(item.table, place, known_at)
            if version is not None and version.row_count:
                all_known = (v for v in self.versions[item.table, place] if v.known_at <= known_at)
                found.append(sorted(all_known, key=lambda v: v.rank) if item.has_all_versions else [version])
            if len(found) == item.count:
                break
        return [version for group in found[::-1] for version in group]

    def history(self, item: Earlier, key: PartitionKey, since: datetime) -> Iterator[Version]:
        """All versions of the earlier partitions that are in reach at any moment from `since` on."""
        reached = 0
        for day in self._dates_before(item, key):
            versions = self.versions[item.table, PartitionKey(key.market, day, item.part or key.part)]
            yield from versions
            # Before a date has rows those before it are in reach.
            known = max((v for v in versions if v.known_at <= since), key=lambda v: v.rank, default=None)
            has_rows = known is not None and known.row_count > 0
            reached += has_rows and all(v.row_count for v in versions if v.known_at > since)
            if reached == item.count:
                break

    def _dates_before(self, item: Earlier, key: PartitionKey) -> Iterator[date]:
        """The newest first."""
        dates = self.dates.get((item.table, item.part or key.part), [])
        return reversed(dates[: bisect_left(dates, key.session_date)])

    def earlier_sightings(self, key: PartitionKey, dates_back: int, known_at: datetime) -> list[Sighting]:
        """Sightings of the same part known by a moment, of the newest earlier dates that have any, oldest first."""
        found: list[list[Sighting]] = []
        for day in self._sighting_dates_before(key):
            if len(found) == dates_back:
                break
            group = [s for s in self.sightings[PartitionKey(key.market, day, key.part)] if s.known_at <= known_at]
            if group:
                found.append(group)
        return [sighting for group in found[::-1] for sighting in group]

    def sighting_history(self, key: PartitionKey, dates_back: int, since: datetime) -> Iterator[Sighting]:
        """The sightings of earlier dates that are in reach at any moment from `since` on."""
        reached = 0
        for day in self._sighting_dates_before(key):
            if reached == dates_back:
                break
            group = self.sightings[PartitionKey(key.market, day, key.part)]
            yield from group
            reached += any(sighting.known_at <= since for sighting in group)

    def _sighting_dates_before(self, key: PartitionKey) -> Iterator[date]:
        """The newest first."""
        dates = self.sighting_dates.get(key.part, [])
        return reversed(dates[: bisect_left(dates, key.session_date)])
