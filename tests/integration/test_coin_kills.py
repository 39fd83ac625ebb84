"""A load and run of coin bundles that is killed anywhere and repeated leaves what an undisturbed one leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.lake.files import sha256_of
from pipelines.lake.store import Lake, opened
from pipelines.settings import PROJECT, Paths
from tests.integration.coin_lakes import all_lines, bundles, derive_coins, load_coins, tiny_market


def contents(lake: Lake) -> dict[str, str]:
    """Every version with its bytes, inputs and time."""
    found = {}
    rows = lake.catalogue.rows("select path, output_sha256, inputs, known_at from partition_versions")
    for row in rows:
        assert sha256_of((lake.paths.lake / row["path"]).read_bytes()) == row["output_sha256"]
        found[row["path"]] = f"{row['output_sha256']} {row['inputs']} {row['known_at']}"
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bundles, of which the second also completes the day of the first."""
    return bundles(tmp_path_factory.mktemp("files"), all_lines(tiny_market(visit_minutes=720)), "%Y-%m-%d")[:2]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, files: list[Path]) -> dict[str, str]:
    with opened(Paths(tmp_path_factory.mktemp("undisturbed"))) as lake:
        load_coins(lake, files)
        derive_coins(lake)
        return contents(lake)


@pytest.mark.parametrize("step", ["load.committed", "partition.renamed:30", "catalogue.committed:14"])
def test_a_killed_run_of_coins_repeated_leaves_the_same_bytes(
    tmp_path: Path, files: list[Path], undisturbed: dict[str, str], step: str
) -> None:
    command = [sys.executable, "-m", "tests.integration.lake_process", str(tmp_path), *map(str, files)]
    killed = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, "DEALERFLOW_KILL_AT": step}, stdout=subprocess.DEVNULL, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with opened(Paths(tmp_path)) as lake:
        before = contents(lake)
        assert before.items() <= undisturbed.items()
        assert len(before) < len(undisturbed)
        load_coins(lake, files)
        derive_coins(lake)
        assert contents(lake) == undisturbed
