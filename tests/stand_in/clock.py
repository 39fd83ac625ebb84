"""A clock for which nobody waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipelines.fetch.client import Clock


class FakeClock(Clock):
    """Moves only when somebody sleeps, or by `tick_seconds` whenever it is read."""

    def __init__(self, now: datetime = datetime(2024, 6, 20, 20, 30), tick_seconds: float = 0.0) -> None:
        self._start = self._now = now
        self._tick = timedelta(seconds=tick_seconds)
        self.slept: list[float] = []

    def now(self) -> datetime:
        self._now += self._tick
        return self._now

    def monotonic(self) -> float:
        return (self.now() - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += timedelta(seconds=seconds)

    def advance(self, by: timedelta) -> None:
        self._now += by
