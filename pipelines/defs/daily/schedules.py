"""When market `us` is collected and published: after every session, in New York time, early closes included."""

import dagster as dg

from pipelines.calendar import us_sessions
from pipelines.defs.jobs import collect_job, publish_job

NEW_YORK = "America/New_York"
# After the last late close and its delay; after the Treasury; once more before everything is due at 20:00.
_COLLECTIONS = ["0 17 * * 1-5", "30 18 * * 1-5", "30 19 * * 1-5"]
_EVENING = "15 20 * * 1-5"


def _on_sessions(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    tick = context.scheduled_execution_time
    if not us_sessions().is_session(tick.date()):
        return dg.SkipReason(f"{tick.date()} is no session")
    return dg.RunRequest(run_key=tick.isoformat())


us_collect_schedule = dg.ScheduleDefinition(
    name="us_collect_schedule",
    job=collect_job,
    cron_schedule=_COLLECTIONS,
    execution_timezone=NEW_YORK,
    execution_fn=_on_sessions,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fetches what followed feeds owe and loads what is new in the inboxes; what is there is not asked for.",
)
us_evening_schedule = dg.ScheduleDefinition(
    name="us_evening_schedule",
    job=publish_job,
    cron_schedule=_EVENING,
    execution_timezone=NEW_YORK,
    execution_fn=_on_sessions,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="When everything is due: publishes what changed, gaps included, and checks that nothing is late.",
)
schedules = [us_collect_schedule, us_evening_schedule]
