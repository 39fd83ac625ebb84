"""What follows from a run that succeeded: computing what was collected, publishing what was computed."""

from datetime import date

import dagster as dg

from pipelines.daily.collect import owed_from
from pipelines.defs.jobs import (
    bars_job,
    collect_job,
    half_month_reports_job,
    publish_job,
    rates_job,
    report_jobs,
    session_reports_job,
    us_job,
    weekly_reports_job,
)
from pipelines.defs.partitions import (
    month_partitions,
    partition_range,
    treasury_day_partitions,
    us_session_partitions,
)
from pipelines.defs.reports.assets import HALF_MONTHS, REPORTS, SESSIONS, WEEKS, of_rhythm
from pipelines.defs.stage_asset import all_upstream
from pipelines.defs.us.assets import US_STAGES
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake, opened
from pipelines.settings import data_paths
from pipelines.stages.file_bars import FILE_BARS
from pipelines.stages.rates import RATES

_LAST_SESSIONS = 5  # a late curve or page may change what the sessions before it say
_SECONDS = 15
MORE_FOLLOWS = "dealerflow/more_follows"  # a run that is one of several: publishing follows the last of them
_BEFORE_SESSIONS = (
    (rates_job, treasury_day_partitions, [RATES]),
    (bars_job, month_partitions, [FILE_BARS]),
    (session_reports_job, SESSIONS.partitions, of_rhythm(SESSIONS)),
    (weekly_reports_job, WEEKS.partitions, of_rhythm(WEEKS)),
    (half_month_reports_job, HALF_MONTHS.partitions, of_rhythm(HALF_MONTHS)),
)
# What sessions read beside their own pages, so that they are computed anew after it.
_READ_BY_SESSIONS = [RATES, FILE_BARS, *all_upstream(US_STAGES, REPORTS)]


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[collect_job],
    request_jobs=[*(job for job, *_ in _BEFORE_SESSIONS), us_job],
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def compute_what_was_collected(
    context: dg.RunStatusSensorContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Curves, bars and reports first, for sessions read them; runs wait for one another in the queue."""
    with opened(data_paths()) as lake:
        requests = _requests(lake)
    if not requests:
        return dg.SkipReason("nothing was collected that is not computed")
    run_id, last = context.dagster_run.run_id, len(requests) - 1
    return [
        dg.RunRequest(
            job_name=name,
            run_key=f"{run_id} {name}",
            tags={**tags, "dagster/priority": str(-place), **({MORE_FOLLOWS: "yes"} if place < last else {})},
        )
        for place, (name, tags) in enumerate(requests)
    ]


def _requests(lake: Lake) -> list[tuple[str, dict[str, str]]]:
    """The jobs that have something to do, in their order, each with the range of its partitions."""
    owed = {stage.name: owed_from(lake, stage) for stage in (RATES, FILE_BARS, *REPORTS, *US_STAGES) if stage.sources}

    def first_of(stages: list[Stage]) -> date | None:
        return min((day for stage in stages if (day := owed.get(stage.name)) is not None), default=None)

    requests = [
        (job.name, partition_range(partitions, first))
        for job, partitions, stages in _BEFORE_SESSIONS
        if (first := first_of(stages)) is not None
    ]
    if first_of([*US_STAGES, *_READ_BY_SESSIONS]) is not None:
        recent = date.fromisoformat(us_session_partitions.get_partition_keys()[-_LAST_SESSIONS])
        # A curve and a bar change the newest sessions, a report and a page those from its own on.
        since = first_of([stage for stage in (*US_STAGES, *_READ_BY_SESSIONS) if stage not in (RATES, FILE_BARS)])
        requests.append((us_job.name, partition_range(us_session_partitions, min(since or recent, recent))))
    return requests


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_job, *report_jobs],
    request_job=publish_job,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def publish_what_was_computed(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    if MORE_FOLLOWS in context.dagster_run.tags:
        return dg.SkipReason("more is computed after it")
    return dg.RunRequest(run_key=context.dagster_run.run_id)


sensors = [compute_what_was_collected, publish_what_was_computed]
