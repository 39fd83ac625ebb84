"""The lake as known at an instant: exactly the versions known then, whatever the order of loading."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.settings import Paths
from pipelines.tables import LAKE_TABLES, published_columns
from pipelines.warehouse.connection import QueryError
from pipelines.warehouse.history import connect_as_known, versions_known
from pipelines.warehouse.query import query
from tests.dbt.fake_lake import FakeLake, close_of

SESSION = date(2024, 1, 2)
CLOSE = close_of(SESSION)
NEXT_MORNING = datetime(2024, 1, 3, 12, 0)
LATER = datetime(2024, 1, 4, 12, 0)


@pytest.fixture
def lake(tmp_path: Path) -> FakeLake:
    return FakeLake(Paths(tmp_path / "data"))


def open_interest(paths: Paths, instant: datetime, session: date = SESSION) -> tuple[float | None, int | None]:
    sql = f"select sum(open_interest), max(v) from option_snapshots where session_date = date '{session}'"
    (row,) = query(paths, sql, as_known=instant).fetch(2)
    return row


def test_an_answer_changes_at_the_instant_a_restatement_became_known(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX", open_interest=10.0)
    lake.land(SESSION, "SPX", open_interest=20.0, known_at=NEXT_MORNING)
    lake.export()
    assert open_interest(lake.paths, datetime(2024, 1, 2, 20, 59)) == (None, None)
    assert open_interest(lake.paths, CLOSE) == (120.0, 1)
    assert open_interest(lake.paths, datetime(2024, 1, 3, 11, 59)) == (120.0, 1)
    assert open_interest(lake.paths, NEXT_MORNING) == (240.0, 2)


def test_a_version_written_later_but_known_earlier_never_replaces_the_newer(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX", open_interest=20.0, known_at=NEXT_MORNING)
    lake.land(SESSION, "SPX", open_interest=10.0, known_at=CLOSE)
    lake.land(SESSION, "SPX", open_interest=30.0, known_at=CLOSE)
    lake.export()
    assert open_interest(lake.paths, CLOSE) == (360.0, 3)
    assert open_interest(lake.paths, LATER) == (240.0, 1)


def test_a_withdrawn_partition_is_gone_from_the_instant_of_its_withdrawal(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX")
    lake.withdraw(SESSION, "SPX", NEXT_MORNING)
    lake.export()
    assert open_interest(lake.paths, CLOSE) == (120.0, 1)
    assert open_interest(lake.paths, LATER) == (None, None)


def test_every_base_table_has_the_published_columns_and_types(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX")
    lake.export()
    with connect_as_known(lake.paths, LATER) as connection:
        for table in LAKE_TABLES.values():
            described = connection.execute(f"describe {table.name}").fetchall()
            declared = [(column.name, column.duckdb_type) for column in published_columns(table)]
            assert [(name, kind) for name, kind, *_ in described] == declared


def test_a_column_added_since_is_null_in_an_old_partition(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX")
    lake.export()
    (old,) = lake.paths.lake.glob("key_levels/**/v=1.parquet")
    pl.read_parquet(old, hive_partitioning=False).drop("hvl").write_parquet(old)
    answer = query(lake.paths, "select count(*), count(hvl), count(spot) from key_levels", as_known=LATER)
    assert answer.fetch(1) == [(12, 0, 12)]


def test_a_restatement_is_read_from_its_own_file_alone(lake: FakeLake) -> None:
    for day in (2, 3, 4):
        lake.land(date(2024, 1, day), "SPX")
    lake.export()
    for file in lake.paths.lake.glob("option_snapshots/**/session_date=2024-01-0[34]/**/*.parquet"):
        file.write_bytes(b"unreadable")
    assert open_interest(lake.paths, LATER) == (120.0, 1)


def test_current_versions_are_those_of_the_instant(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX")
    lake.land(SESSION, "SPX", known_at=NEXT_MORNING)
    lake.export()
    early = versions_known(lake.paths, CLOSE).filter("is_current")
    late = versions_known(lake.paths, LATER).filter("is_current")
    assert set(early["v"]) == {1}
    assert set(late["v"]) == {2}


def test_a_table_without_history_is_named_with_those_that_have_one(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX")
    lake.export()
    with pytest.raises(QueryError, match="contracts is not kept as known at an instant; there are: chains"):
        query(lake.paths, "select * from contracts", as_known=LATER)


def test_history_can_neither_write_nor_read_files(lake: FakeLake, tmp_path: Path) -> None:
    lake.land(SESSION, "SPX")
    lake.export()
    files = {file: file.read_bytes() for file in lake.paths.lake.rglob("*.parquet")}
    some = next(iter(files))
    with connect_as_known(lake.paths, LATER) as connection:
        for sql in (f"copy key_levels to '{some}'", f"copy key_levels to '{tmp_path / 'out'}'", f"from '{some}'"):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
    assert {file: file.read_bytes() for file in lake.paths.lake.rglob("*.parquet")} == files


def test_nothing_loaded_yet_is_told(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="nothing has been loaded"):
        query(Paths(tmp_path), "select 1", as_known=LATER)
