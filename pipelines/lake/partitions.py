"""Partition files: `<table>/market=<m>/session_date=<d>/part=<p>/v=<n>.parquet`, written once and never changed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.lake.catalogue import PartitionKey, Version
from pipelines.lake.files import write_durably
from pipelines.tables import TABLES

_SAFE_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,31}$")
PATH_COLUMNS = ("market", "session_date", "part")
ROW_GROUP_ROWS = 100_000


def relative_path(table: str, key: PartitionKey, v: int) -> str:
    """Names that come out of files reach a path only through this check."""
    for name in (table, key.market, key.part):
        if not _SAFE_NAME.match(name):
            raise ValueError(f"{name!r} cannot name a partition")
    return f"{table}/market={key.market}/session_date={key.session_date.isoformat()}/part={key.part}/v={v}.parquet"


def encode(frame: pl.DataFrame) -> bytes:
    """The file's bytes: a function of the frame alone (one chunk, fixed row groups, fixed compression)."""
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(
        buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=ROW_GROUP_ROWS
    )
    return buffer.getvalue()


@lru_cache(maxsize=64)
def encoded_empty(table: str) -> bytes:
    """What `encode` makes of a table without rows."""
    return encode(empty(table))


def write(lake: Path, path: str, data: bytes) -> None:
    write_durably(lake / path, data, label="partition")


def read(lake: Path, version: Version, columns: list[str] | None = None) -> pl.DataFrame:
    """A version's rows in the table's present columns; a column added since is null."""
    schema = TABLES[version.table].schema()
    wanted = {name: dtype for name, dtype in schema.items() if columns is None or name in columns}
    if not version.row_count:
        return pl.DataFrame(schema=wanted)
    return pl.scan_parquet(
        lake / version.path, hive_partitioning=False, schema=wanted, missing_columns="insert", extra_columns="ignore"
    ).collect()


def read_together(lake: Path, versions: Iterable[Version], columns: Sequence[str]) -> list[tuple[Version, Any]]:
    """The rows of many small partitions of one table, each beside its version: opened one by one they take four times
    as long. Columns that the table has had from its beginning."""
    by_path = {str(lake / version.path): version for version in versions}
    if not by_path:
        return []
    rows = pl.scan_parquet(list(by_path), hive_partitioning=False, include_file_paths="path")
    return [(by_path[path], row) for path, *row in rows.select("path", *columns).collect().iter_rows()]


@lru_cache(maxsize=64)
def empty(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema=TABLES[table].schema())
