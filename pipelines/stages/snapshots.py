"""The snapshots of a partition, one at a time, and the columns that every row of a snapshot shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from pipelines.lake.partitions import empty
from pipelines.tables import TABLES


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every fact of a snapshot says of its origin."""

    underlying: str
    snapshot_ts: datetime
    source: str
    known_at: datetime

    @classmethod
    def of(cls, row: dict[str, Any]) -> Stamp:
        return cls(row["underlying"], row["snapshot_ts"], row["source"], row["known_at"])

    def stamp(self, frame: pl.DataFrame, table: str) -> pl.DataFrame:
        """The frame with these columns, in the table's order and types."""
        full = frame.with_columns(
            underlying=pl.lit(self.underlying),
            snapshot_ts=pl.lit(self.snapshot_ts, dtype=pl.Datetime("us")),
            source=pl.lit(self.source),
            known_at=pl.lit(self.known_at, dtype=pl.Datetime("us")),
        )
        return conformed(full, table)

    def rows_of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of this snapshot, from the source that is published."""
        return frame.filter((pl.col("snapshot_ts") == self.snapshot_ts) & (pl.col("source") == self.source))


def gathered(table: str, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One frame of the table's schema, also from none, ordered by its key."""
    return pl.concat([empty(table), *frames]).sort(TABLES[table].key, maintain_order=True)


def conformed(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The table's columns in its order and types: nullable ones that the frame lacks are null, others are left out."""
    declared = TABLES[table]
    missing = [name for name in declared.schema() if name not in frame.columns and name in declared.nullable]
    full = frame.with_columns(pl.lit(None).alias(name) for name in missing)
    return full.select(pl.col(name).cast(dtype) for name, dtype in declared.schema().items())
