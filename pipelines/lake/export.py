"""The catalogue as Parquet files, for readers that never open the SQLite file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from pipelines.lake.files import write_durably
from pipelines.lake.steps import step
from pipelines.lake.store import Lake
from pipelines.lake.turn import turn
from pipelines.settings import Paths
from pipelines.tables import TABLES

_QUERIES = {
    "partition_versions": """
        select *, row_number() over (
            partition by table_name, market, session_date, part order by known_at desc, v desc) = 1 as is_current
        from partition_versions order by table_name, market, session_date, part, v""",
    "load_ledger": """
        select l.*, nullif(l.part, '_all') as underlying, r.url, r.captured_at, r.published_at
        from load_ledger l left join raw_objects r on r.sha256 = l.raw_sha256 order by load_id""",
    "refusals": "select * from refusals order by stage, market, session_date, part, known_at, gate, reason",
    "gap_ledger": "select * from gaps order by market, source, part, session_date",
}


def export_catalogue(lake: Lake) -> None:
    """Write each export whole or not at all, and all of them before anybody reads one."""
    with all_or_none(lake.paths):
        _export(lake)
    step("catalogue.exported")


@contextmanager
def all_or_none(paths: Paths) -> Iterator[None]:
    """Held while the exports are written or read, so that those read are of one state. It never takes long."""
    with turn(paths.lake / "_exports.lock", tell=lambda _: None):
        yield


def _export(lake: Lake) -> None:
    for name, frame in catalogue_frames(lake).items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        write_durably(lake.paths.exports / f"{name}.parquet", buffer.getvalue(), label="export")


def catalogue_frames(lake: Lake) -> dict[str, pl.DataFrame]:
    """What the exports hold, from the catalogue as it is now."""
    frames = {}
    for name, query in _QUERIES.items():
        columns = {column.name: column.dtype for column in TABLES[name].columns}
        rows = lake.catalogue.rows(query)
        frame = pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=columns)
        frames[name] = frame.select(_typed(frame, column, dtype) for column, dtype in columns.items())
    return frames


def _typed(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    """SQLite keeps dates as ISO text and booleans as 0 and 1."""
    column = pl.col(name)
    if frame.schema[name] == dtype:
        return column
    if frame.schema[name] == pl.String and isinstance(dtype, pl.Datetime):
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", time_unit="us")
    if frame.schema[name] == pl.String and dtype == pl.Date:
        return column.str.to_date("%Y-%m-%d")
    return column.cast(dtype)
