"""Columns of a Parquet file that comes from outside: plain types only, nothing larger than declared bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from pipelines.sources.page import Unreadable

_MOST_ROWS = 5_000_000
_MOST_BYTES = 2**31  # unpacked
_LONGEST_TEXT = 200
_ROWS_AT_A_TIME = 65536
_THRIFT_LIMIT = 16 * 2**20
_YEARS = (pl.date(1900, 1, 1), pl.date(2199, 12, 31))
_PLAIN = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_date,
    pa.types.is_timestamp,
)  # fmt: skip


def is_parquet(data: bytes) -> bool:
    return data[:4] == b"PAR1"


def column_names(data: bytes) -> list[str]:
    with _readable():
        return list(_opened(data).schema_arrow.names)


def read_columns(data: bytes, names: Sequence[str]) -> pl.DataFrame:
    """These columns, texts as String."""
    with _readable():
        schema = _opened(data).schema_arrow
        texts = [name for name in names if _is_text(schema.field(name).type)]
        for name in names:
            kind = schema.field(name).type
            if name not in texts and not any(is_it(kind) for is_it in _PLAIN):
                raise Unreadable(f"column {name[:40]!r} holds {str(kind)[:40]}, which is neither text, number nor time")
        times = [name for name in names if pa.types.is_temporal(schema.field(name).type)]
        # Texts stay indices into their distinct values: a long one repeated a million times is small in the file alone.
        file = _opened(data, texts)
        _check_size(file)
        batches = list(_bounded(file, names))
        if not batches:
            raise Unreadable("the file has no rows")
        return pl.DataFrame(pa.Table.from_batches(batches)).with_columns(_in_years(pl.col(name)) for name in times)


def _in_years(column: pl.Expr) -> pl.Expr:
    """Null where a date or an instant is so far off that Polars breaks on it."""
    return pl.when(column.is_between(*_YEARS)).then(column)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        told = next(iter(str(error).splitlines()), "unknown")
        raise Unreadable(f"not a readable Parquet file: {told}") from None


def _opened(data: bytes, texts: Sequence[str] = ()) -> pa.parquet.ParquetFile:
    return pa.parquet.ParquetFile(
        pa.BufferReader(data),
        read_dictionary=list(texts),
        thrift_string_size_limit=_THRIFT_LIMIT,
        thrift_container_size_limit=_THRIFT_LIMIT,
    )


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def _check_size(file: pa.parquet.ParquetFile) -> None:
    """By what the file says of itself, before anything is unpacked."""
    about = file.metadata
    if about.num_rows > _MOST_ROWS:
        raise Unreadable(f"{about.num_rows} rows are more than a file may have ({_MOST_ROWS})")
    groups = (about.row_group(number) for number in range(about.num_row_groups))
    size = sum(group.column(place).total_uncompressed_size for group in groups for place in range(group.num_columns))
    if size > _MOST_BYTES:
        raise Unreadable(f"{size} bytes unpacked are more than a file may hold ({_MOST_BYTES})")


def _bounded(file: pa.parquet.ParquetFile, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in file.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=list(names)):
        rows += batch.num_rows
        if rows > _MOST_ROWS:
            raise Unreadable(f"more rows than a file may have ({_MOST_ROWS})")
        columns = [_plain(name, batch.column(name)) for name in names]
        yield pa.RecordBatch.from_arrays(columns, names=list(names))


def _plain(name: str, column: pa.Array) -> pa.Array:
    column.validate(full=True)  # Polars takes offsets and texts on trust
    if not pa.types.is_dictionary(column.type):
        return column
    longest = pa.compute.max(pa.compute.binary_length(column.dictionary)).as_py() or 0
    if longest > _LONGEST_TEXT:
        raise Unreadable(f"column {name[:40]!r} holds a text of {longest} bytes; {_LONGEST_TEXT} are the most")
    return column.cast(pa.large_string())
