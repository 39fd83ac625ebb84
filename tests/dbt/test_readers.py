"""The Parquet marts and the lake's current partitions, opened by the readers that people use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.settings import Paths
from pipelines.warehouse.marts import EXPORTED
from pipelines.warehouse.publish import publish
from tests.dbt.fake_lake import FakeLake

_PLAIN = {"string", "large_string", "bool", "int64", "double", "timestamp[us]", "date32[day]"}


def by_duckdb(path: Path) -> tuple[int, list[str]]:
    with duckdb.connect() as connection:
        found = connection.execute(f"select * from read_parquet('{path}', hive_partitioning = false)")
        return len(found.fetchall()), [column[0] for column in found.description]


def by_pyarrow(path: Path) -> tuple[int, list[str]]:
    table = pq.read_table(path, partitioning=None)
    return table.num_rows, table.column_names


def by_polars(path: Path) -> tuple[int, list[str]]:
    frame = pl.read_parquet(path, hive_partitioning=False)
    return frame.height, frame.columns


def by_pandas(path: Path) -> tuple[int, list[str]]:
    frame = pd.read_parquet(path, partitioning=None)
    return len(frame), list(frame.columns)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every Parquet mart, and a partition of each fact of the lake."""
    paths = Paths(tmp_path_factory.mktemp("readers") / "data")
    lake = FakeLake(paths)
    lake.land(date(2024, 1, 2), "SPX")
    lake.load("page.csv")
    lake.export()
    publish(paths)
    marts = [paths.marts / f"{name}.parquet" for name in EXPORTED]
    return marts + sorted(paths.lake.rglob("v=1.parquet"))


@pytest.mark.parametrize("reader", [by_pyarrow, by_polars, by_pandas])
def test_every_reader_finds_the_rows_and_columns_that_duckdb_finds(
    files: list[Path], reader: Callable[[Path], tuple[int, list[str]]]
) -> None:
    assert len(files) > 20
    assert {path: reader(path) for path in files} == {path: by_duckdb(path) for path in files}


def test_types_are_plain(files: list[Path]) -> None:
    def is_plain(kind: Any) -> bool:
        return str(kind) in _PLAIN or (
            (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and is_plain(kind.value_type)
        )

    wrong = [
        f"{path.name} {field.name}: {field.type}"
        for path in files
        for field in pq.read_schema(path)
        if not is_plain(field.type)
    ]
    assert wrong == []
