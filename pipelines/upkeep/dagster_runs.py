"""Dagster's record of its runs, which grows with every tick of a schedule."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime

from pipelines.daily.instance import dagster_home, opened_instance
from pipelines.settings import Paths


def older_than(paths: Paths, instant: datetime) -> list[str]:
    """Runs that were made before `instant` (UTC) and are over; none where Dagster never ran."""
    if not dagster_home(paths).joinpath("history").is_dir():
        return []
    import dagster as dg

    over = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    wanted = dg.RunsFilter(statuses=over, created_before=instant.replace(tzinfo=UTC))
    with opened_instance(dagster_home(paths)) as instance:
        return [record.dagster_run.run_id for record in instance.get_run_records(wanted)]


def delete(paths: Paths, run_ids: Iterable[str]) -> None:
    """The records and the logs of these runs."""
    ids = list(run_ids)
    if not ids:
        return
    with opened_instance(dagster_home(paths)) as instance:
        for run_id in ids:
            instance.delete_run(run_id)
            shutil.rmtree(dagster_home(paths) / "storage" / run_id, ignore_errors=True)
