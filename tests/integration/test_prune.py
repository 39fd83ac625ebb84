"""What may go goes, what a number rests on stays, and what went is said."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.lake.catalogue import Version
from pipelines.lake.store import Lake
from pipelines.materialise import bring_up_to_date
from pipelines.operator_settings import Retention
from pipelines.settings import Paths
from pipelines.stages.spine import SPINES
from pipelines.upkeep import dagster_runs
from pipelines.upkeep.lineage import lineage
from pipelines.upkeep.prune import prune
from pipelines.upkeep.verify import verify
from tests.integration.spine import current, derive, refusals

SOON = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
MUCH_LATER = SOON + timedelta(days=40)
A_MONTH = Retention(superseded_days=30)
RAW_TABLES = {"chains", "pages", "quarantine", "treasury_zero_curve"}


def superseded(lake: Lake) -> list[Version]:
    versions = lake.catalogue.versions_of_all_tables()
    newest = {(v.table, v.key): max(w.rank for w in versions if (w.table, w.key) == (v.table, v.key)) for v in versions}
    return [v for v in versions if v.rank < newest[v.table, v.key]]


def files(lake: Lake) -> set[str]:
    return {path.relative_to(lake.paths.lake).as_posix() for path in lake.paths.lake.glob("*/market=*/**/*.parquet")}


def raw(lake: Lake) -> set[Path]:
    return {path for path in lake.paths.raw.rglob("*") if path.is_file()}


def test_without_a_declaration_nothing_but_leftovers_goes(kept: Lake) -> None:
    before = files(kept)
    assert superseded(kept)
    gone = prune(kept, Retention(), MUCH_LATER)
    assert (gone.versions, gone.leftovers) == ((), ())
    assert files(kept) == before


def test_leftovers_go_a_day_later_and_raw_objects_never(kept: Lake) -> None:
    place = next(kept.paths.lake.glob("key_levels/market=us/session_date=2024-06-17/part=SPY"))
    (place / "v=9.parquet").write_bytes(b"never committed")
    (place / ".v=10.parquet.tmp").write_bytes(b"torn")
    (kept.paths.raw / "ab").mkdir(exist_ok=True)
    (kept.paths.raw / "ab" / ("ab" * 32)).write_bytes(b"refused")
    (kept.paths.raw / "ab" / f".{'ab' * 32}.tmp").write_bytes(b"torn")
    (kept.paths.build / "dealerflow.duckdb.wal").write_bytes(b"a killed publish")
    objects = {path for path in raw(kept) if not path.name.startswith(".")}
    assert prune(kept, Retention(), SOON).leftovers == ()
    gone = prune(kept, Retention(), MUCH_LATER)
    assert {path.name for path in gone.leftovers} == {
        "v=9.parquet", ".v=10.parquet.tmp", f".{'ab' * 32}.tmp", "dealerflow.duckdb.wal",
    }  # fmt: skip
    assert gone.bytes_freed == len(b"never committed") + 2 * len(b"torn") + len(b"a killed publish")
    assert raw(kept) == objects
    assert verify(kept).faults == ()


def test_derived_versions_go_when_long_superseded_and_their_rows_stay(kept: Lake) -> None:
    before, tables = files(kept), {name: current(kept, name) for name in ("key_levels", "chains", "snapshot_marks")}
    old = superseded(kept)
    assert prune(kept, A_MONTH, SOON).versions == ()
    gone = prune(kept, A_MONTH, MUCH_LATER).versions
    assert gone
    assert set(gone) <= set(old)
    assert not {version.table for version in gone} & RAW_TABLES
    assert before - files(kept) == {version.path for version in gone}
    rows = kept.catalogue.rows("select * from partition_versions where pruned_at is not null")
    assert {row["path"] for row in rows} == {version.path for version in gone}
    for name, frame in tables.items():
        assert current(kept, name).equals(frame)
    exported = pl.read_parquet(kept.paths.exports / "partition_versions.parquet")
    assert exported["pruned_at"].count() == len(gone)
    assert prune(kept, A_MONTH, MUCH_LATER).versions == ()


def test_nothing_goes_from_which_a_current_version_was_made(kept: Lake) -> None:
    prune(kept, A_MONTH, MUCH_LATER)
    for version in kept.catalogue.versions_of_all_tables():
        is_current = not any(v.rank > version.rank for v in kept.catalogue.versions([version.table])
                             if v.key == version.key)  # fmt: skip
        if is_current:
            key = [version.key.part, str(version.key.session_date)]
            assert "pruned_at" not in str(lineage(kept, version.table, key, is_all=True))


def test_verify_and_lineage_say_what_was_pruned(kept: Lake) -> None:
    gone = prune(kept, A_MONTH, MUCH_LATER).versions
    done = verify(kept)
    assert done.faults == ()
    assert done.pruned == len(gone)
    version = gone[0]
    root = lineage(kept, version.table, [version.key.part, str(version.key.session_date), f"v{version.v}"])
    assert "pruned_at" in root.made_of[0].facts


def test_after_pruning_a_new_method_is_applied_to_what_stands(kept: Lake) -> None:
    prune(kept, A_MONTH, MUCH_LATER)
    before = {name: current(kept, name) for name in ("key_levels", "exposure_heatmap", "option_snapshots")}
    assert refusals(derive(kept)) == []
    newer = [replace(stage, method_version=f"{stage.method_version}-newer") for stage in SPINES["us"]]
    assert refusals(bring_up_to_date(kept, newer)) == []
    assert {name: current(kept, name) for name in before}.keys() == before.keys()
    for name, frame in before.items():
        assert current(kept, name).equals(frame)


def test_a_kill_between_the_row_and_the_file_leaves_a_leftover(kept: Lake) -> None:
    (version, *_) = superseded(kept)
    kept.catalogue.mark_pruned([version], SOON)
    done = verify(kept)
    assert done.faults == ()
    assert done.leftovers == (f"lake/{version.path}",)
    gone = prune(kept, Retention(), MUCH_LATER)
    assert [path.relative_to(kept.paths.lake).as_posix() for path in gone.leftovers] == [version.path]


def test_a_dry_run_says_the_same_and_does_nothing(kept: Lake) -> None:
    before = files(kept)
    would_go = prune(kept, A_MONTH, MUCH_LATER, is_dry_run=True)
    assert files(kept) == before
    assert prune(kept, A_MONTH, MUCH_LATER) == would_go


def test_old_runs_of_dagster_go_with_their_logs(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    home = tmp_path / "dagster"
    assert dagster_runs.older_than(paths, MUCH_LATER) == []
    assert not home.exists()
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def a_job() -> None:
        nothing()

    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = a_job.execute_in_process(instance=instance)
    (home / "storage" / run.run_id).mkdir(parents=True, exist_ok=True)
    assert dagster_runs.older_than(paths, SOON - timedelta(days=1)) == []
    assert dagster_runs.older_than(paths, SOON) == [run.run_id]
    dagster_runs.delete(paths, [run.run_id])
    assert dagster_runs.older_than(paths, SOON) == []
    assert not (home / "storage" / run.run_id).exists()


@pytest.mark.parametrize("declared", ["", "[retention]\nsuperseded_days = 30\n"])
def test_the_command_takes_what_the_operator_declares(kept: Lake, declared: str) -> None:
    (kept.paths.root / "dealerflow.toml").write_text(declared)
    long_ago = (datetime.now(UTC) - timedelta(days=60)).timestamp()
    for path in kept.paths.lake.glob("*/market=*/**/*.parquet"):
        os.utime(path, (long_ago, long_ago))
    environment = {"DEALERFLOW_DATA": str(kept.paths.root)}
    dry = CliRunner().invoke(app, ["prune", "--dry-run"], env=environment)
    done = CliRunner().invoke(app, ["prune"], env=environment)
    assert (dry.exit_code, done.exit_code) == (0, 0), done.output
    assert ("superseded  " in done.output) == bool(declared)
    assert dry.output.splitlines()[-1].replace("Would go", "Gone") in done.output


def test_levels_that_once_stood_stay_for_bars_are_told_beside_them(kept: Lake) -> None:
    assert any(version.table == "key_levels" for version in superseded(kept))
    gone = prune(kept, A_MONTH, MUCH_LATER).versions
    assert gone
    assert "key_levels" not in {version.table for version in gone}
