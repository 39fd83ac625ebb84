"""What a user names of a table: a part, a session, a version, values of columns; and the versions that fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from pipelines.lake.catalogue import Version
from pipelines.lake.store import Lake
from pipelines.markets import MARKETS
from pipelines.tables import TABLES, VOCABULARY, published_columns
from pipelines.tables.declare import Table
from pipelines.upkeep.provenance import Place
from pipelines.warehouse.connection import QueryError
from pipelines.warehouse.query import parse_instant

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"v?(\d+)")
_PATH = ("market", "session_date", "part", "v")


class LineageError(Exception):
    """Nothing that fits; one line says what would."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user named of a key."""

    table: Table
    words: tuple[str, ...] = ()  # an underlying or part, or the first word of another table's key
    columns: dict[str, str] = field(default_factory=dict)


def parse(table: str, keys: Sequence[str]) -> Wanted:
    """`SPX`, `2024-06-25`, `us`, `v2` (or `2`) and `column=value`, in any order."""
    if table not in TABLES:
        raise LineageError(f"no table {table!r}; `dealerflow tables` lists them")
    declared = {column.name for column in published_columns(TABLES[table])}
    words, columns = [], {}
    for key in keys:
        name, is_named, value = key.partition("=")
        number = _NUMBER.fullmatch(key)
        if is_named:
            if name not in declared:
                raise LineageError(f"{table} has no column {name!r}; `dealerflow tables {table}` lists them")
            columns[name] = value
        elif key in MARKETS and "market" in declared:
            columns["market"] = key
        elif _DAY.fullmatch(key) and "session_date" in declared:
            columns["session_date"] = key
        elif number and "v" in declared:
            columns["v"] = number[1]
        else:
            words.append(key)
    return Wanted(TABLES[table], tuple(words), columns)


def matching(lake: Lake, wanted: Wanted) -> list[tuple[Version, int | None]]:
    """Versions that fit, with the rows that do where the key goes into the rows."""
    versions = by_path(lake.catalogue.versions([wanted.table.name]), wanted.columns)
    if not versions and wanted.columns.keys() & set(_PATH):
        raise LineageError(f"{wanted.table.name} has no version at {said(wanted.columns)}")
    values = {name: value for name, value in wanted.columns.items() if name not in _PATH}
    for word in wanted.words:
        of_part = [version for version in versions if version.key.part == word.upper()]
        if of_part or "underlying" not in wanted.table.schema():
            versions = of_part or [version for version in versions if version.key.part == word]
        else:  # a part that holds many underlyings
            values["underlying"] = word.upper()
    if not values:
        return [(version, None) for version in versions]
    predicates = [equals(wanted.table, name, value) for name, value in values.items()]
    counted = [(version, rows_that_fit(lake, version, predicates)) for version in versions if not version.is_pruned]
    return [(version, count) for version, count in counted if count]


def by_path(versions: Iterable[Version], columns: dict[str, str]) -> list[Version]:
    """Those that a path names; without a number the current ones."""

    def is_named(version: Version) -> bool:
        key = version.key
        place = {"market": key.market, "session_date": str(key.session_date), "part": key.part, "v": str(version.v)}
        return all(place[name] == columns[name] for name in _PATH if name in columns)

    current: dict[object, Version] = {}
    fitting = [version for version in versions if is_named(version)]
    if "v" in columns:
        return fitting
    for version in fitting:
        current[version.key] = max(current.get(version.key, version), version, key=lambda v: v.rank)
    return list(current.values())


def rows_that_fit(lake: Lake, version: Version, predicates: list[pl.Expr]) -> int:
    return lake.read(version).filter(*predicates).height if version.row_count else 0


def equals(table: Table, name: str, text: str) -> pl.Expr:
    """The column equals what was typed, read as the column's type."""
    dtype = table.schema().get(name, VOCABULARY[name].dtype)
    try:
        value: Any = _READERS[str(dtype)](text)
    except (ValueError, KeyError, QueryError):
        raise LineageError(f"{name}={text}: not a value of that column ({VOCABULARY[name].unit})") from None
    return pl.col(name).eq(value)


_READERS: dict[str, Callable[[str], Any]] = {
    str(pl.String()): str,
    str(pl.Int64()): int,
    str(pl.Float64()): float,
    str(pl.Date()): date.fromisoformat,
    str(pl.Datetime("us")): parse_instant,
    str(pl.Boolean()): lambda text: {"true": True, "false": False}[text.lower()],
}


def place_of(version: Version) -> Place:
    key = version.key
    return Place(version.table, key.market, str(key.session_date), key.part, version.v)


def said(columns: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in columns.items())
