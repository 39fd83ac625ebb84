"""Days, months and weeks as they are typed."""

from __future__ import annotations

import re
from datetime import date, timedelta

from pipelines.calendar import FIRST_DAY, LAST_DAY
from pipelines.fetch.feed import FeedError

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day_of(typed: str) -> date:
    """FeedError for anything but a day within the calendar, such as 2026-03-02."""
    text = typed.strip()
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise FeedError(f"{typed!r} is not a day, such as 2026-03-02")
    return day


def month_of(typed: str) -> date:
    """The first day of a month such as 2026-03; a day names its month."""
    text = typed.strip()
    try:
        return day_of(f"{text}-01" if _MONTH.fullmatch(text) else text).replace(day=1)
    except FeedError:
        raise FeedError(f"{typed!r} is not a month, such as 2026-03") from None


def monday_of(typed: str) -> date:
    """FeedError for a day that is no Monday, with the one of its week."""
    day = day_of(typed)
    if day.weekday() != 0:
        monday = day - timedelta(days=day.weekday())
        raise FeedError(f"{day} is no Monday; the week it lies in begins on {monday}")
    return day
