"""What follows from a run that succeeded: computing what was collected, publishing what was computed."""

from datetime import date

import dagster as dg

from pipelines.daily.collect import owed_from
from pipelines.defs.jobs import bars_job, collect_job, publish_job, rates_job, us_job
from pipelines.defs.partitions import (
    month_partitions,
    partition_range,
    treasury_day_partitions,
    us_session_partitions,
)
from pipelines.defs.us.assets import US_STAGES
from pipelines.lake.store import opened
from pipelines.settings import data_paths
from pipelines.stages.file_bars import FILE_BARS
from pipelines.stages.rates import RATES

_LAST_SESSIONS = 5  # a late curve or page may change what the sessions before it say
_SECONDS = 15


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[collect_job],
    request_jobs=[rates_job, bars_job, us_job],
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def compute_what_was_collected(
    context: dg.RunStatusSensorContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Curves and bars first, for sessions read them; runs wait for one another in the queue."""
    requests = []
    with opened(data_paths()) as lake:
        curves, bars = (owed_from(lake, stage) for stage in (RATES, FILE_BARS))
        of_sessions = [owed_from(lake, stage) for stage in US_STAGES if stage.sources]
    chains = min((day for day in of_sessions if day is not None), default=None)
    for job, partitions, first in (
        (rates_job, treasury_day_partitions, curves),
        (bars_job, month_partitions, bars),
    ):
        if first is not None:
            requests.append((job.name, partition_range(partitions, first)))
    if requests or chains is not None:
        recent = date.fromisoformat(us_session_partitions.get_partition_keys()[-_LAST_SESSIONS])
        requests.append((us_job.name, partition_range(us_session_partitions, min(chains or recent, recent))))
    if not requests:
        return dg.SkipReason("nothing was collected that is not computed")
    run_id = context.dagster_run.run_id
    return [
        dg.RunRequest(job_name=name, run_key=f"{run_id} {name}", tags={**tags, "dagster/priority": str(-place)})
        for place, (name, tags) in enumerate(requests)
    ]


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_job],
    request_job=publish_job,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def publish_what_was_computed(context: dg.RunStatusSensorContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.dagster_run.run_id)


sensors = [compute_what_was_collected, publish_what_was_computed]
