"""Who computes makes no difference to what is computed, and nobody outlives the one who asked."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from models import engine
from pipelines.lake import crew
from pipelines.lake.store import opened
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.stages.spine import SPINES
from tests.integration.spine import land
from tests.integration.test_kills import start

MOST_SECONDS = 60.0


def hashes(data: Path, files: list[Path]) -> list[dict[str, object]]:
    with opened(Paths(data)) as lake:
        land(lake, files)
        bring_up_to_date(lake, SPINES["us"])
        return lake.catalogue.rows(
            "select table_name, session_date, part, v, known_at, output_sha256, inputs, row_accounting"
            " from partition_versions order by 1, 2, 3, 4"
        )


def test_processes_and_threads_write_the_same_bytes(
    tmp_path: Path, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [path for path in market if "06-17" in path.name or "rates" in path.name]
    alone = hashes(tmp_path / "alone", files)
    monkeypatch.setenv("DEALERFLOW_WORKERS", "2")
    by_threads = hashes(tmp_path / "threads", files)
    monkeypatch.setattr(crew, "BY_THREADS_FIRST", 0)
    by_processes = hashes(tmp_path / "processes", files)
    assert len(alone) > 30
    assert by_threads == alone
    assert by_processes == alone


def dies_elsewhere(here: int) -> int:
    """Ends any process but the one that asks."""
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    return 42


def test_heavy_tasks_go_to_processes_at_once_and_light_ones_stay_here_at_first() -> None:
    with crew.Crew(2, threads_first=0) as heavy, crew.Crew(2) as light:
        assert heavy.submit(os.getpid).result(timeout=MOST_SECONDS) != os.getpid()
        assert light.submit(os.getpid).result(timeout=MOST_SECONDS) == os.getpid()
    with crew.Crew(1, threads_first=0) as alone:
        assert alone.submit(os.getpid).result(timeout=MOST_SECONDS) == os.getpid()


def test_a_task_alone_has_every_core_and_tasks_side_by_side_share_them() -> None:
    both_here = threading.Barrier(2)

    def threads_of_two() -> int:
        both_here.wait(MOST_SECONDS)
        count = engine.threads()
        both_here.wait(MOST_SECONDS)
        return count

    with crew.Crew(2) as workers:
        assert workers.submit(engine.threads).result(timeout=MOST_SECONDS) == 2
        asked = [workers.submit(threads_of_two) for _ in range(2)]
        assert [one.result(timeout=MOST_SECONDS) for one in asked] == [1, 1]


def test_a_worker_process_computes_on_one_thread_by_the_engine_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEALERFLOW_KERNELS", "plain")
    crew._processes.cache_clear()
    with crew.Crew(2, threads_first=0) as workers:
        assert workers.submit(engine.engine).result(timeout=MOST_SECONDS) == "plain"
        assert workers.submit(engine.threads).result(timeout=MOST_SECONDS) == 1
    crew._processes.cache_clear()


def test_a_worker_that_dies_costs_its_process_and_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "BY_THREADS_FIRST", 0)
    with crew.Crew(2) as workers:
        asked = [workers.submit(dies_elsewhere, os.getpid()) for _ in range(3)]
        assert [one.result(timeout=MOST_SECONDS) for one in asked] == [42, 42, 42]
        assert workers.submit(abs, -1).result(timeout=MOST_SECONDS) == 1


def children(of: int) -> set[int]:
    """Processes whose parent this is."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        if int(fields[1]) == of and fields[0] != "Z":
            found.add(int(status.parent.name))
    return found


def wait_until(is_so: object, what: str) -> None:
    began = time.monotonic()
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() - began < MOST_SECONDS, what
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks the kernel for the children of a process")
def test_workers_leave_when_the_process_that_asked_is_killed(
    tmp_path: Path, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEALERFLOW_WORKERS", "2")
    with start(tmp_path / "data", [str(path) for path in market]) as process:
        wait_until(lambda: len(children(process.pid)) >= 2 or process.poll() is not None, "no worker was started")
        assert process.poll() is None
        workers = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{pid}").is_dir() for pid in workers), "a worker outlived its parent")
