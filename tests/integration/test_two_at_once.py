"""Two commands started together on one lake both end right, and nothing is lost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.settings import PROJECT, Paths
from tests.integration.test_kills import contents


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=PROJECT, env=os.environ | {"DEALERFLOW_DATA": str(data), "DEALERFLOW_WORKERS": "2"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(*processes: subprocess.Popen[str]) -> list[tuple[str, str]]:
    told = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    return told


def served(data: Path) -> dict[str, int]:
    with duckdb.connect(str(Paths(data).warehouse), read_only=True) as connection:
        return {
            name: connection.execute(f"select count(*) from {name}").fetchone()[0]
            for name in ("key_levels", "option_snapshots", "load_ledger", "partition_versions")
        }


def files_of(market: list[Path], *names: str) -> list[str]:
    return [str(path) for path in market if any(name in path.name for name in names)]


@pytest.mark.slow
def test_two_loads_and_a_run_started_together_leave_what_one_load_leaves(tmp_path: Path, market: list[Path]) -> None:
    first = files_of(market, "spy_quotedata_2024-06-17", "treasury")
    second = files_of(market, "spy_quotedata_2024-06-18")
    alone, together = tmp_path / "alone", tmp_path / "together"
    finish(start(alone, "load", *first, *second))
    told = finish(start(together, "load", *first), start(together, "load", *second), start(together, "run"))
    waited = [line for _, errors in told for line in errors.splitlines() if line]
    assert waited, "they did not meet"
    assert all(re.fullmatch(r"waiting for another dealerflow process \(pid \d+ since .*\)", line) for line in waited)
    assert {path.split("/v=")[0] for path in contents(together)} == {path.split("/v=")[0] for path in contents(alone)}
    assert served(together)["key_levels"] == served(alone)["key_levels"]
    assert served(together)["option_snapshots"] == served(alone)["option_snapshots"]
    assert served(together)["load_ledger"] == len(first) + len(second)
    # Whatever came last, the served file holds the lake as it is now.
    assert "nothing to publish" in finish(start(together, "run"))[0][0]


@pytest.mark.slow
def test_two_runs_started_together_compute_everything_once(tmp_path: Path, market: list[Path]) -> None:
    files = files_of(market, "spy_quotedata_2024-06-17", "treasury")
    finish(start(tmp_path, "load", "--land-only", *files))
    told = finish(start(tmp_path, "run"), start(tmp_path, "run"))
    assert sum("New versions" in output for output, _ in told) == 1
    assert sum("Nothing to compute" in output for output, _ in told) == 1
    assert sum("warehouse rebuilt" in output for output, _ in told) == 1
    assert sum("nothing to publish" in output for output, _ in told) == 1
    assert all(path.endswith("v=1.parquet") for path in contents(tmp_path) if "part=SPY" in path)
