"""Which periods the reports of a whole market describe, and which of them are out: pure calendars, no lake, no clock.

A period is named by its last day, as partitions are: a session, the Friday of a week, a settlement date of short
interest, the fifteenth or the last day of a month.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from pipelines.calendar import MIDDLE_OF_MONTH, half_month_end, us_sessions
from pipelines.reports import REPORTS

WEEKLY_TYPES = ("ATS_W_SMBL", "OTC_W_SMBL")  # totals of a symbol on alternative trading systems, and off them
_LONGEST_LAG = timedelta(days=75)  # from the last day of any period until it is out
_LONGEST_PERIOD = timedelta(days=17)
_FRIDAY = 4
_HALF = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])([ab])")


def sessions(first: date, last: date) -> list[date]:
    return us_sessions().between(first, last)


def weeks(first: date, last: date) -> list[date]:
    """The Fridays, whether they are sessions or not."""
    friday = first + timedelta(days=(_FRIDAY - first.weekday()) % 7)
    return [friday + timedelta(weeks=n) for n in range((last - friday).days // 7 + 1)]


def halves(first: date, last: date) -> list[date]:
    """The fifteenth and the last day of every month."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day == half_month_end(day)]


def settlement_dates(first: date, last: date) -> list[date]:
    """Of short interest: the last session of every half of a month."""
    ends = halves(first, last + _LONGEST_PERIOD)
    return [day for day in map(us_sessions().last_on_or_before, ends) if first <= day <= last]


_OF_RHYTHM: dict[str, Callable[[date, date], list[date]]] = {
    "session": sessions,
    "week": weeks,
    "half_month": halves,
    "settlement": settlement_dates,
}
_PERIODS = {table: _OF_RHYTHM[report.rhythm] for table, report in REPORTS.items() if report.rhythm is not None}
RHYTHMIC = tuple(_PERIODS)  # tables whose periods follow a calendar; changes of an index come when they come


def periods_between(table: str, first: date, last: date) -> list[date]:
    """The last days of its periods from `first` to `last`, both included, whether they are out or not."""
    return _PERIODS[table](first, last) if first <= last else []


def is_period(table: str, day: date) -> bool:
    """Whether a period of the table ends on this very day."""
    return periods_between(table, day, day) == [day]


def is_out(table: str, day: date, part: str, now: datetime) -> bool:
    """Whether the vendor's schedule has the period out at `now` (UTC)."""
    return REPORTS[table].due(day, part) <= now


def periods_due(
    table: str, now: datetime, parts: Iterable[str] = ("_all",), *, newest: int, since: date | None = None
) -> list[tuple[date, str]]:
    """The `newest` periods of each part that are out at `now` (UTC), oldest first; `since`: none that ended before."""
    found: list[tuple[date, str]] = []
    for part in parts:
        back = _LONGEST_LAG + newest * _LONGEST_PERIOD
        first = max(now.date() - back, since or date.min)
        out = [day for day in periods_between(table, first, now.date()) if is_out(table, day, part, now)]
        found += [(day, part) for day in out[-newest:]]
    return sorted(found)


def weekly_parts(tiers: Iterable[str]) -> list[str]:
    """The parts of the weekly report that are fetched of these tiers."""
    return [f"{tier}.{kind}" for tier in tiers for kind in WEEKLY_TYPES]


def half_name(day: date) -> str:
    """`2026-03a` is the first half of March, `2026-03b` the second."""
    return f"{day:%Y-%m}{'a' if day.day <= MIDDLE_OF_MONTH else 'b'}"


def end_of_half(name: str) -> date:
    """The reverse of `half_name`; ValueError for anything else."""
    found = _HALF.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} names no half of a month, such as 2026-03a")
    middle = date(int(found[1]), int(found[2]), MIDDLE_OF_MONTH)
    return middle if found[3] == "a" else half_month_end(middle + timedelta(days=1))
