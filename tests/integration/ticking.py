"""The project's own definitions and one schedule more, which collects every minute. For tests."""

import dagster as dg

from pipelines import definitions
from pipelines.defs.jobs import collect_job

every_minute = dg.ScheduleDefinition(
    name="every_minute",
    job=collect_job,
    cron_schedule="* * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
defs = dg.Definitions.merge(definitions.defs, dg.Definitions(schedules=[every_minute]))
