"""One process at a time: a file that is locked, says who holds it, and is waited for."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

PATIENCE_SECONDS = 30 * 60.0
_PAUSE_SECONDS = 0.2
_UNKNOWN = "unknown"  # who came a moment ago has not written yet, who goes has wiped it already


class LakeBusy(Exception):
    """Another process held on for longer than anybody waits."""


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def turn(
    path: Path, *, patience_seconds: float = PATIENCE_SECONDS, tell: Callable[[str], None] = _tell
) -> Iterator[None]:
    """Hold the file's lock, after whoever holds it now; LakeBusy when patience ends.

    The system lets go of a killed process's lock, so what such a process wrote into the file means nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _wait(file, patience_seconds, tell)
        _write(file, f"{os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {_command()}")
        try:
            yield
        finally:
            _write(file, "")


def holder(path: Path) -> str | None:
    """Who holds the lock now, as `PID since TIME: COMMAND`; None where nobody does."""
    with suppress(FileNotFoundError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _said(file)
    return None


def _wait(file: IO[str], patience_seconds: float, tell: Callable[[str], None]) -> None:
    end = time.monotonic() + patience_seconds
    is_told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _said(file)
        else:
            return
        if time.monotonic() >= end:
            minutes = patience_seconds / 60
            raise LakeBusy(f"gave up after {minutes:g} minutes behind another dealerflow process (pid {who})")
        if not is_told and who != _UNKNOWN:
            tell(f"waiting for another dealerflow process (pid {who})")
            is_told = True
        time.sleep(min(_PAUSE_SECONDS, max(0.0, end - time.monotonic())))


def _said(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or _UNKNOWN


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _command() -> str:
    """The command as it was typed, without the folder of the program."""
    return " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:]])[:200]
