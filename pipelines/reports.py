"""Declarations of the reports: which table, which rhythm, when a period is known, what a later statement replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from pipelines.calendar import OPENING, PUBLISHED_AT, half_month_end, new_york_to_utc, us_sessions

NEXT_MORNING = time(6, 30)  # New York: by when a clearing house has published what a session left
SHORT_INTEREST_LAG_SESSIONS = 7
WEEKLY_LAG_DAYS = {"T1": 21, "T2": 35, "OTCE": 35}  # from the Monday of the week
WEEKLY_TIERS = tuple(WEEKLY_LAG_DAYS)
CONSOLIDATED = "CNMS"  # the short volume of all of FINRA's facilities together
MONDAY_TO_FRIDAY = timedelta(days=4)
# Who fetches so soon after the schedule was waiting: then the fetch tells when the report came.
SOON_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Report:
    """A kind of report. `due`: when a period (its last day and part) is known by the vendor's schedule.

    `rhythm`: what its periods are, settlements those of short interest; None where they come when they come.
    `replaces`: columns of a group of rows that a later statement of the same period replaces as a whole, () for all
    rows; None where files are excerpts and each row is replaced by its own later statement.
    `fullest_first`: sources that spell the keys of the same rows differently: of each symbol the first of them that
    states it counts, else its volume would count twice.
    """

    table: str
    due: Callable[[date, str], datetime]
    rhythm: Literal["session", "week", "half_month", "settlement"] | None = "session"
    replaces: tuple[str, ...] | None = ()
    fullest_first: tuple[str, ...] = ()


def _same_evening(day: date, _part: str) -> datetime:
    return new_york_to_utc(day, PUBLISHED_AT)


def _next_morning(day: date, _part: str) -> datetime:
    return new_york_to_utc(us_sessions().after(day), NEXT_MORNING)


def _weekly(friday: date, part: str) -> datetime:
    lag = timedelta(days=WEEKLY_LAG_DAYS.get(part.split(".", maxsplit=1)[0], max(WEEKLY_LAG_DAYS.values())))
    return new_york_to_utc(friday - MONDAY_TO_FRIDAY + lag, PUBLISHED_AT)


def _short_interest(settlement: date, _part: str) -> datetime:
    day = settlement
    for _ in range(SHORT_INTEREST_LAG_SESSIONS):
        day = us_sessions().after(day)
    return new_york_to_utc(day, PUBLISHED_AT)


def _half_month(last_day: date, _part: str) -> datetime:
    """The first half is posted at the end of the month, the second in the middle of the next; a session to be sure."""
    posted = half_month_end(half_month_end(last_day) + timedelta(days=1))
    return new_york_to_utc(us_sessions().after(posted), PUBLISHED_AT)


def _at_the_opening(day: date, _part: str) -> datetime:
    return new_york_to_utc(day, OPENING)


REPORTS: dict[str, Report] = {
    report.table: report
    for report in (
        Report("short_volume_daily", _same_evening),
        Report("ats_weekly", _weekly, "week", replaces=None, fullest_first=("finra_weekly_json", "finra_weekly_txt")),
        Report("short_interest", _short_interest, "settlement", replaces=None),
        Report("cleared_volume", _next_morning),
        Report("open_interest_daily", _next_morning),
        Report("clearing_totals", _next_morning, replaces=None),
        Report("fails_to_deliver", _half_month, "half_month"),
        Report("index_members", _at_the_opening, rhythm=None),
        Report("open_close_volume", _next_morning, replaces=("exchange",)),
    )
}
ANNOUNCED = frozenset({"index_members"})  # said before the day from which it holds; others tell what has happened


def stated_known_at(published: date) -> datetime:
    """When something became known that its vendor says to have published on a day, and not at which hour."""
    return new_york_to_utc(published, PUBLISHED_AT)


def known_by(schedule: datetime, captured_at: datetime | None) -> tuple[datetime, str]:
    """When something became known that is due at a moment and was fetched at another, and by which rule."""
    if captured_at is not None and captured_at < schedule + SOON_AFTER:
        return captured_at, "captured_live"
    return schedule, "vendor_schedule"
