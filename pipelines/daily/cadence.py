"""What each source owes, and when: the sessions that must be there, so that a missing one is a gap and nothing else is.

A source owes nothing on days without a session, nothing before it is due, and nothing outside what its owner has:
pages saved by hand owe nothing, an archive only what lies between its first and its last session, a followed feed
every session since it was first collected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from pipelines.calendar import SessionCalendar, new_york_to_utc
from pipelines.operator_settings import Follow, parts_of

DELAYED_JSON, TREASURY, INDEX = "cboe_delayed_json", "treasury_par_csv", "cboe_index_csv"
ARCHIVES = ("cboe_datashop_eod", "deltaneutral_eod", "optionsdx_eod")
# The Treasury publishes at about 18:00; delayed quotes of every close, late ones too, stand long before.
FEEDS_ARE_DUE = time(20, 0)  # New York

Sessions = Mapping[str, Mapping[str, Iterable[date]]]  # source -> part -> sessions seen


@dataclass(frozen=True, slots=True, order=True)
class Owed:
    """A session that a source must have brought by `due_ts`."""

    source: str
    part: str
    session_date: date
    due_ts: datetime


def owed(seen: Sessions, follow: Follow, now: datetime, calendar: SessionCalendar) -> list[Owed]:
    """Everything due at `now` (UTC), whether it came or not, in order."""
    every = (*_feeds(seen, follow, now, calendar), *_archives(seen, calendar))
    return sorted(one for one in every if one.due_ts <= now)


def is_bond_holiday(day: date) -> bool:
    """Columbus Day and Veterans Day: exchange sessions on which the Treasury publishes no curve.

    A Veterans Day on Sunday is kept on Monday; one on Saturday is not kept at all.
    """
    if day.month == 10:
        return day.weekday() == 0 and 8 <= day.day <= 14
    return day.month == 11 and (day.day == 11 or (day.day == 12 and day.weekday() == 0))


def feed_is_due(session: date) -> datetime:
    return new_york_to_utc(session, FEEDS_ARE_DUE)


def _feeds(seen: Sessions, follow: Follow, now: datetime, calendar: SessionCalendar) -> Iterator[Owed]:
    today = now.date()
    followed = parts_of(follow.cboe)
    for part, sessions in seen.get(DELAYED_JSON, {}).items():
        if part in followed:
            for session in calendar.between(min(sessions), today):
                yield Owed(DELAYED_JSON, part, session, feed_is_due(session))
    for part, days in seen.get(TREASURY, {}).items():
        last = max(*days, today) if follow.treasury else max(days)
        for session in calendar.between(min(days), last):
            if not is_bond_holiday(session):
                yield Owed(TREASURY, part, session, feed_is_due(session))


def _archives(seen: Sessions, calendar: SessionCalendar) -> Iterator[Owed]:
    """Delivered the morning after; the file of a later session proves that an earlier one is missing."""
    for source in ARCHIVES:
        for part, sessions in seen.get(source, {}).items():
            for session in calendar.between(min(sessions), max(sessions)):
                yield Owed(source, part, session, calendar.open_of(calendar.after(session)))
