"""The one shape of all schedules: a job at the ticks of a clock, which runs from the start and says why it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

NEW_YORK, UNIVERSAL = "America/New_York", "UTC"


def ticking(
    name: str,
    job: Any,  # what define_asset_job gives has no public type
    crons: str | Sequence[str],
    why_not: Callable[[datetime], str | None],
    description: str,
    *,
    zone: str = NEW_YORK,
    run_config: Mapping[str, Any] | None = None,
    tags_of: Callable[[datetime], Mapping[str, str]] = lambda _: {},
) -> dg.ScheduleDefinition:
    """A schedule that runs `job` unless `why_not` has a reason. Both functions get the tick, in UTC."""

    def decide(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(UTC).replace(tzinfo=None)
        reason = why_not(tick)
        if reason is not None:
            return dg.SkipReason(reason)
        return dg.RunRequest(run_key=tick.isoformat(), run_config=run_config or {}, tags=tags_of(tick))

    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=crons,
        execution_timezone=zone,
        execution_fn=decide,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
