"""Turns at a host: one request at a time, and a pause between two, across all processes of a data folder."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol


class TellsTime(Protocol):
    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


@contextmanager
def turn(folder: Path, host: str, pause_seconds: float, clock: TellsTime) -> Iterator[None]:
    """Wait until nobody else asks `host` and the last request is a pause ago.

    The file is the lock and holds when the last request ended; a killed process lets go of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{re.sub('[^a-z0-9.-]', '_', host.lower())}.turn").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        waited = _seconds_since(file.read(), clock.now())
        if 0 <= waited < pause_seconds:
            clock.sleep(pause_seconds - waited)
        try:
            yield
        finally:
            file.truncate(0)
            file.write(clock.now().isoformat())


def _seconds_since(text: str, now: datetime) -> float:
    try:
        return (now - datetime.fromisoformat(text)).total_seconds()
    except (ValueError, TypeError):
        return float("inf")
