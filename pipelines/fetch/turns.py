"""Turns at a host: one request at a time, and a pause between two, across all processes of a data folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pipelines.lake.turn import turn


class TellsTime(Protocol):
    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


@contextmanager
def turn_at(host: str, folder: Path, pause_seconds: float, clock: TellsTime) -> Iterator[None]:
    """Wait until nobody else asks `host` and the last request is a pause ago."""
    name = re.sub("[^a-z0-9.-]", "_", host.lower())
    ended = folder / f"{name}.ended"
    with turn(folder / f"{name}.lock"):
        waited = _seconds_since(ended, clock.now())
        if 0 <= waited < pause_seconds:
            clock.sleep(pause_seconds - waited)
        try:
            yield
        finally:
            ended.write_text(clock.now().isoformat())


def _seconds_since(ended: Path, now: datetime) -> float:
    with suppress(FileNotFoundError, ValueError, TypeError):
        return (now - datetime.fromisoformat(ended.read_text())).total_seconds()
    return float("inf")
