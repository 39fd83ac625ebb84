"""A missed day shows as a gap and is filled by a backfill; a killed backfill goes on where it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines import operate
from pipelines.cli import app
from pipelines.daily import backfill as backfilling
from pipelines.lake.store import opened
from pipelines.settings import PROJECT, Paths
from pipelines.warehouse.publish import PublishReport
from tests.archive_files import archive

DAYS = [date(2024, 6, day) for day in (10, 11, 12, 13, 14, 17, 18, 20)]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A warehouse of its own, published by nobody."""
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("pipelines.daily.backfill.SESSIONS_IN_A_BATCH", 3)
    monkeypatch.setattr(operate, "publish", lambda _: PublishReport(True, False, 0.0, ()))
    monkeypatch.setattr(operate, "_show_levels", lambda _: None)
    return Paths(tmp_path / "data")


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)


def computed(paths: Paths) -> dict[str, str]:
    """The hash of every version."""
    with opened(paths) as lake:
        return {
            f"{v.table} {v.key.session_date} {v.known_at} {v.v}": v.output_sha256
            for v in sorted(lake.catalogue.versions(["snapshot_marks", "strike_exposures", "exposure_heatmap"]),
                            key=lambda v: v.v)
        }  # fmt: skip


def test_a_missed_day_shows_as_a_gap_and_is_filled_by_a_backfill(data: Paths, tmp_path: Path) -> None:
    files = archive(tmp_path / "archive", DAYS)
    first = call("backfill", *files[:3], *files[4:])
    assert first.exit_code == 0, first.output
    assert "batches: 3." in first.output
    assert "Gaps that remain: 1 (dealerflow gaps)" in first.output
    assert "Nothing to compute" in first.output  # the batches left nothing to do
    shown = call("gaps").output
    assert "2024-06-13" in shown
    assert "dealerflow backfill" in shown

    dry = call("backfill", tmp_path / "archive", "--dry-run").output
    assert "1 to land, 7 landed before" in dry
    assert "2024-06-13 ABC (deltaneutral_eod, missing)" in dry
    assert "2024-06-13" in call("gaps").output

    second = call("backfill", tmp_path / "archive")
    assert second.exit_code == 0, second.output
    assert "Gaps filled: 1. Gaps that remain: 0." in second.output
    assert "No gaps" in call("gaps").output
    with opened(data) as lake:
        rows = lake.catalogue.rows("select session_date, status, reason from gaps")
    assert rows == [{"session_date": "2024-06-13", "status": "filled", "reason": "by deltaneutral_eod"}]
    assert "0 to land, 8 landed before" in call("backfill", tmp_path / "archive").output


def test_a_dry_run_and_a_range_leave_out_what_they_say(data: Paths, tmp_path: Path) -> None:
    archive(tmp_path / "archive", DAYS[:4])
    (tmp_path / "archive" / "junk.csv").write_text("a,b\n")
    dry = call("backfill", tmp_path / "archive", "--from", "2024-06-11", "--to", "2024-06-12", "--dry-run")
    assert dry.exit_code == 1
    assert "2 to land, 0 landed before, 1 unreadable, 2 outside the range" in dry.output
    assert computed(data) == {}
    with opened(data) as lake:
        assert lake.catalogue.rows("select * from load_ledger") == []


@pytest.mark.parametrize("step", ["load.committed:5", "catalogue.committed:40"])
def test_a_killed_backfill_goes_on_where_it_stopped(data: Paths, tmp_path: Path, step: str) -> None:
    folder = tmp_path / "archive"
    archive(folder, DAYS)
    killed = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "backfill", str(folder)],
        cwd=PROJECT, env={**os.environ, "DEALERFLOW_KILL_AT": step}, capture_output=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    again = call("backfill", folder)
    assert again.exit_code == 0, again.output
    assert "0 landed before" not in again.output
    resumed = computed(data)
    os.environ["DEALERFLOW_DATA"] = str(tmp_path / "undisturbed")
    assert call("backfill", folder).exit_code == 0
    assert computed(Paths(tmp_path / "undisturbed")) == resumed


def test_what_a_killed_call_had_landed_is_computed_before_what_rests_on_it(
    data: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = archive(tmp_path / "archive", DAYS)
    monkeypatch.setattr(backfilling, "SESSIONS_IN_A_BATCH", 2)
    assert call("backfill", *files[:2]).exit_code == 0
    assert call("load", *files[2:4], "--land-only").exit_code == 0
    assert call("backfill", tmp_path / "archive").exit_code == 0
    resumed = computed(data)
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path / "undisturbed"))
    assert call("backfill", tmp_path / "archive").exit_code == 0
    assert computed(Paths(tmp_path / "undisturbed")) == resumed


def test_a_correction_that_cannot_be_told_from_what_it_corrects_says_so(data: Paths, tmp_path: Path) -> None:
    [first] = archive(tmp_path, DAYS[:1])
    second = tmp_path / "corrected.csv"
    second.write_text(first.read_text().replace(",50,", ",51,"))
    told = call("load", first, second, "--land-only").output
    assert told.count(f"says otherwise than {first.name}, and neither tells which is newer") == 1
