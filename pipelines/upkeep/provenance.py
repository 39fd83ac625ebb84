"""From a version back to the files: what each version was made of, down to the vendors' raw objects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pipelines.lake.store import Lake
from pipelines.upkeep.names import place_name, raw_path

_LISTED = 3  # equal branches that are shown one by one


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the tree: something, and what it was made of."""

    kind: str  # table | version | raw | group | code
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    made_of: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One version of one partition."""

    table: str
    market: str
    session_date: str
    part: str
    v: int

    @property
    def name(self) -> str:
        return place_name(self.table, self.market, self.session_date, self.part, self.v)


class Provenance:
    """Walks back through the catalogue. What was told once is only named the next time."""

    def __init__(self, lake: Lake, *, is_all: bool = False) -> None:
        self._lake, self._is_all = lake, is_all
        self._told: set[Place | str] = set()

    def version(self, place: Place) -> Step:
        """The version and, recursively, what it was made of.

        Earlier sessions of the same part are named and not followed: they go back to the first one, each.
        """
        if place in self._told:
            return Step("version", place.name, {"told": "above"})
        self._told.add(place)
        row = self._row(place)
        if row is None:
            return Step("version", place.name, {"unknown": "the catalogue has no such version"})
        inputs = json.loads(row["inputs"])
        versions = [_place(one, place.market) for one in inputs if "table" in one]
        raw = [one["raw"] for one in inputs if "raw" in one]
        here = [one for one in versions if not _is_history(one, place)]
        earlier = [one for one in versions if _is_history(one, place)]
        made_of = [
            *self._compressed([self.version(one) for one in here], "versions"),
            *self._compressed([self._named(one) for one in sorted(earlier)], "earlier versions"),
            *self._raw_objects(raw, place),
        ]
        return Step("version", place.name, _facts(row), tuple(made_of))

    def _row(self, place: Place) -> dict[str, Any] | None:
        found = self._lake.catalogue.rows(
            "select * from partition_versions"
            " where table_name = ? and market = ? and session_date = ? and part = ? and v = ?",
            [place.table, place.market, place.session_date, place.part, place.v],
        )
        return found[0] if found else None

    def _named(self, place: Place) -> Step:
        row = self._row(place) or {}
        facts = {name: row.get(name) for name in ("known_at", "path", "pruned_at") if row.get(name)}
        return Step("version", place.name, {"earlier session": True, **facts})

    def _raw_objects(self, sha256s: Iterable[str], place: Place) -> list[Step]:
        steps = [self.raw(sha256, place) for sha256 in sha256s]
        own = [step for step in steps if "evidence" not in step.facts]
        return [
            *self._compressed(own, "raw objects"),
            *self._compressed([step for step in steps if "evidence" in step.facts], "earlier raw objects"),
        ]

    def raw(self, sha256: str, place: Place | None = None) -> Step:
        """A vendor's object, and whether it is of this session or evidence from an earlier one."""
        rows = self._lake.catalogue.rows("select * from raw_objects where sha256 = ?", [sha256])
        facts: dict[str, Any] = {"sha256": sha256, "path": raw_path(sha256)}
        if not rows:
            return Step("raw", "raw object", {**facts, "unknown": "the catalogue has no such object"})
        if sha256 in self._told:
            return Step("raw", rows[0]["original_name"], {"told": "above"})
        self._told.add(sha256)
        sightings = self._lake.catalogue.sightings_of(sha256)
        if place is not None and all(str(sighting.key.session_date) != place.session_date for sighting in sightings):
            facts["evidence"] = "of an earlier session"
        mapping = next((found for s in sightings if (found := json.loads(s.detail).get("mapping"))), None)
        stated = {name: rows[0][name] for name in ("source", "url", "captured_at", "published_at") if rows[0][name]}
        by = {} if mapping is None else {"read by mapping": raw_path(mapping)}
        return Step("raw", rows[0]["original_name"], {**stated, **facts, **by})

    def _compressed(self, steps: list[Step], what: str) -> list[Step]:
        """Many branches of one kind become one line."""
        found: list[Step] = []
        for head, run in groupby(steps, key=lambda step: (step.kind, step.name.split()[0] * (step.kind == "version"))):
            group = list(run)
            if self._is_all or len(group) <= _LISTED:
                found += group
                continue
            table = f" of {head[1]}" if head[1] else ""
            found.append(Step("group", f"{len(group)} {what}{table}", {"first": group[0].name, "last": group[-1].name}))
        return found


def _place(one: dict[str, Any], market: str) -> Place:
    return Place(one["table"], market, one["session_date"], one["part"], one["v"])


def _is_history(one: Place, of: Place) -> bool:
    return one.part == of.part and one.session_date < of.session_date


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    names = ("known_at", "known_at_basis", "stage", "method_version", "code_version", "row_count", "output_sha256")
    pruned = {"pruned_at": row["pruned_at"]} if row["pruned_at"] else {}
    return {**{name: row[name] for name in names}, "path": f"lake/{row['path']}", **pruned}
