"""Publishing: whole or not at all, the same by increments as anew, and never in a reader's way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.settings import PROJECT, Paths
from pipelines.tables import PUBLISHED_TABLES, published_columns
from pipelines.warehouse import dbt
from pipelines.warehouse import publish as publishing
from pipelines.warehouse.marts import EXPORTED
from pipelines.warehouse.project import DBT_PROJECT, build_file
from pipelines.warehouse.publish import PublishError, publish
from tests.dbt.fake_lake import FakeLake, close_of, snapshot_rows

DAYS = [date(2024, 1, day) for day in (2, 3, 4)]
LATER = datetime(2024, 1, 10)
Rows = dict[str, list[tuple[Any, ...]]]


def contents(file: Path) -> Rows:
    """Every row of every published table, sorted."""
    # A copy under another name: DuckDB would answer from the file that this process already holds.
    copy = file.with_name(f"copy-{time.monotonic_ns()}.duckdb")
    shutil.copyfile(file, copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        rows = {name: sorted(connection.execute(f"from {name}").fetchall(), key=repr) for name in PUBLISHED_TABLES}
    copy.unlink()
    return rows


def project_files() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in DBT_PROJECT.rglob("*")}


class World:
    """A warehouse that can be put back to where it started, at the same place."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths(home / "data")
        self._kept = home / "kept"
        self.empty_file = home / "empty.duckdb"
        self.lake = FakeLake(self.paths)
        self.project_before = project_files()

    def keep(self) -> None:
        shutil.copytree(self.paths.root, self._kept)
        self._versions = list(self.lake.versions)

    def restore(self) -> None:
        shutil.rmtree(self.paths.root)
        shutil.copytree(self._kept, self.paths.root)
        self.lake.versions = list(self._versions)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> World:
    """First an empty lake is published, then three sessions of one underlying."""
    world = World(tmp_path_factory.mktemp("world"))
    publish(world.paths)
    shutil.copyfile(world.paths.warehouse, world.empty_file)
    for day in DAYS:
        world.lake.land(day, "SPX")
    world.lake.load("page.csv")
    world.lake.export()
    publish(world.paths)
    world.keep()
    return world


@pytest.fixture
def world(started: World) -> Iterator[World]:
    yield started
    started.restore()


def test_an_empty_lake_gives_every_table_with_its_columns_and_no_facts(world: World) -> None:
    rows = contents(world.empty_file)
    filled = {name for name, held in rows.items() if held}
    assert filled == {"data_dictionary", "default_models", "method_versions"}


@pytest.mark.parametrize("file", ["warehouse", "empty"])
def test_the_file_holds_exactly_the_declared_tables_columns_and_types(world: World, file: str) -> None:
    path = world.paths.warehouse if file == "warehouse" else world.empty_file
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'main' order by table_name, ordinal_position"
        ).fetchall()
        others = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema <> 'main' or table_type <> 'BASE TABLE'"
        ).fetchall()
    declared = [
        (name, column.name, column.duckdb_type)
        for name, table in sorted(PUBLISHED_TABLES.items())
        for column in published_columns(table)
    ]
    assert found == declared
    assert others == [("publication", "record")]


def test_the_file_works_attached_to_another(world: World) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{world.paths.warehouse}' as flow (read_only)")
        assert connection.execute("select count(*) from flow.key_levels_latest").fetchone() == (1,)


def test_the_latest_levels_are_those_of_the_newest_session(world: World) -> None:
    (row,) = contents(world.paths.warehouse)["key_levels_latest"]
    assert row[:4] == ("us", DAYS[-1], "SPX", 1)


