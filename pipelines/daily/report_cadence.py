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
from pipelines.operator_settings import Follow, parts_of
from pipelines.report_periods import RHYTHMIC, periods_between, weekly_parts
from pipelines.reports import CONSOLIDATED, REPORTS

ALL = "_all"

Seen = Mapping[str, Mapping[str, Iterable[date]]]  # table -> part -> last days of the periods seen


@dataclass(frozen=True, slots=True)
class Cadence:
    """What is expected of a report, and what can be done about a period that is missing.

    ledger_name: by which its gaps stand in the ledger, that of its feed where there is one.
    grace_sessions, grace: how long after its schedule a period counts as missing: at the same clock so many sessions
    later, and then so long.
    looked_back: periods that a collection asks for, as long as they may have been missed by accident: `gaps` tells the
    others. served_days, served_from: how far back the vendor goes, where it is known.
    """

    ledger_name: str
    grace: timedelta
    grace_sessions: int = 0
    looked_back: int = 0
    served_days: int | None = None
    served_from: date = date.min


_EVENING = timedelta(hours=2)  # 20:00 New York, as schedules say 18:00
_MORNING = timedelta(hours=2, minutes=45)  # 09:15, as they say 06:30
CADENCES = {
    "short_volume_daily": Cadence("finra_short_volume", _EVENING, looked_back=20, served_from=date(2018, 8, 1)),
    "ats_weekly": Cadence("finra_weekly", _EVENING, grace_sessions=1, looked_back=8, served_days=365),
    "short_interest": Cadence(
        "finra_short_interest", _EVENING, grace_sessions=1, looked_back=4, served_from=date(2017, 12, 29)
    ),
    "cleared_volume": Cadence("occ_volume", _MORNING, looked_back=20, served_days=730),
    "open_interest_daily": Cadence("occ_open_interest", _MORNING, looked_back=1),  # the clearing house shows no other
    "clearing_totals": Cadence("occ_totals", _MORNING, looked_back=20),
    # Posted by hand, some days late now and then.
    "fails_to_deliver": Cadence("sec_fails", _EVENING, grace_sessions=5, looked_back=4),
    "open_close_volume": Cadence("open_close_volume", _MORNING),
}
TABLE_OF = {cadence.ledger_name: table for table, cadence in CADENCES.items()}


def due_by(table: str, day: date, part: str) -> datetime:
    """When a period (its last day) counts as missing, in UTC."""
    schedule, cadence = utc_to_new_york(REPORTS[table].due(day, part)), CADENCES[table]
    due_day = schedule.date()
    for _ in range(cadence.grace_sessions):
        due_day = us_sessions().after(due_day)
    return new_york_to_utc(due_day, schedule.time()) + cadence.grace


def followed_reports(follow: Follow) -> dict[str, list[str] | None]:
    """By table, the parts that are followed; None for all that ever came, as a file brings several."""
    followed: dict[str, list[str] | None] = {}
    if follow.finra_short_volume:
        followed["short_volume_daily"] = [CONSOLIDATED]
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
                yield Owed(CADENCES[table].ledger_name, part, day, due_by(table, day, part))
