"""The catalogue: one SQLite file, the only place where anything becomes visible.

A raw object, a partition version or a refusal exists when its row is committed here; files without a row are leftovers
of a killed run and are never read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines.lake.turn import turn

SCHEMA = """
create table if not exists raw_objects (
  sha256 text primary key, source text not null, size_bytes integer not null, original_name text not null,
  url text, captured_at text, published_at text);
create table if not exists load_ledger (
  load_id integer primary key, loaded_at text not null, raw_sha256 text, source text, original_name text not null,
  fate text not null, reason text, part text, session_date text, session_basis text, snapshot_ts text, known_at text,
  rows_in integer, rows_landed integer, rows_quarantined integer, rows_duplicate integer);
create table if not exists sightings (
  source text not null, market text not null, part text not null, session_date text not null,
  identity text not null, raw_sha256 text not null references raw_objects, known_at text not null,
  known_at_basis text not null, detail text not null,
  primary key (source, market, part, session_date, raw_sha256));
create index if not exists sightings_by_identity on sightings (source, identity);
create table if not exists partition_versions (
  table_name text not null, market text not null, session_date text not null, part text not null, v integer not null,
  known_at text not null, known_at_basis text not null, stage text not null, method_version text not null,
  code_version text not null, inputs text not null, output_sha256 text not null, row_count integer not null,
  row_accounting text not null, path text not null, pruned_at text,
  primary key (table_name, market, session_date, part, v));
create table if not exists derivations (
  stage text not null, market text not null, session_date text not null, part text not null, known_at text not null,
  fingerprint text not null, outcome text not null,
  primary key (stage, market, session_date, part, known_at));
create table if not exists refusals (
  stage text not null, market text not null, session_date text not null, part text not null, known_at text not null,
  gate text not null, reason text not null,
  primary key (stage, market, session_date, part, known_at, gate, reason));
create table if not exists gaps (
  market text not null, source text not null, part text not null, session_date text not null, due_ts text not null,
  status text not null, reason text,
  primary key (market, source, part, session_date));
"""


_ADDED_SINCE = {"pruned_at"}  # columns of partition_versions that the catalogue of an older release lacks


class CatalogueError(Exception):
    """The catalogue cannot be used; one line says why."""


@dataclass(frozen=True, slots=True, order=True)
class PartitionKey:
    """One place in a table: what arrives together for one session."""

    market: str
    session_date: date
    part: str


@dataclass(frozen=True, slots=True)
class Version:
    """One committed version of a partition."""

    table: str
    key: PartitionKey
    v: int
    known_at: datetime
    known_at_basis: str
    output_sha256: str
    row_count: int
    path: str
    stage: str
    is_pruned: bool = False  # its file is gone, as the operator's retention asked

    @property
    def rank(self) -> tuple[datetime, int]:
        """Current is the greatest: the highest version among those with the greatest known_at."""
        return (self.known_at, self.v)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A raw object seen as the content of one partition."""

    source: str
    key: PartitionKey
    identity: str  # equal for the same content under other clocks
    raw_sha256: str
    known_at: datetime
    known_at_basis: str
    detail: str  # what the source read off the object, as JSON


@dataclass(frozen=True, slots=True)
class Refusal:
    gate: str
    reason: str


