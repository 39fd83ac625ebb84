"""A warehouse in another file: the same as what is served, as it would have been, or by an earlier method."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake
from pipelines.tables import LAKE_TABLES, PUBLISHED_TABLES
from pipelines.upkeep.rebuild import RebuildError, rebuild
from pipelines.warehouse.connection import QueryError
from pipelines.warehouse.query import query

Rows = dict[str, list[tuple[Any, ...]]]
FACTS = sorted(name for name, table in LAKE_TABLES.items() if table.is_published)


def rows_of(file: Path) -> Rows:
    with duckdb.connect(str(file), read_only=True) as connection:
        return {name: sorted(connection.execute(f"from {name}").fetchall(), key=repr) for name in PUBLISHED_TABLES}


def state(lake: Lake) -> dict[Path, tuple[int, int]]:
    """Everything but the folder in which a rebuild works, and locks that come and go."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in lake.paths.root.rglob("*")
        if path.is_file() and "rebuild" not in path.parts and not path.name.startswith("_catalogue.sqlite")
        and path.suffix != ".lock"
    }  # fmt: skip


def between_versions(lake: Lake) -> datetime:
    """An instant at which a level that was restated later had its first version."""
    rows = lake.catalogue.rows(
        "select session_date, min(known_at) as first, max(known_at) as last from partition_versions"
        " where table_name = 'key_levels' group by session_date having count(*) > 1"
    )
    assert rows, "nothing was restated"
    return datetime.fromisoformat(rows[0]["first"])


def test_without_options_it_equals_the_served_file_and_touches_nothing(kept: Lake, tmp_path: Path) -> None:
    before = state(kept)
    done = rebuild(kept, tmp_path / "again.duckdb")
    assert rows_of(done.file) == rows_of(kept.paths.warehouse)
    assert done.left_out == {}
    assert state(kept) == before


def test_as_known_at_an_instant_every_fact_is_what_sql_as_known_answers(kept: Lake, tmp_path: Path) -> None:
    instant = between_versions(kept)
    done = rebuild(kept, tmp_path / "then.duckdb", as_known=instant)
    then, now = rows_of(done.file), rows_of(kept.paths.warehouse)
    for table in FACTS:
        answer = query(kept.paths, f"from {table}", as_known=instant)
        assert then[table] == sorted(answer, key=repr), table
    assert then["key_levels"] != now["key_levels"]
    assert {row[1] for row in then["key_levels_latest"]} <= {row[1] for row in then["key_levels"]}
    place = [column.name for column in PUBLISHED_TABLES["partition_versions"].columns].index("known_at")
    assert max(row[place] for row in then["partition_versions"]) <= instant
    assert len(then["load_ledger"]) < len(now["load_ledger"])


def test_with_an_earlier_method_its_rows_stand_and_what_it_never_made_is_counted(kept: Lake, tmp_path: Path) -> None:
    (restated,) = {
        row["session_date"]
        for row in kept.catalogue.rows("select * from partition_versions where table_name = 'key_levels' and v = 2")
    }
    with sqlite3.connect(kept.paths.catalogue) as other:
        other.execute(
            "update partition_versions set method_version = 'old'"
            " where stage = 'exposures' and v = 1 and session_date = ?",
            [restated],
        )
    export_catalogue(kept)
    done = rebuild(kept, tmp_path / "old.duckdb", methods={"exposures": "old"})
    tables = {row["table_name"] for row in kept.catalogue.rows(
        "select distinct table_name from partition_versions where stage = 'exposures'")}  # fmt: skip
    assert done.left_out == {"exposures": len(tables)}  # the other session, in each of them
    with duckdb.connect(str(done.file), read_only=True) as connection:
        held = connection.execute("select distinct session_date::varchar, v from key_levels").fetchall()
        others = connection.execute("select count(distinct session_date) from option_snapshots").fetchone()
    assert held == [(restated, 1)]
    assert others == (2,)
    with pytest.raises(RebuildError, match=r"no version by exposures 7; stored of exposures: \d, old"):
        rebuild(kept, tmp_path / "none.duckdb", methods={"exposures": "7"})
    with pytest.raises(RebuildError, match="stored of nonsense: none"):
        rebuild(kept, tmp_path / "none.duckdb", methods={"nonsense": "1"})
    assert not (tmp_path / "none.duckdb").exists()


def test_what_was_pruned_is_said_and_not_found_missing(kept: Lake, tmp_path: Path) -> None:
    instant = between_versions(kept)
    old = [v for v in kept.catalogue.versions(["key_levels"]) if v.known_at <= instant]
    kept.catalogue.mark_pruned(old, datetime(2030, 1, 1))
    for version in old:
        (kept.paths.lake / version.path).unlink()
    export_catalogue(kept)
    with pytest.raises(RebuildError, match=r"1 versions that it would hold have been pruned, such as key_levels us"):
        rebuild(kept, tmp_path / "then.duckdb", as_known=instant)
    with pytest.raises(QueryError, match="1 versions of key_levels that were current then have been pruned"):
        query(kept.paths, "from key_levels", as_known=instant)
    assert query(kept.paths, "select count(*) > 0 from strike_exposures", as_known=instant).fetch(1) == [(True,)]
    later = query(kept.paths, "select count(*) > 0 from key_levels", as_known=datetime(2031, 1, 1))
    assert later.fetch(1) == [(True,)]


@pytest.mark.parametrize("place", ["warehouse/new.duckdb", "lake/new.duckdb", "marts/new.duckdb", "build/new.duckdb"])
def test_it_never_writes_where_the_data_are_served_or_over_a_file(kept: Lake, tmp_path: Path, place: str) -> None:
    with pytest.raises(RebuildError, match="holds what is served"):
        rebuild(kept, kept.paths.root / place)
    (tmp_path / "mine.duckdb").write_text("mine")
    for there in (tmp_path / "mine.duckdb", kept.paths.warehouse):
        with pytest.raises(RebuildError, match="is there already"):
            rebuild(kept, there)
    assert (tmp_path / "mine.duckdb").read_text() == "mine"
    with pytest.raises(RebuildError, match="is no folder"):
        rebuild(kept, tmp_path / "nowhere" / "new.duckdb")


def test_a_build_that_fails_leaves_no_file(kept: Lake, tmp_path: Path) -> None:
    shutil.rmtree(kept.paths.lake / "strike_exposures")
    with pytest.raises(RebuildError, match=r"new\.duckdb is not written"):
        rebuild(kept, tmp_path / "new.duckdb")
    assert not (tmp_path / "new.duckdb").exists()


def test_the_command_says_what_it_built(kept: Lake, tmp_path: Path) -> None:
    environment = {"DEALERFLOW_DATA": str(kept.paths.root)}
    target = tmp_path / "then.duckdb"
    done = CliRunner().invoke(app, ["rebuild", "--into", str(target), "--as-known", "2024-06-17"], env=environment)
    assert done.exit_code == 0, done.output
    assert f"{target}: " in done.output
    assert rows_of(target)["key_levels"] == []
    wrong = CliRunner().invoke(app, ["rebuild", "--into", str(target), "--method", "exposures"], env=environment)
    assert "write STAGE=VERSION" in str(wrong.exception)
