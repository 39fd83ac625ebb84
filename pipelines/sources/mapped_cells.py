"""The cells of an owner's file by the keys of their mapping, whichever types the file gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time

import polars as pl

from pipelines.calendar import NEW_YORK
from pipelines.sources import csv_table, parquet_table
from pipelines.sources.many_pages import session_instants
from pipelines.sources.mapping import AnyMapping
from pipelines.sources.mapping_keys import EpochUnit, Instant, Moment
from pipelines.sources.page import REJECTED_SCHEMA, Unreadable

LARGEST_BYTES = 256 * 2**20
_COLUMNS_TOLD = 12
_MICROSECONDS: dict[EpochUnit, float] = {"s": 1e6, "ms": 1e3, "us": 1.0}
_FARTHEST = 7.2e15  # microseconds; the year 2198


@dataclass(frozen=True, slots=True)
class Cells:
    """`table`: a column a key, and row_number. `ragged`: rows with another number of columns, as REJECTED_SCHEMA."""

    table: pl.DataFrame
    ragged: pl.DataFrame
    columns: Mapping[str, str]  # key -> the file's name of the column
    missing: Sequence[str]  # texts that say that there is no value
    none: Mapping[str, Sequence[float]]  # numbers that say so, by key

    def has(self, key: str) -> bool:
        return key in self.columns

    def text(self, key: str) -> pl.Series:
        if self.table.schema[key] != pl.String:
            raise self._wrong(key, "texts")
        return self.table.select(csv_table.text(key, self.missing)).to_series()

    def number(self, key: str) -> pl.Series:
        """Null where there is none, and where the cell says something else."""
        if self._is_text(key):
            value = csv_table.number(key, self.missing)
        elif self.table.schema[key].is_numeric():
            value = pl.col(key).cast(pl.Float64).fill_nan(None)
        else:
            raise self._wrong(key, "numbers")
        is_none = value.is_in(list(self.none.get(key, ()))).fill_null(value=False)
        return self.table.select(pl.when(~is_none).then(value)).to_series()

    def is_unreadable(self, keys: Iterable[str]) -> pl.Series:
        """Rows in which one of these numbers is something else."""
        wrong = [csv_table.is_no_number(key, self.missing) for key in keys if self._is_text(key)]
        return self.table.select(pl.any_horizontal(pl.repeat(value=False, n=pl.len()), *wrong)).to_series()

    def flag(self, key: str, words: Sequence[str]) -> pl.Series:
        """True, one of these words, or any number but zero."""
        dtype = self.table.schema[key]
        if dtype == pl.Boolean:
            return self.table[key].fill_null(value=False)
        if dtype.is_numeric():
            return (self.number(key).fill_null(0) != 0).alias(key)
        return self.text(key).str.to_lowercase().is_in([word.lower() for word in words]).fill_null(value=False)

    def label(self, key: str) -> pl.Series:
        """Texts that may be written as whole numbers, such as the names of trades."""
        if self.table.schema[key].is_integer():
            return self.table[key].cast(pl.String)
        return self.text(key)

    def word(self, key: str, meanings: Mapping[str, Sequence[str]]) -> pl.Series:
        """The meaning whose words have the cell's text among them, in upper or lower case."""
        return meaning(self.text(key), meanings)

    def day(self, key: str, form: str | None, form_key: str) -> pl.Series:
        """Dates; also clocks without a zone at midnight, for so data frames keep dates."""
        column, dtype = self.table[key], self.table.schema[key]
        if dtype == pl.String:
            return self._parsed(key, pl.Date(), form, form_key)
        if dtype == pl.Date:
            return column
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
            return column.dt.date().zip_with(column == column.dt.truncate("1d"), pl.Series([None], dtype=pl.Date))
        raise self._wrong(key, "dates")

    def instant(self, key: str, declared: Instant, *, of_sessions: bool) -> pl.Series:
        """Instants in UTC. `of_sessions`: dates that are no session have none."""
        if declared.clock is None and self.table.schema[key] == pl.Date:
            told = 'holds dates; name the clock, or "close"'
            raise Unreadable(f"mapping: {key}.clock: column {self.columns[key]!r} {told}")
        if declared.clock is None:
            return self._time(key, declared.format, declared.zone)
        days = self.day(key, declared.format, f"{key}.format")
        if isinstance(declared.clock, time) and not of_sessions:
            return _in_utc(days.dt.combine(declared.clock), str(NEW_YORK))
        return session_instants(days, declared.clock if isinstance(declared.clock, time) else None)

    def moment(self, key: str, declared: Moment) -> pl.Series:
        """Instants in UTC."""
        if declared.unit is not None:
            return self.since_1970(key, declared.unit)
        if self.table.schema[key].is_numeric():
            raise Unreadable(f'mapping: {key}.unit: column {self.columns[key]!r} holds numbers; say "s", "ms" or "us"')
        return self._time(key, declared.format, declared.zone)

    def since_1970(self, key: str, unit: EpochUnit) -> pl.Series:
        """Numbers that count since 1970 as instants; null beyond all calendars."""
        if not (self._is_text(key) or self.table.schema[key].is_numeric()):
            raise self._wrong(key, "numbers")
        microseconds = self.number(key) * _MICROSECONDS[unit]  # whole ones stay exact up to the year 2255
        in_years = microseconds.is_between(-_FARTHEST, _FARTHEST)
        return microseconds.set(~in_years.fill_null(value=False), None).round().cast(pl.Int64).cast(pl.Datetime("us"))

    def _time(self, key: str, form: str | None, zone: str | None) -> pl.Series:
        column, dtype = self.table[key], self.table.schema[key]
        if dtype == pl.String:
            column = self._parsed(key, pl.Datetime("us"), form, f"{key}.format")
            dtype = column.dtype
        if not isinstance(dtype, pl.Datetime):
            raise self._wrong(key, "times")
        if (dtype.time_zone is None) == (zone is None):
            told = "states no zone; name it" if zone is None else "states its own zone; leave this out"
            raise Unreadable(f"mapping: {key}.zone: column {self.columns[key]!r} {told}")
        return _in_utc(column.dt.cast_time_unit("us"), zone)

    def _parsed(self, key: str, kind: pl.Date | pl.Datetime, form: str | None, form_key: str) -> pl.Series:
        if form is None:
            told = 'say how, such as "%Y-%m-%d"'
            raise Unreadable(f"mapping: {form_key}: column {self.columns[key]!r} is written as text; {told}")
        try:
            return self.text(key).str.strptime(kind, form, strict=False)
        except pl.exceptions.PolarsError as error:
            raise Unreadable(f"mapping: {form_key}: {str(error).splitlines()[0]}") from None

    def _is_text(self, key: str) -> bool:
        return self.table.schema[key] == pl.String

    def _wrong(self, key: str, wanted: str) -> Unreadable:
        return Unreadable(f"mapping: {key}: column {self.columns[key]!r} holds {self.table.schema[key]}, not {wanted}")


