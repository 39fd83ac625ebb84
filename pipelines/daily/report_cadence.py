"""What the reports of a whole market owe, and when: the law of `cadence`, at each report's own rhythm.

A followed report owes every period since the first one collected, an archive what lies between its first and its last
period, part by part. Series of the clearing house are a snapshot of one morning: saved by hand they owe nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipelines.calendar import new_york_to_utc, us_sessions, utc_to_new_york
from pipelines.daily.cadence import Owed
from pipelines.daily.report_periods import RHYTHMIC, periods_between, weekly_parts
from pipelines.operator_settings import Follow, parts_of
from pipelines.reports import REPORTS

# The names by which gaps of reports stand in the ledger: those of the feeds, where there is one.
LEDGER_NAMES = {
    "short_volume_daily": "finra_short_volume",
    "ats_weekly": "finra_weekly",
    "short_interest": "finra_short_interest",
    "cleared_volume": "occ_volume",
    "open_interest_daily": "occ_open_interest",
    "clearing_totals": "occ_totals",
    "fails_to_deliver": "sec_fails",
    "open_close_volume": "open_close_volume",
}
TABLE_OF = {name: table for table, name in LEDGER_NAMES.items()}
SHORT_VOLUME_PART = "CNMS"  # all facilities together: what is followed of short volume
ALL = "_all"

Seen = Mapping[str, Mapping[str, Iterable[date]]]  # table -> part -> last days of the periods seen


@dataclass(frozen=True, slots=True)
class Grace:
    """How long after its schedule a period counts as missing: at the same clock so many sessions later, and then."""

    sessions: int
    time: timedelta


_EVENING = timedelta(hours=2)  # 20:00 New York, as schedules say 18:00
_MORNING = timedelta(hours=2, minutes=45)  # 09:15, as they say 06:30
GRACES = {
    "short_volume_daily": Grace(0, _EVENING),
    "ats_weekly": Grace(1, _EVENING),
    "short_interest": Grace(1, _EVENING),
    "cleared_volume": Grace(0, _MORNING),
    "open_interest_daily": Grace(0, _MORNING),
    "clearing_totals": Grace(0, _MORNING),
    "fails_to_deliver": Grace(5, _EVENING),  # posted by hand, some days late now and then
    "open_close_volume": Grace(0, _MORNING),
}


def due_by(table: str, day: date, part: str) -> datetime:
    """When a period (its last day) counts as missing, in UTC."""
    schedule, grace = utc_to_new_york(REPORTS[table].due(day, part)), GRACES[table]
    due_day = schedule.date()
    for _ in range(grace.sessions):
        due_day = us_sessions().after(due_day)
    return new_york_to_utc(due_day, schedule.time()) + grace.time


def followed_reports(follow: Follow) -> dict[str, list[str] | None]:
    """By table, the parts that are followed; None for all that ever came, as a file brings several."""
    followed: dict[str, list[str] | None] = {}
    if follow.finra_short_volume:
        followed["short_volume_daily"] = [SHORT_VOLUME_PART]
    if follow.finra_weekly:
        followed["ats_weekly"] = weekly_parts(follow.finra_weekly)
    if follow.finra_short_interest:
        followed["short_interest"] = [ALL]
    if follow.occ_volume:
        followed["cleared_volume"] = [ALL]
    if follow.occ_open_interest:
        followed["open_interest_daily"] = parts_of(follow.occ_open_interest)
    if follow.occ_totals:
        followed["clearing_totals"] = None
    if follow.sec_fails:
        followed["fails_to_deliver"] = [ALL]
    return followed


def reports_owed(seen: Seen, follow: Follow, now: datetime) -> list[Owed]:
    """Everything due at `now` (UTC), whether it came or not, in order."""
    return sorted(one for one in _owed(seen, follow, now) if one.due_ts <= now)


def _owed(seen: Seen, follow: Follow, now: datetime) -> Iterator[Owed]:
    followed = followed_reports(follow)
    for table in RHYTHMIC:
        for part, days in seen.get(table, {}).items():
            parts = followed.get(table, ())
            is_followed = parts is None or part in parts
            if not is_followed and table == "open_interest_daily":
                continue
            last = max(*days, now.date()) if is_followed else max(days)
            for day in periods_between(table, min(days), last):
                yield Owed(LEDGER_NAMES[table], part, day, due_by(table, day, part))
