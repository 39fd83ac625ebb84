"""What a column and a table are. Declarations only: no files, no clock."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

TEXT = pl.String()
FLAG = pl.Boolean()
COUNT = pl.Int64()
NUMBER = pl.Float64()
NUMBERS = pl.List(pl.Float64())
INSTANT = pl.Datetime("us")
DAY = pl.Date()

_DUCKDB_TYPES: dict[pl.DataType, str] = {
    TEXT: "VARCHAR",
    FLAG: "BOOLEAN",
    COUNT: "BIGINT",
    NUMBER: "DOUBLE",
    NUMBERS: "DOUBLE[]",
    INSTANT: "TIMESTAMP",
    DAY: "DATE",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity: the same name always has the same dtype and unit."""

    name: str
    dtype: pl.DataType
    unit: str
    meaning: str

    @property
    def duckdb_type(self) -> str:
        return _DUCKDB_TYPES[self.dtype]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the lake, of the published file, or of both."""

    name: str
    family: str
    grain: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    nullable: frozenset[str]
    is_partitioned: bool = True
    is_published: bool = True
    is_exported: bool = False  # also a Parquet mart in one file; the fat facts' Parquet mart is the lake itself
    lag: str = ""  # how long after its period a row is known
    coverage: str = ""  # what of the market it sees
    limits: str = ""  # what it cannot tell

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a column is declared twice")
        for name in (*self.key, *self.nullable):
            if name not in names:
                raise ValueError(f"{self.name}: {name} is no column")
        if wrong := self.nullable.intersection(self.key):
            raise ValueError(f"{self.name}: key columns cannot be null: {sorted(wrong)}")

    def cautions(self) -> list[str]:
        """What a reader must know beyond the columns, in sentences."""
        told = {"Lag": self.lag, "Coverage": self.coverage, "Limits": self.limits}
        return [f"{word}: {text}" for word, text in told.items() if text]

    def schema(self) -> dict[str, pl.DataType]:
        """Column to dtype, without the path columns of a partitioned table."""
        return {column.name: column.dtype for column in self.columns}
