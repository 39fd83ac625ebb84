"""Questions can be asked, nothing can be written, and mistakes are told in one line."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError
from pipelines.warehouse.query import connect_readonly, parse_instant, query
from pipelines.warehouse.render import Format, render


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "data")
    paths.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(paths.warehouse)) as connection:
        connection.execute(
            "create table key_levels as select 'SPX' as underlying, timestamp '2024-01-02 21:00:00' as snapshot_ts,"
            " 4700.5 as gamma_flip, [4600.0, 4700.5, 4800.0, 4900.0] as gamma_flips, true as is_partial,"
            " null::double as hvl, range as row from range(100)"
        )
    return paths


def shown(paths: Paths, sql: str, style: Format = "table", max_rows: int = 40) -> str:
    output = io.StringIO()
    render(query(paths, sql), output, style, max_rows=max_rows)
    return output.getvalue()


WRITES = [
    "copy key_levels to '{out}'",
    "copy (select 1) to '{out}'",
    "import database '{out}'",
    "export database '{out}'",
    "attach '{out}' as other",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "pragma enable_external_access = true",
    "reset enable_external_access",
    "select * from read_csv('{out}')",
    "select * from read_text('/etc/hostname')",
    "select * from glob('/etc/*')",
    "select * from '/etc/hostname'",
    "explain analyze copy key_levels to '{out}'",
    "create table other as select 1",
    "drop table key_levels",
    "insert into key_levels select * from key_levels",
    "update key_levels set hvl = 1",
    "delete from key_levels",
    "select 1; copy key_levels to '{out}'",
    "with rows as (select 1) insert into key_levels from rows",
    "call force_checkpoint()",
]


@pytest.mark.parametrize("sql", WRITES)
def test_no_query_can_write_a_file_or_read_one(paths: Paths, sql: str, tmp_path: Path) -> None:
    out = tmp_path / "escaped"
    before = paths.warehouse.read_bytes()
    with pytest.raises(QueryError) as refusal:
        query(paths, sql.format(out=out)).fetch(1)
    assert "\n" not in str(refusal.value)
    assert not out.exists()
    assert paths.warehouse.read_bytes() == before


@pytest.mark.parametrize("sql", [sql for sql in WRITES if ";" not in sql])
def test_the_connection_alone_refuses_the_same(paths: Paths, sql: str, tmp_path: Path) -> None:
    out = tmp_path / "escaped"
    with connect_readonly(paths.warehouse) as connection, pytest.raises(duckdb.Error):
        connection.execute(sql.format(out=out)).fetchall()
    assert not out.exists()


def test_a_query_sees_no_variable_of_this_process(paths: Paths) -> None:
    import polars as pl

    secret = pl.DataFrame({"a": [1]})
    assert secret.height == 1
    with pytest.raises(QueryError, match="secret does not exist"):
        query(paths, "select * from secret")


@pytest.mark.parametrize(
    "sql", ["from key_levels", "describe key_levels", "show tables", "explain select 1", "values (1)"]
)
def test_every_kind_of_question_is_answered(paths: Paths, sql: str) -> None:
    assert query(paths, sql).fetch(1)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("selec 1", "syntax error"),
        ("select nope from key_levels", "nope"),
        ("select * from key_level", "Did you mean"),
        ("", "empty"),
        ("select 1; select 2", "one query at a time"),
        ("pivot key_levels on underlying using count(*)", "must list its values"),
    ],
)
def test_a_mistake_is_told_in_one_line(paths: Paths, sql: str, told: str) -> None:
    with pytest.raises(QueryError, match=told) as mistake:
        query(paths, sql)
    assert "\n" not in str(mistake.value)


def test_without_a_warehouse_the_next_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="dealerflow run"):
        query(Paths(tmp_path), "select 1")


def test_csv_and_json_hold_every_row_and_agree(paths: Paths) -> None:
    sql = "select * from key_levels order by row"
    from_csv = list(csv.DictReader(io.StringIO(shown(paths, sql, "csv"))))
    from_json = json.loads(shown(paths, sql, "json"))
    assert len(from_csv) == len(from_json) == 100
    assert from_json[7]["gamma_flips"] == json.loads(from_csv[7]["gamma_flips"]) == [4600.0, 4700.5, 4800.0, 4900.0]
    assert from_json[7]["snapshot_ts"] == from_csv[7]["snapshot_ts"] == "2024-01-02T21:00:00"
    assert (from_json[7]["is_partial"], from_csv[7]["is_partial"]) == (True, "true")
    assert (from_json[7]["hvl"], from_csv[7]["hvl"]) == (None, "")


def test_an_answer_without_rows_is_still_an_answer(paths: Paths) -> None:
    sql = "select row, hvl from key_levels where row < 0"
    assert shown(paths, sql, "csv") == "row,hvl\n"
    assert json.loads(shown(paths, sql, "json")) == []
    assert "no rows" in shown(paths, sql)


def test_numbers_without_a_value_are_null_in_json(paths: Paths) -> None:
    assert json.loads(shown(paths, "select 'nan'::double as a, 'inf'::double as b", "json")) == [{"a": None, "b": None}]


def test_a_long_table_is_capped_and_says_so(paths: Paths) -> None:
    text = shown(paths, "select row from key_levels order by row", max_rows=5)
    assert "only the first 5 rows are shown" in text
    assert "only the first" not in shown(paths, "select row from key_levels limit 5", max_rows=5)


def test_a_row_wider_than_the_terminal_is_shown_downwards(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown(paths, "from key_levels limit 1").splitlines()
    assert lines[0] == "row 1"
    assert any(line.split() == ["gamma_flip", "4700.5"] for line in lines)
    assert "(4 values)" in "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-05-01T13:30", datetime(2025, 5, 1, 13, 30)),
        ("2025-05-01 09:30:00-04:00", datetime(2025, 5, 1, 13, 30)),
        ("2025-05-01T13:30:00Z", datetime(2025, 5, 1, 13, 30)),
        ("2025-05-01", datetime(2025, 5, 1)),
    ],
)
def test_an_instant_is_utc_unless_it_names_a_zone(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


def test_what_is_no_instant_is_told_with_an_example() -> None:
    with pytest.raises(QueryError, match="2025-05-01T13:30"):
        parse_instant("yesterday")
