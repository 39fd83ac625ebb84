"""A process killed anywhere and repeated leaves what an undisturbed one leaves."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from pipelines.settings import PROJECT, Paths

LAKE_STEPS = (
    "raw.written", "raw.renamed", "sidecar.written", "sidecar.renamed", "load.committed",
    "partition.written", "partition.renamed", "catalogue.committed",
    "export.written", "export.renamed", "catalogue.exported",
)  # fmt: skip
RANDOM_SEEDS = range(2024, 2034)


def start(data: Path, files: list[str], kill_at: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.lake_process", str(data), *files],
        cwd=PROJECT, env={**os.environ, "DEALERFLOW_KILL_AT": kill_at}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(data: Path, files: list[str]) -> float:
    """Run undisturbed; the seconds from the moment everything is imported."""
    with start(data, files) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        assert process.stdout.readline() == "done\n"
    assert process.returncode == 0
    return time.monotonic() - began


def contents(data: Path) -> dict[str, str]:
    """Every catalogued partition with the hash of its file, which must be the catalogued one."""
    paths = Paths(data)
    with sqlite3.connect(paths.catalogue) as catalogue:
        rows = catalogue.execute("select path, output_sha256, inputs, known_at from partition_versions").fetchall()
        assert catalogue.execute("pragma integrity_check").fetchone() == ("ok",)
    for path, sha256, _, _ in rows:
        assert hashlib.sha256((paths.lake / path).read_bytes()).hexdigest() == sha256
    exported = pl.read_parquet(paths.exports / "partition_versions.parquet")
    assert sorted(exported["output_sha256"]) == sorted(sha256 for _, sha256, _, _ in rows)
    return {path: f"{sha256} {inputs} {known_at}" for path, sha256, inputs, known_at in rows}


@pytest.fixture(scope="module")
def files(market: list[Path]) -> list[str]:
    """Two sessions of one underlying, one of them with a second page, and the curves."""
    wanted = ("spy_quotedata_2024-06-17", "spy_quotedata_2024-06-18", "treasury")
    return [str(path) for path in market if any(name in path.name for name in wanted)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, files: list[str]) -> tuple[dict[str, str], float]:
    data = tmp_path_factory.mktemp("undisturbed")
    seconds = finish(data, files)
    return contents(data), seconds


@pytest.mark.parametrize("step", [*LAKE_STEPS, "partition.renamed:9", "catalogue.committed:12"])
def test_a_kill_at_a_step_boundary_leaves_nothing_that_a_repeat_does_not_mend(
    tmp_path: Path, files: list[str], undisturbed: tuple[dict[str, str], float], step: str
) -> None:
    with start(tmp_path, files, kill_at=step) as process:
        assert process.wait() == -signal.SIGKILL
    finish(tmp_path, files)
    assert contents(tmp_path) == undisturbed[0]


@pytest.mark.parametrize("seed", RANDOM_SEEDS)
def test_a_kill_at_a_random_moment_leaves_nothing_that_a_repeat_does_not_mend(
    tmp_path: Path, files: list[str], undisturbed: tuple[dict[str, str], float], seed: int
) -> None:
    delay = random.Random(seed).uniform(0, undisturbed[1])
    with start(tmp_path, files) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
    print(f"seed {seed}: killed after {delay:.3f} s")
    finish(tmp_path, files)
    assert contents(tmp_path) == undisturbed[0]