def test_with_nothing_new_nothing_is_built_and_nothing_is_touched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: object) -> None:
        raise AssertionError("dbt was started")

    monkeypatch.setattr(publishing, "build", unexpected)
    before = {path: path.stat().st_mtime_ns for path in [world.paths.warehouse, *world.paths.marts.iterdir()]}
    report = publish(world.paths)
    assert not report.is_published
    assert "nothing to publish" in report.message
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_publishing_by_increments_equals_building_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restated, a new, a withdrawn and an untouched partition at once; a changed project is built anew.

    The new partition comes from before a column was added, which then reads as null.
    """
    world.lake.land(DAYS[0], "SPX", open_interest=25.0, known_at=LATER)
    world.lake.land(DAYS[1], "SPY")
    (old,) = world.paths.lake.glob("key_levels/**/part=SPY/v=1.parquet")
    pl.read_parquet(old, hive_partitioning=False).drop("call_wall").write_parquet(old)
    world.lake.withdraw(DAYS[2], "SPX", LATER)
    world.lake.export()
    report = publish(world.paths)
    assert (report.is_published, report.is_rebuilt) == (True, False)
    by_increments = contents(world.paths.warehouse)
    held = {row[:4] for row in by_increments["option_snapshots"]}
    assert held == {("us", DAYS[0], "SPX", 2), ("us", DAYS[1], "SPX", 1), ("us", DAYS[1], "SPY", 1)}
    place = [column.name for column in published_columns(PUBLISHED_TABLES["key_levels"])].index("call_wall")
    walls = {(row[2], row[place]) for row in by_increments["key_levels"]}
    assert walls == {("SPX", 110.0), ("SPX", None), ("SPY", None)}
    monkeypatch.setattr(publishing, "project_fingerprint", lambda: "a changed project")
    assert publish(world.paths).is_rebuilt
    assert contents(world.paths.warehouse) == by_increments


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what dbt ran since the test began."""
    names: list[str] = []
    invoke = dbt.invoke

    def noted(paths: Paths, arguments: list[str]) -> Any:
        result = invoke(paths, arguments)
        names.extend(node.node.name for node in result)
        return result

    monkeypatch.setattr(dbt, "invoke", noted)
    return names


def test_what_rests_on_nothing_new_is_not_built_again(world: World, ran: list[str]) -> None:
    world.lake.load("another.csv")
    world.lake.export()
    world.lake.loads.pop()
    publish(world.paths)
    assert "load_ledger" in ran
    assert not {"stg_chains", "contracts", "option_snapshots", "key_levels"} & set(ran)
    assert len(contents(world.paths.warehouse)["load_ledger"]) == 2


def test_what_rests_on_a_restated_table_is_built_and_tested_with_all_it_is_compared_with(
    world: World, ran: list[str]
) -> None:
    """Levels of the latest sessions rest on the restated ones; totals are compared with strikes that did not change."""
    rows = snapshot_rows({"underlying": "SPX", "snapshot_ts": close_of(DAYS[2]), "source": "fake", "known_at": LATER,
                          "is_partial": False}, DAYS[2], 10.0, 0.0)  # fmt: skip
    for table in ("key_levels", "exposure_summary"):
        world.lake.write(table, DAYS[2], "SPX", rows[table], LATER)
    world.lake.export()
    publish(world.paths)
    assert {"key_levels", "key_levels_latest", "study_bars", "exposure_summary"} <= set(ran)
    assert {"strikes_sum_to_the_totals_of_all_expiries", "holds_current_versions_key_levels_"} <= set(ran)
    assert not {"strike_exposures", "contracts", "gamma_profile"} & set(ran)
    (latest,) = contents(world.paths.warehouse)["key_levels_latest"]
    assert latest[:4] == ("us", DAYS[2], "SPX", 2)


def test_a_file_that_does_not_say_what_it_was_made_of_is_built_anew(world: World) -> None:
    with duckdb.connect(str(world.paths.warehouse)) as connection:
        connection.execute("alter table publication.record rename column inputs to content")
    assert publish(world.paths).is_rebuilt


def test_small_marts_are_parquet_files_equal_to_their_tables(world: World) -> None:
    published = contents(world.paths.warehouse)
    files = {path.stem: path for path in world.paths.marts.glob("*.parquet")}
    assert set(files) == set(EXPORTED)
    with duckdb.connect() as connection:
        for name, path in files.items():
            assert sorted(connection.execute(f"from '{path}'").fetchall(), key=repr) == published[name]


def test_a_failing_test_leaves_the_old_file_and_is_named(world: World) -> None:
    before = world.paths.warehouse.read_bytes(), (world.paths.marts / "key_levels.parquet").read_bytes()
    world.lake.land(DAYS[0], "SPX", known_at=LATER, skew=1.0)
    world.lake.export()
    with pytest.raises(PublishError, match="strikes_sum_to_the_totals") as failure:
        publish(world.paths)
    assert "\n" not in str(failure.value)
    assert (world.paths.warehouse.read_bytes(), (world.paths.marts / "key_levels.parquet").read_bytes()) == before
    world.lake.land(DAYS[0], "SPX", known_at=LATER)
    world.lake.export()
    assert publish(world.paths).is_published


READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
cursor = connection.cursor().execute("select v from key_levels where session_date = date '2024-01-02'")
print(cursor.fetchone()[0], flush=True)
sys.stdin.readline()
rows = connection.execute("select distinct v from key_levels where session_date = date '2024-01-02'").fetchall()
print(len(cursor.fetchall()), rows[0][0], flush=True)
"""


def test_a_reader_neither_blocks_a_publish_nor_is_broken_by_it(world: World) -> None:
    """Another process reads on in its old state, this one holds the file too, a new reader sees the new state."""
    other = subprocess.Popen(
        [sys.executable, "-c", READER, str(world.paths.warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout
    assert other.stdout.readline() == "1\n"
    with duckdb.connect(str(world.paths.warehouse), read_only=True):
        world.lake.land(DAYS[0], "SPX", known_at=LATER)
        world.lake.export()
        assert publish(world.paths).is_published
        assert not publish(world.paths).is_published
    assert other.communicate("\n", timeout=30) == ("11 1\n", None)
    newer = subprocess.run(
        [sys.executable, "-c", READER, str(world.paths.warehouse)],
        input="\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert newer.stdout == "2\n11 2\n"
    versions = pl.read_parquet(world.paths.marts / "key_levels.parquet").filter(session_date=DAYS[0])["v"]
    assert set(versions) == {2}


def test_a_publish_waits_for_another_and_then_finds_its_work_done(world: World) -> None:
    world.lake.load("another.csv")
    world.lake.export()
    world.lake.loads.pop()
    with ThreadPoolExecutor(2) as executor:
        reports = [future.result() for future in [executor.submit(publish_as_process, world.paths) for _ in range(2)]]
    assert [code for code, _ in reports] == [0, 0]
    assert sorted(told.split()[0] for _, told in reports) == ["nothing", "warehouse"]
    assert len(contents(world.paths.warehouse)["load_ledger"]) == 2


def publish_as_process(paths: Paths) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH, str(paths.root)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def quick_build(paths: Paths, *_: object) -> None:
    """In place of dbt, where what is killed is the way around it."""
    with duckdb.connect(str(build_file(paths))) as connection:
        connection.execute(f"create or replace table load_ledger as from '{paths.build}/exports/load_ledger.parquet'")


QUICK = """
import sys
from pathlib import Path
from pipelines.settings import Paths
from pipelines.warehouse import publish as publishing
from tests.dbt.test_publish import quick_build

publishing.build = quick_build
publishing.publish(Paths(Path(sys.argv[1])))
"""


def run(code: str, paths: Paths, **environment: str) -> subprocess.Popen[bytes]:
    known = {"PYTHONPATH": str(PROJECT)}
    return subprocess.Popen([sys.executable, "-c", code, str(paths.root)], env=os.environ | known | environment)


@pytest.mark.parametrize(
    ("boundary", "loads_served"),
    [
        ("publish.copied", 1),
        ("publish.built", 1),
        ("publish.synced", 1),
        ("publish.replaced", 2),
        ("publish.exported", 2),
    ],
)
def test_killed_at_any_boundary_a_whole_file_serves_and_the_next_publish_is_right(
    world: World, monkeypatch: pytest.MonkeyPatch, boundary: str, loads_served: int
) -> None:
    world.lake.load("another.csv")
    world.lake.export()
    world.lake.loads.pop()
    assert run(QUICK, world.paths, DEALERFLOW_KILL_AT=boundary).wait(60) == -9
    served = contents(world.paths.warehouse)
    assert len(served["load_ledger"]) == loads_served
    assert len(served["key_levels"]) == 36
    monkeypatch.setattr(publishing, "build", quick_build)
    publish(world.paths)
    assert len(contents(world.paths.warehouse)["load_ledger"]) == 2
    assert pl.read_parquet(world.paths.marts / "load_ledger.parquet").height == 2
    manifest = json.loads((world.paths.marts / "_manifest.json").read_text())
    assert manifest["rows"]["load_ledger"] == 2


PUBLISH = """
import sys
from pathlib import Path
from pipelines.settings import Paths
from pipelines.warehouse.publish import publish
print(publish(Paths(Path(sys.argv[1]))).message)
"""


@pytest.mark.slow
def test_killed_while_dbt_builds_the_old_file_serves_and_the_next_publish_is_right(world: World) -> None:
    before = world.paths.warehouse.read_bytes()
    world.lake.land(DAYS[0], "SPX", open_interest=25.0, known_at=LATER)
    world.lake.export()
    process = run(PUBLISH, world.paths)
    building = world.paths.build / "dealerflow.duckdb.wal"
    deadline = time.monotonic() + 60
    while not (building.exists() and building.stat().st_size > 20_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait(30)
    assert building.exists(), "killed too late to test anything"
    assert world.paths.warehouse.read_bytes() == before
    publish(world.paths)
    held = contents(world.paths.warehouse)["key_levels"]
    assert {row[1:4] for row in held} == {(DAYS[0], "SPX", 2), (DAYS[1], "SPX", 1), (DAYS[2], "SPX", 1)}


def test_the_dbt_project_is_only_read(world: World) -> None:
    assert project_files() == world.project_before
