"""A lock is waited for, says who holds it, and is let go of by a process that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from pipelines.lake import turn as turn_module
from pipelines.lake.turn import LakeBusy, holder, turn
from pipelines.settings import PROJECT

HOLD = """
import sys, time
from pathlib import Path
from pipelines.lake.turn import turn
with turn(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holding(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_says_once_for_whom_and_goes_on_when_the_other_is_done(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "one.lock"
    told: list[str] = []
    is_told = Event()

    def tell(line: str) -> None:
        told.append(line)
        is_told.set()

    def wait() -> str | None:
        with turn(path, tell=tell):
            return holder(path)

    with holding(path) as other, ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(wait)
        assert is_told.wait(30)
        assert not waiting.done()
        other.communicate("\n")
        mine = waiting.result(30)
    assert len(told) == 1
    assert told[0].startswith(f"waiting for another dealerflow process (pid {other.pid} since ")
    assert mine is not None
    assert mine.startswith(f"{os.getpid()} since ")
    assert holder(path) is None


def test_nobody_is_named_who_has_not_yet_said_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.lock"
    said = iter(["unknown", "7 since noon: run"])
    told: list[str] = []
    is_told = Event()

    def tell(line: str) -> None:
        told.append(line)
        is_told.set()

    def wait() -> None:
        with turn(path, tell=tell):
            pass

    with holding(path) as other, ThreadPoolExecutor(1) as executor:
        monkeypatch.setattr(turn_module, "_said", lambda _: next(said, "7 since noon: run"))
        waiting = executor.submit(wait)
        assert is_told.wait(30)
        other.communicate("\n")
        waiting.result(30)
    assert told == ["waiting for another dealerflow process (pid 7 since noon: run)"]


def test_patience_ends_in_one_line_that_names_the_other(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with holding(path) as other:
        named = rf"gave up after 0 minutes behind .*pid {other.pid} since"
        with pytest.raises(LakeBusy, match=named) as caught, turn(path, patience_seconds=0):
            pass
        other.communicate("\n")
    assert "\n" not in str(caught.value)


def test_a_killed_process_holds_nothing_whatever_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with holding(path) as other:
        assert holder(path) is not None
        other.send_signal(signal.SIGKILL)
    assert path.read_text() != ""
    assert holder(path) is None
    with turn(path, patience_seconds=0):
        pass


def test_an_error_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with pytest.raises(ZeroDivisionError), turn(path):
        _ = 1 / 0
    assert holder(path) is None
    assert path.read_text() == ""


def test_a_lock_that_never_was_is_held_by_nobody(tmp_path: Path) -> None:
    assert holder(tmp_path / "none.lock") is None
