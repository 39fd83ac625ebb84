"""Bring stages up to date. The command line and the Dagster assets both come through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime

from pipelines.lake.crew import Crew
from pipelines.lake.derive import Replay, StageReport
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake
from pipelines.markets import MARKETS, US
from pipelines.settings import workers

_THREADS_FIRST = 4  # a day of 10-minute chains repays the start of a process, a few of them do not
Progress = Callable[[str, int, int], None]  # stage, partitions done, partitions in all


def bring_up_to_date(
    lake: Lake,
    stages: Iterable[Stage],
    *,
    first: date | None = None,
    last: date | None = None,
    market: str = US.name,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> list[StageReport]:
    """Run each stage over the sessions from `first` to `last`; what is not owed costs a look-up.

    `until`: what a feed counts as known only after this instant is left for a later run.
    """
    reports = []
    with Crew(workers(), threads_first=_THREADS_FIRST if MARKETS[market].is_always_open else None) as crew:
        for stage in stages:
            replay = Replay(lake, stage, market, until)
            keys = replay.partitions(first, last)
            done = 0

            def advance(name: str = stage.name, total: int = len(keys)) -> None:
                nonlocal done
                done += 1
                if progress is not None:
                    progress(name, done, total)

            reports.append(replay.run(keys, crew, advance))
    return reports
