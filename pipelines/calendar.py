"""Sessions of the New York exchanges: which dates trade, when they open and close, when contracts expire; UTC days;
halves of months.

The weekdays that are no sessions and the early closes stand in a file beside this module, because the library that
knows them takes seconds to import. `python -m pipelines.calendar` writes it anew; a test compares the two.

Instants are naive datetimes in UTC; dates are `datetime.date`.
"""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.markets import MARKETS

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(2004, 1, 2)
LAST_DAY = date(2045, 12, 29)

OPENING = time(9, 30)
REGULAR_CLOSE = time(16, 0)
EARLY_CLOSE = time(13, 0)
PUBLISHED_AT = time(18, 0)  # New York: by when the day's yield curve and daily bars are out
EXCEPTIONS = Path(__file__).with_name("exchange_exceptions.csv")
MIDDLE_OF_MONTH = 15
_SATURDAY = 5


def new_york_to_utc(day: date, clock: time) -> datetime:
    """The UTC instant of a New York wall clock."""
    return datetime.combine(day, clock, NEW_YORK).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def utc_to_new_york(instant: datetime) -> datetime:
    """The New York wall clock (naive) of a UTC instant."""
    return instant.replace(tzinfo=ZoneInfo("UTC")).astimezone(NEW_YORK).replace(tzinfo=None)


def half_month_end(day: date) -> date:
    """The last day of the half of a month that a day lies in: the fifteenth, or the last of the month."""
    return day.replace(day=MIDDLE_OF_MONTH if day.day <= MIDDLE_OF_MONTH else monthrange(day.year, day.month)[1])


def _exceptions() -> dict[date, str]:
    """`closed` or `early_close` by weekday."""
    with EXCEPTIONS.open(newline="") as file:
        return {date.fromisoformat(row["date"]): row["exception"] for row in csv.DictReader(file)}


def exceptions_by_library() -> dict[date, str]:
    """The same, asked of `exchange_calendars`."""
    import exchange_calendars

    exchange = exchange_calendars.get_calendar("XNYS", start=str(FIRST_DAY), end=str(LAST_DAY))
    closes = {session.date(): close.to_pydatetime() for session, close in exchange.closes.items()}
    clocks = {day: close.astimezone(NEW_YORK).time() for day, close in closes.items()}
    if not set(clocks.values()) <= {REGULAR_CLOSE, EARLY_CLOSE}:
        raise CalendarError("the exchange closes at more than two times of day")
    days = (FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
    closed = {day: "closed" for day in days if day.weekday() < _SATURDAY and day not in clocks}
    return dict(sorted({**closed, **{day: "early_close" for day, at in clocks.items() if at == EARLY_CLOSE}}.items()))


class CalendarError(Exception):
    """A date outside the calendar."""


class SessionCalendar:
    """Exchange sessions between two explicit days, so that results never depend on today's date."""

    def __init__(self, first: date = FIRST_DAY, last: date = LAST_DAY) -> None:
        self._first, self._last = first, last

    @cached_property
    def _closes(self) -> dict[date, datetime]:
        exceptions = _exceptions()
        days = (self._first + timedelta(days=n) for n in range((self._last - self._first).days + 1))
        closing = {"early_close": EARLY_CLOSE, None: REGULAR_CLOSE}
        return {
            day: new_york_to_utc(day, closing[exceptions.get(day)])
            for day in days
            if day.weekday() < _SATURDAY and exceptions.get(day) != "closed"
        }

    @cached_property
    def sessions(self) -> list[date]:
        return sorted(self._closes)

    def is_session(self, day: date) -> bool:
        return day in self._closes

    def open_of(self, session: date) -> datetime:
        return new_york_to_utc(session, OPENING)

    def close_of(self, session: date) -> datetime:
        return self._closes[session]

    def last_on_or_before(self, day: date) -> date:
        """The newest session not after `day`; CalendarError before the first."""
        place = bisect_right(self.sessions, day)
        if place == 0:
            raise CalendarError(f"no session on or before {day}; the calendar starts {self._first}")
        return self.sessions[place - 1]

    def before(self, day: date) -> date:
        """The newest session strictly before `day`."""
        return self.last_on_or_before(day - timedelta(days=1))

    def after(self, day: date) -> date:
        """The first session strictly after `day`."""
        place = bisect_right(self.sessions, day)
        if place == len(self.sessions):
            raise CalendarError(f"no session after {day}; the calendar ends {self._last}")
        return self.sessions[place]

    def between(self, first: date, last: date) -> list[date]:
        """Sessions from `first` to `last`, both included."""
        return self.sessions[bisect_left(self.sessions, first) : bisect_right(self.sessions, last)]

    def count_between(self, earlier: date, later: date) -> int:
        """Sessions after `earlier` up to and with `later`."""
        return bisect_right(self.sessions, later) - bisect_right(self.sessions, earlier)

    def expiry_instant(self, expiry_date: date, settlement: str) -> datetime:
        """When a US contract expires: AM series at the opening, PM series at the close of its settlement session.

        An expiry date that is no session settles at the session before (METHODS 1).
        """
        if expiry_date > self._last:
            return new_york_to_utc(expiry_date, OPENING if settlement == "am" else REGULAR_CLOSE)
        session = self.last_on_or_before(expiry_date)
        return self.open_of(session) if settlement == "am" else self.close_of(session)


@lru_cache(maxsize=1)
def us_sessions() -> SessionCalendar:
    return SessionCalendar()


class UtcDays:
    """The calendar of a market that never closes: each day of UTC is a session, from midnight to midnight."""

    def between(self, first: date, last: date) -> list[date]:
        """Days from `first` to `last`, both included."""
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def count_between(self, earlier: date, later: date) -> int:
        """Days after `earlier` up to and with `later`."""
        return max(0, (later - earlier).days)


def calendar_of(market: str) -> SessionCalendar | UtcDays:
    return UtcDays() if MARKETS[market].is_always_open else us_sessions()


def main() -> None:
    rows = (f"{day},{exception}\n" for day, exception in exceptions_by_library().items())
    EXCEPTIONS.write_text("date,exception\n" + "".join(rows))


if __name__ == "__main__":
    main()
