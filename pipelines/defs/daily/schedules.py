"""When market `us` is collected and published: after every session, in New York time, early closes included."""

from __future__ import annotations

from datetime import datetime

from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.defs.daily.assets import only
from pipelines.defs.jobs import collect_job, publish_job
from pipelines.defs.ticking import ticking

# After the last late close and its delay; after the Treasury and short volume; once more before all is due at 20:00.
_COLLECTIONS = ["0 17 * * 1-5", "30 18 * * 1-5", "30 19 * * 1-5"]
_FEEDS = ["cboe", "treasury", "index", "finra-short-volume"]
_EVENING = "15 20 * * 1-5"


def no_session(tick: datetime) -> str | None:
    day = utc_to_new_york(tick).date()
    return None if us_sessions().is_session(day) else f"{day} is no session"


us_collect_schedule = ticking(
    "us_collect_schedule",
    collect_job,
    _COLLECTIONS,
    no_session,
    "Fetches what followed feeds owe and loads what is new in the inboxes; what is there is not asked for.",
    run_config=only(_FEEDS),
)
us_evening_schedule = ticking(
    "us_evening_schedule",
    publish_job,
    _EVENING,
    no_session,
    "When everything is due: publishes what changed, gaps included, and checks that nothing is late.",
)
schedules = [us_collect_schedule, us_evening_schedule]