def timestamp(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(sep=" ", timespec="microseconds")


class Catalogue:
    """Reads and commits. Writers hold the lake's run lock; readers may come at any time (WAL)."""

    def __init__(self, path: Path) -> None:
        try:
            # Two processes that open a new lake at once would find it locked by the other's first step.
            with turn(path.with_name("_opening.lock"), tell=lambda _: None):
                self._open(path)
        except sqlite3.Error as error:
            raise CatalogueError(f"the catalogue {path} cannot be opened: {error}") from None

    def _open(self, path: Path) -> None:
        # Only the main thread commits; workers compute.
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(SCHEMA)
        held = {row[1] for row in self._db.execute("pragma table_info(partition_versions)")}
        for column in _ADDED_SINCE - held:
            self._db.execute(f"alter table partition_versions add column {column} text")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _insert(self, table: str, row: dict[str, Any], *, on_conflict: str = "abort") -> None:
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        self._db.execute(f"insert or {on_conflict} into {table} ({columns}) values ({marks})", list(row.values()))

    # Raw objects and sightings

    def has_raw(self, sha256: str) -> bool:
        return self._db.execute("select 1 from raw_objects where sha256 = ?", [sha256]).fetchone() is not None

    def add_raw(self, sha256: str, row: dict[str, Any]) -> None:
        self._insert("raw_objects", {"sha256": sha256, **row})

    def add_sighting(self, sighting: Sighting) -> None:
        self._insert(
            "sightings",
            {
                "source": sighting.source,
                "market": sighting.key.market,
                "part": sighting.key.part,
                "session_date": sighting.key.session_date.isoformat(),
                "identity": sighting.identity,
                "raw_sha256": sighting.raw_sha256,
                "known_at": timestamp(sighting.known_at),
                "known_at_basis": sighting.known_at_basis,
                "detail": sighting.detail,
            },
        )

    def drop_sightings(self, raw_sha256: str) -> None:
        """Forget where an object stood (its owner declared another session)."""
        self._db.execute("delete from sightings where raw_sha256 = ?", [raw_sha256])

    def drop_declarations(self, source: str, identity: str) -> None:
        """Forget what an owner declared of this content before: the newest word counts."""
        self._db.execute(
            "delete from sightings where source = ? and identity = ?"
            " and json_extract(detail, '$.session_basis') = 'declared'",
            [source, identity],
        )

    def sightings(self, sources: Iterable[str], market: str) -> list[Sighting]:
        """What counts of all sightings: the same content under several clocks counts once, at its earliest.

        The owner's declaration goes before any clock.
        """
        names = list(sources)
        rows = self._db.execute(
            f"""
            select source, market, session_date, part, identity, raw_sha256, known_at, known_at_basis, detail
            from (select *, row_number() over (
                    partition by source, identity
                    order by json_extract(detail, '$.session_basis') is not 'declared', known_at, raw_sha256) as place
                  from sightings where market = ? and source in ({", ".join("?" * len(names))}))
            where place = 1 order by session_date, part, known_at, raw_sha256
            """,
            [market, *names],
        )
        return [_sighting(row) for row in rows]

    def sightings_of(self, raw_sha256: str) -> list[Sighting]:
        """Where one object stands, whether or not another sighting of its content counts before it."""
        rows = self._db.execute(
            "select source, market, session_date, part, identity, raw_sha256, known_at, known_at_basis, detail"
            " from sightings where raw_sha256 = ? order by session_date, part",
            [raw_sha256],
        )
        return [_sighting(row) for row in rows]

    def rivals(self, sighting: Sighting) -> list[str]:
        """Other contents that the same source gives the same partition at the same moment: names of their files."""
        rows = self._db.execute(
            "select distinct original_name from sightings s join raw_objects r on r.sha256 = s.raw_sha256"
            " where s.source = ? and market = ? and part = ? and session_date = ? and known_at = ? and identity <> ?",
            [
                sighting.source, sighting.key.market, sighting.key.part, sighting.key.session_date.isoformat(),
                timestamp(sighting.known_at), sighting.identity,
            ],
        )  # fmt: skip
        return sorted(name for (name,) in rows)

    def stated_beside(self, sighting: Sighting) -> list[tuple[str, str]]:
        """Other objects that the same source gives the same partition: their names and details."""
        rows = self._db.execute(
            "select original_name, detail from sightings s join raw_objects r on r.sha256 = s.raw_sha256"
            " where s.source = ? and market = ? and part = ? and session_date = ? and raw_sha256 <> ?",
            [
                sighting.source, sighting.key.market, sighting.key.part, sighting.key.session_date.isoformat(),
                sighting.raw_sha256,
            ],
        )  # fmt: skip
        return list(rows)

    def is_body_known(self, source: str, identity: str, besides: str) -> bool:
        """Whether another object than `besides` brought the same content."""
        query = "select 1 from sightings where source = ? and identity = ? and raw_sha256 <> ?"
        return self._db.execute(query, [source, identity, besides]).fetchone() is not None

    # Partition versions

    def versions(self, tables: Iterable[str], market: str | None = None) -> list[Version]:
        names = list(tables)
        where = f"table_name in ({', '.join('?' * len(names))})" + (" and market = ?" if market else "")
        rows = self._db.execute(
            "select table_name, market, session_date, part, v, known_at, known_at_basis, output_sha256, row_count,"
            " path, stage, pruned_at is not null from partition_versions"
            f" where {where} order by table_name, market, session_date, part, v",
            names + ([market] if market else []),
        )
        return [
            Version(
                table, PartitionKey(row_market, date.fromisoformat(session), part), v,
                datetime.fromisoformat(known_at), basis, sha, count, path, stage, bool(is_pruned),
            )
            for table, row_market, session, part, v, known_at, basis, sha, count, path, stage, is_pruned in rows
        ]  # fmt: skip

    def versions_of_all_tables(self) -> list[Version]:
        return self.versions(
            row["table_name"] for row in self.rows("select distinct table_name from partition_versions")
        )

    def add_version(self, version: Version, **facts: Any) -> None:
        self._insert(
            "partition_versions",
            {
                "table_name": version.table,
                "market": version.key.market,
                "session_date": version.key.session_date.isoformat(),
                "part": version.key.part,
                "v": version.v,
                "known_at": timestamp(version.known_at),
                "known_at_basis": version.known_at_basis,
                "output_sha256": version.output_sha256,
                "row_count": version.row_count,
                "path": version.path,
                "stage": version.stage,
                **facts,
            },
        )

    def mark_pruned(self, versions: Iterable[Version], now: datetime) -> None:
        """Say that the files of these versions are about to go; their rows stay."""
        with self.transaction():
            for version in versions:
                key = version.key
                self._db.execute(
                    "update partition_versions set pruned_at = ?"
                    " where table_name = ? and market = ? and session_date = ? and part = ? and v = ?",
                    [timestamp(now), version.table, key.market, key.session_date.isoformat(), key.part, version.v],
                )

    # Derivations: what has been computed from what

    def derivations(self, stage: str, market: str) -> dict[tuple[PartitionKey, datetime], str]:
        rows = self._db.execute(
            "select session_date, part, known_at, fingerprint from derivations where stage = ? and market = ?",
            [stage, market],
        )
        return {
            (PartitionKey(market, date.fromisoformat(session), part), datetime.fromisoformat(known_at)): fingerprint
            for session, part, known_at, fingerprint in rows
        }

    def record_derivation(
        self, stage: str, key: PartitionKey, known_at: datetime, fingerprint: str, outcome: str, refusals: list[Refusal]
    ) -> None:
        """What a stage concluded at one moment; the refusals of an earlier conclusion about it are replaced."""
        place = {
            "stage": stage,
            "market": key.market,
            "session_date": key.session_date.isoformat(),
            "part": key.part,
            "known_at": timestamp(known_at),
        }
        where = " and ".join(f"{name} = ?" for name in place)
        self._db.execute(f"delete from refusals where {where}", list(place.values()))
        for refusal in refusals:
            self._insert("refusals", {**place, "gate": refusal.gate, "reason": refusal.reason}, on_conflict="ignore")
        self._insert("derivations", {**place, "fingerprint": fingerprint, "outcome": outcome}, on_conflict="replace")

    def forget_derivation(self, stage: str, key: PartitionKey, known_at: datetime) -> None:
        """Drop a conclusion about a moment at which nothing happened to the partition after all, and its refusals."""
        place = [stage, key.market, key.session_date.isoformat(), key.part, timestamp(known_at)]
        where = "stage = ? and market = ? and session_date = ? and part = ? and known_at = ?"
        for table in ("derivations", "refusals"):
            self._db.execute(f"delete from {table} where {where}", place)

    # Ledger and export

    def add_load(self, row: dict[str, Any]) -> None:
        self._insert("load_ledger", row)

    def last_landed(self, name: str) -> str | None:
        """The object that the newest arrival of this name landed as, if one did."""
        rows = self.rows(
            "select raw_sha256 from load_ledger where original_name = ? and fate = 'landed' "
            "order by load_id desc limit 1",
            [name],
        )
        return str(rows[0]["raw_sha256"]) if rows else None

    def replace_gaps(self, rows: list[dict[str, Any]]) -> None:
        with self.transaction():
            self._db.execute("delete from gaps")
            for row in rows:
                self._insert("gaps", row)

    def rows(self, query: str, parameters: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """For reports: the rows of a read-only query as dictionaries."""
        cursor = self._db.execute(query, list(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def _sighting(row: tuple[str, ...]) -> Sighting:
    source, market, session, part, identity, sha256, known_at, basis, detail = row
    key = PartitionKey(market, date.fromisoformat(session), part)
    return Sighting(source, key, identity, sha256, datetime.fromisoformat(known_at), basis, detail)


def canonical_json(value: object) -> str:
    """One text for one value, so that hashes and bytes repeat."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
