"""When market `crypto` is visited, computed and published: around the clock, in UTC, each at its own pace."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from pipelines.daily.coin_owed import coins_owed_from
from pipelines.daily.coin_visits import why_not
from pipelines.daily.freshness import is_unpublished
from pipelines.defs.crypto.assets import CRYPTO_STAGES
from pipelines.defs.jobs import crypto_job, crypto_visit_job, publish_job
from pipelines.defs.partitions import partition_range, utc_day_partitions
from pipelines.lake.store import opened
from pipelines.settings import data_paths


def _tick(context: dg.ScheduleEvaluationContext) -> datetime:
    return context.scheduled_execution_time.astimezone(UTC).replace(tzinfo=None)


def _while_followed(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    reason = why_not(data_paths())
    return dg.SkipReason(reason) if reason else dg.RunRequest(run_key=_tick(context).isoformat())


def _over_what_waits(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Yesterday is always looked at too: what a run that failed left undone is a look-up when nothing is."""
    tick, paths = _tick(context), data_paths()
    if not paths.catalogue.exists():
        return dg.SkipReason("nothing has been loaded yet")
    with opened(paths) as lake:
        waiting = [coins_owed_from(lake, stage, tick) for stage in CRYPTO_STAGES if stage.sources]
    first = min((day for day in waiting if day is not None), default=None)
    if first is None:
        return dg.SkipReason("nothing came that is not computed")
    tags = partition_range(utc_day_partitions, min(first, tick.date() - timedelta(days=1)))
    return dg.RunRequest(run_key=tick.isoformat(), tags=tags)


def _when_something_changed(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    if not is_unpublished(data_paths()):
        return dg.SkipReason("nothing was computed since the last publish")
    return dg.RunRequest(run_key=_tick(context).isoformat())


crypto_visit_schedule = dg.ScheduleDefinition(
    name="crypto_visit_schedule",
    job=crypto_visit_job,
    cron_schedule="*/10 * * * *",
    execution_timezone="UTC",
    execution_fn=_while_followed,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Visits the coin venue: chains, trades and bars of what is followed.",
)
crypto_hourly_schedule = dg.ScheduleDefinition(
    name="crypto_hourly_schedule",
    job=crypto_job,
    cron_schedule="2 * * * *",
    execution_timezone="UTC",
    execution_fn=_over_what_waits,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Computes what came, from the first day that waits for it up to the hour that ended.",
)
crypto_publish_schedule = dg.ScheduleDefinition(
    name="crypto_publish_schedule",
    job=publish_job,
    cron_schedule="15 */4 * * *",
    execution_timezone="UTC",
    execution_fn=_when_something_changed,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Publishes what was computed since the last publish.",
)
crypto_schedules = [crypto_visit_schedule, crypto_hourly_schedule, crypto_publish_schedule]
