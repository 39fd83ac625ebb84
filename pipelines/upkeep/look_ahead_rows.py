"""Is any row known after its version, or before what it describes has happened: read off the files themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

import polars as pl

from pipelines.calendar import OPENING, new_york_to_utc, us_sessions
from pipelines.lake.catalogue import Version
from pipelines.lake.store import Lake
from pipelines.reports import REPORTS
from pipelines.tables import LAKE_TABLES, Table
from pipelines.upkeep.look_ahead import Leak

_FILES_AT_ONCE = 2000
_INSTANT = pl.Datetime("us")
# Columns that say when something was over, or on which day it was; a minute is named by its beginning.
_OVER = (
    "snapshot_ts", "previous_snapshot_ts", "positions_ts", "bar_ts", "bucket_ts", "minute_ts", "trade_ts", "until_ts",
    "delivery_ts", "discount_curve_date", "open_interest_date", "settlement_date", "initial_published_date",
    "last_update_date",
)  # fmt: skip
_LASTING = {"minute_ts": timedelta(minutes=1)}
# Of these the partition's date is a day that is described. Members of an index may be announced before theirs.
_OF_A_DAY = {*REPORTS, "treasury_zero_curve"} - {"index_members"}


def walk_rows(lake: Lake, versions: Iterable[Version]) -> list[Leak]:
    """Leaks inside the files of these versions, which are there and whole."""
    ordered = sorted((v for v in versions if not v.is_pruned and v.row_count), key=lambda v: v.table)
    leaks: list[Leak] = []
    for name, group in groupby(ordered, key=lambda version: version.table):
        table, of_table = LAKE_TABLES.get(name), list(group)
        if table is not None and "known_at" in table.schema():
            for first in range(0, len(of_table), _FILES_AT_ONCE):
                leaks += _of_table(lake, table, of_table[first : first + _FILES_AT_ONCE])
    return leaks


def _of_table(lake: Lake, table: Table, versions: Sequence[Version]) -> Iterator[Leak]:
    files = {str(lake.paths.lake / version.path): version for version in versions}
    over = [name for name in _OVER if name in table.schema()]
    rows = pl.scan_parquet(
        list(files),
        schema={name: table.schema()[name] for name in ("known_at", *over)},
        hive_partitioning=False,
        include_file_paths="path",
        extra_columns="ignore",
        missing_columns="insert",  # a column added since
    )
    early = (
        (pl.col("known_at") - pl.col(name).cast(_INSTANT) - _LASTING.get(name, timedelta())).min() for name in over
    )
    told = rows.group_by("path").agg(
        pl.col("known_at").min().alias("oldest"), pl.col("known_at").max().alias("newest"),
        *(one.min().alias(name) for name, one in zip(over, early, strict=True)),
    )  # fmt: skip
    for row in told.sort("path").collect().iter_rows(named=True):
        version = files[row["path"]]
        if row["newest"] > version.known_at:
            yield Leak(version, "a row of its own", row["newest"] - version.known_at)
        for name in over:
            if row[name] is not None and row[name] < timedelta():
                yield Leak(version, f"what its {name} says", -row[name])
        since = _known_since(table, version.key.session_date)
        if table.name in _OF_A_DAY and row["oldest"] < since:
            yield Leak(version, f"the day {version.key.session_date}", since - row["oldest"])


def _known_since(table: Table, day: date) -> datetime:
    """Before this nobody knows of a day: what it was like as a whole is told when its last session has ended."""
    calendar = us_sessions()
    is_of_the_whole = table.name in REPORTS
    return calendar.close_of(calendar.last_on_or_before(day)) if is_of_the_whole else new_york_to_utc(day, OPENING)