def _in_utc(column: pl.Series, zone: str | None) -> pl.Series:
    """A column that states its zone (None), or a clock of the zone, as naive instants in UTC."""
    if zone is not None:
        column = column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def meaning(texts: pl.Series, meanings: Mapping[str, Sequence[str]]) -> pl.Series:
    """The meaning whose words have each text among them, in upper or lower case; null for any other text."""
    by_word = {word.lower(): name for name, words in meanings.items() for word in words}
    return texts.str.to_lowercase().replace_strict(by_word, default=None, return_dtype=pl.String)


def read_cells(data: bytes, mapping: AnyMapping, instants: Mapping[str, Instant | Moment]) -> Cells:
    """The columns that a mapping names, and those of its instants."""
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than a mapped file can hold ({LARGEST_BYTES})")
    stated = mapping.columns.model_dump(exclude_none=True)
    columns = {f"columns.{key}": name for key, name in stated.items()}
    columns |= {key: instant.column for key, instant in instants.items()}
    ragged = pl.DataFrame(schema=REJECTED_SCHEMA)
    if parquet_table.is_parquet(data):
        found = _found(parquet_table.column_names(data), columns)
        table = parquet_table.read_columns(data, sorted(set(found.values()))).with_row_index("row_number", offset=1)
    else:
        names = csv_table.header_names(data, mapping.separator)
        found = _found(names, columns)
        if len(set(names)) < len(names):
            data = csv_table.with_single_names(data, names, set(found.values()), mapping.separator)
        table, ragged = csv_table.read_texts(data, separator=mapping.separator)
    cells = table.select(pl.col("row_number").cast(pl.Int64), *(pl.col(name).alias(key) for key, name in found.items()))
    none = {f"columns.{key}": numbers for key, numbers in mapping.none.items()}
    return Cells(cells, ragged, columns, ["", *mapping.missing], none)


def _found(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """The file's own spelling of each column: a header may have blanks around its names."""
    spelled = {name.strip(): name for name in names} | {name: name for name in names}
    for key, name in columns.items():
        if name not in spelled:
            there_are = ", ".join(names[:_COLUMNS_TOLD]) + (", ..." if len(names) > _COLUMNS_TOLD else "")
            raise Unreadable(f"mapping: {key}: the file has no column {name!r}; it has {there_are}")
    return {key: spelled[name] for key, name in columns.items()}
