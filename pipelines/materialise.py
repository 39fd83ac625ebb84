"""Bring stages up to date. The command line and the Dagster assets both come through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from pipelines.lake.crew import Crew
from pipelines.lake.derive import Replay, StageReport
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake
from pipelines.markets import US
from pipelines.settings import workers

Progress = Callable[[str, int, int], None]  # stage, partitions done, partitions in all


def bring_up_to_date(
    lake: Lake,
    stages: Iterable[Stage],
    *,
    first: date | None = None,
    last: date | None = None,
    market: str = US.name,
    progress: Progress | None = None,
) -> list[StageReport]:
    """Run each stage over the sessions from `first` to `last`; what is not owed costs a look-up."""
    reports = []
    with Crew(workers()) as crew:
        for stage in stages:
            replay = Replay(lake, stage, market)
            keys = replay.partitions(first, last)
            done = 0

            def advance(name: str = stage.name, total: int = len(keys)) -> None:
                nonlocal done
                done += 1
                if progress is not None:
                    progress(name, done, total)

            reports.append(replay.run(keys, crew, advance))
    return reports
