"""What follows from a run that succeeded: computing what was collected, publishing what was computed."""

from bisect import bisect_right
from datetime import date

import dagster as dg

from pipelines.daily.collect import owed_from
from pipelines.defs.jobs import bars_job, collect_job, publish_job, rates_job, us_job
from pipelines.defs.partitions import month_partitions, treasury_day_partitions, us_session_partitions
from pipelines.lake.store import opened
from pipelines.settings import data_paths
from pipelines.stages.file_bars import FILE_BARS
from pipelines.stages.rates import RATES
from pipelines.stages.spine import US_SPINE

_LAST_SESSIONS = 5  # a late curve or page may change what the sessions before it say
_SECONDS = 15


def partition_range(partitions: dg.TimeWindowPartitionsDefinition, first: date) -> dict[str, str]:
    """The tags of a run over every partition from that of `first` up to now."""
    keys = list(partitions.get_partition_keys())
    start = keys[max(bisect_right(keys, first.isoformat()) - 1, 0)]
    return {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": keys[-1]}


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
        curves, bars, chains = (owed_from(lake, stage) for stage in (RATES, FILE_BARS, US_SPINE[0]))
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
