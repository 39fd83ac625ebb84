"""The lake as it was known at an instant: an in-memory database over exactly the versions known then."""

from __future__ import annotations

from datetime import datetime

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs

from pipelines.settings import Paths
from pipelines.tables import LAKE_TABLES, Table, published_columns
from pipelines.warehouse import dictionary
from pipelines.warehouse.connection import QueryError, lock
from pipelines.warehouse.project import read_export

_ARROW: dict[pl.DataType, pa.DataType] = {
    pl.String(): pa.string(),
    pl.Boolean(): pa.bool_(),
    pl.Int64(): pa.int64(),
    pl.Float64(): pa.float64(),
    pl.List(pl.Float64()): pa.list_(pa.float64()),
    pl.Datetime("us"): pa.timestamp("us"),
    pl.Date(): pa.date32(),
}
_PARTITION = ("table_name", "market", "session_date", "part")
_FROM_CODE = {"data_dictionary": dictionary.data_dictionary, "default_models": dictionary.default_models}


def available_tables() -> tuple[str, ...]:
    """What can be asked as known at an instant: the lake's tables, and a few that describe them."""
    return (*LAKE_TABLES, "partition_versions", "refusals", *_FROM_CODE)


def versions_known(paths: Paths, instant: datetime) -> pl.DataFrame:
    """The rows of partition_versions known at `instant`; is_current as it was then."""
    return known_then(read_export(paths, "partition_versions"), instant)


def known_then(versions: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Those of `versions` that were known at `instant`; is_current as it was then."""
    return with_current(versions.filter(pl.col("known_at") <= instant))


def with_current(known: pl.DataFrame) -> pl.DataFrame:
    """Of each partition the version of highest v among those with the greatest known_at is current."""
    rank = pl.struct("known_at", "v").rank("ordinal", descending=True)
    return known.with_columns(is_current=(rank == 1).over(_PARTITION)) if known.height else known


def connect_as_known(paths: Paths, instant: datetime) -> duckdb.DuckDBPyConnection:
    """A locked database over the versions known at `instant` (UTC).

    Files are read through Arrow, outside DuckDB, so that DuckDB itself needs no access to any file.
    """
    if not paths.exports.exists():
        raise QueryError(f"nothing has been loaded into {paths.lake} yet")
    versions = versions_known(paths, instant)
    connection = duckdb.connect()
    for table in LAKE_TABLES.values():
        current = versions.filter((pl.col("table_name") == table.name) & pl.col("is_current"))
        if not pruned(current).is_empty():
            continue  # asking for it says so
        connection.register(table.name, _dataset(paths, table, current.filter(pl.col("pruned_at").is_null())))
    refusals = read_export(paths, "refusals").filter(pl.col("known_at") <= instant)
    frames = {name: rows() for name, rows in _FROM_CODE.items()}
    for name, frame in {"partition_versions": versions, "refusals": refusals, **frames}.items():
        connection.register(name, frame.to_arrow())
    return lock(connection)


def pruned(current: pl.DataFrame) -> pl.DataFrame:
    """Those of these versions whose rows are gone."""
    return current.filter(pl.col("pruned_at").is_not_null() & (pl.col("row_count") > 0))


def why_missing(paths: Paths, instant: datetime, table: str) -> str:
    """Why a published table cannot be asked as known at `instant`."""
    current = versions_known(paths, instant).filter((pl.col("table_name") == table) & pl.col("is_current"))
    gone = pruned(current).height
    if gone:
        return f"{gone} versions of {table} that were current then have been pruned; other tables still answer"
    return f"{table} is not kept as known at an instant; there are: {', '.join(available_tables())}"


def _dataset(paths: Paths, table: Table, current: pl.DataFrame) -> ds.Dataset:
    """The files of these versions as one table, with the columns and names that the published table has."""
    schema = pa.schema([(column.name, _ARROW[column.dtype]) for column in published_columns(table)])
    places = current.select("market", "session_date", "part", "v").rows()
    return ds.FileSystemDataset.from_paths(
        [str(paths.lake / path) for path in current["path"]],
        schema=schema,
        format=ds.ParquetFileFormat(),
        filesystem=pyarrow.fs.LocalFileSystem(),
        partitions=[_place(schema, *place) for place in places],
        root_partition=ds.scalar(True),
    )


def _place(schema: pa.Schema, *values: object) -> ds.Expression:
    """What the path says of a file, from which Arrow fills the columns and skips files that cannot match."""
    names = ("market", "session_date", "part", "v")
    market, session_date, part, v = (
        ds.field(name) == pa.scalar(value, schema.field(name).type) for name, value in zip(names, values, strict=True)
    )
    return market & session_date & part & v
