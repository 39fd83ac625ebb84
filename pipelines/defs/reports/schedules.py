"""When reports of a whole market are asked for: at the rhythm of each, in New York time, and only if one is owed.

The day's short volume comes with the evening's collections of market `us`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from pipelines.daily.report_owed import why_not
from pipelines.defs.daily.assets import only
from pipelines.defs.daily.schedules import no_session
from pipelines.defs.jobs import collect_job
from pipelines.defs.ticking import ticking
from pipelines.settings import data_paths

# The clearing house has published by 06:30; at 09:15, before the opening, everything of the session before is due.
_MORNINGS = ["45 6 * * 1-5", "0 8 * * 1-5", "0 9 * * 1-5"]


def _collecting(
    name: str, crons: str | Sequence[str], feeds: Sequence[str], description: str, *, on_sessions: bool = False
) -> dg.ScheduleDefinition:
    def reason(tick: datetime) -> str | None:
        closed = no_session(tick) if on_sessions else None
        return closed or why_not(data_paths(), feeds, tick)

    return ticking(name, collect_job, crons, reason, description, run_config=only(feeds))


clearing_schedule = _collecting(
    "clearing_schedule",
    _MORNINGS,
    ["occ-volume", "occ-open-interest", "occ-totals"],
    "In the morning after a session: what the clearing house says of it.",
    on_sessions=True,
)
weekly_schedule = _collecting(
    "weekly_schedule",
    "45 18 * * 1-5",
    ["finra-weekly"],
    "Weekly volumes off exchange, when a week is out; those of the last four weeks once a day, as they are restated.",
)
half_month_schedule = _collecting(
    "half_month_schedule",
    "0 19 * * *",
    ["finra-short-interest", "sec-fails"],
    "Short interest and fails to deliver, from the day on which half a month is out until it has come.",
)
report_schedules = [clearing_schedule, weekly_schedule, half_month_schedule]
