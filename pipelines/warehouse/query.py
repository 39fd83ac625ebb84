"""Questions to the published file, or to the lake as known at an instant. Nothing can be written through here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.settings import Paths
from pipelines.tables import TABLES
from pipelines.warehouse.connection import QueryError, lock, one_line

_READING = {"SELECT", "EXPLAIN"}
_MISSING_TABLE = re.compile(r"Table with name (\w+) does not exist")
_CHUNK_ROWS = 10_000
_IMPORT = re.compile(r"\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*import\b", re.IGNORECASE | re.DOTALL)


class Answer:
    """The columns of a result and its rows, fetched as they are asked for."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.columns = tuple(str(column[0]) for column in connection.description or ())
        self.types = tuple(str(column[1]) for column in connection.description or ())

    def fetch(self, count: int) -> list[tuple[Any, ...]]:
        """The next `count` rows, fewer at the end."""
        try:
            return self._connection.fetchmany(count)
        except duckdb.Error as error:
            raise QueryError(one_line(error)) from None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := self.fetch(_CHUNK_ROWS):
            yield from rows


def connect_readonly(path: Path) -> duckdb.DuckDBPyConnection:
    """The published file. QueryError if there is none yet."""
    if not path.exists():
        raise QueryError(f"no warehouse at {path}: load files and run `dealerflow run` first")
    try:
        return lock(duckdb.connect(str(path), read_only=True))
    except duckdb.Error as error:
        raise QueryError(one_line(error)) from None


def query(paths: Paths, sql: str, *, as_known: datetime | None = None) -> Answer:
    """Answer one SQL query; with `as_known` (UTC), over what was known at that instant."""
    _check(sql)
    if as_known is None:
        connection = connect_readonly(paths.warehouse)
    else:
        from pipelines.warehouse.history import connect_as_known  # brings pandas, by way of Arrow's datasets

        connection = connect_as_known(paths, as_known)
    try:
        return Answer(connection.execute(sql))
    except duckdb.Error as error:
        raise QueryError(_explained(error, paths, as_known)) from None


def parse_instant(text: str) -> datetime:
    """An instant in UTC: ISO text, with or without a zone (none means UTC); a date alone is its first moment."""
    try:
        instant = datetime.fromisoformat(text.strip())
        return instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise QueryError(f"{text!r} is no instant; write it as 2025-05-01T13:30 (UTC) or with a zone") from None


def _check(sql: str) -> None:
    if _IMPORT.match(sql):  # only looking at such a statement already opens the folder that it names
        raise QueryError("only questions are answered (SELECT, FROM, DESCRIBE, EXPLAIN), not IMPORT")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(one_line(error)) from None
    if not statements:
        raise QueryError("the query is empty")
    kinds = [statement.type.name for statement in statements]
    if wrong := [kind for kind in kinds if kind not in _READING]:
        hint = "; a PIVOT must list its values: PIVOT ... ON column IN (...)" if wrong == ["CREATE"] else ""
        raise QueryError(f"only questions are answered (SELECT, FROM, DESCRIBE, EXPLAIN), not {wrong[0]}{hint}")
    if len(statements) > 1:
        raise QueryError("one query at a time")


def _explained(error: duckdb.Error, paths: Paths, as_known: datetime | None) -> str:
    missing = _MISSING_TABLE.search(str(error))
    if as_known is not None and missing and missing[1] in TABLES:
        from pipelines.warehouse.history import why_missing

        return why_missing(paths, as_known, missing[1])
    return one_line(error)
