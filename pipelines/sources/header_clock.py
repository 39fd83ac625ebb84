"""Clocks as browsers print them: day and month in the reader's language and order, with a zone or an offset."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache

from babel import Locale

# No month name of these languages means another month in another of them (tested).
LANGUAGES = ("en", "fr", "es", "de", "it", "pt", "nl", "ru", "uk", "pl", "sv", "da", "nb", "fi", "ro", "tr")

_ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10, "UTC": 0, "GMT": 0, "Z": 0,
    "BST": 1, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2,
    "EET": 2, "EEST": 3, "MSK": 3, "IST": 5.5, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
}  # fmt: skip

_OFFSET = re.compile(r"\b(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?\s*$", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2})\s?[:h.]\s?(\d{2})(?::\d{2})?\s*([ap])?\.?\s*m?\.?(?=\s|$)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+\.?")


@cache
def month_numbers() -> dict[str, int]:
    """Month names of all languages, wide and abbreviated, as they stand in dates and alone."""
    names: dict[str, int] = {}
    for language in LANGUAGES:
        months = Locale(language).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    names.setdefault(name.rstrip(".").casefold(), number)
    return names


def parse_header_clock(text: str) -> datetime | None:
    """The instant in UTC (naive), or None if any part of it is missing, doubtful or impossible."""
    plain = text.replace("\u2212", "-").replace("\u2013", "-").replace("\u202f", " ").replace("\xa0", " ").strip(' "')
    offset, plain = _split_zone(plain)
    clock = _CLOCK.search(plain)
    if offset is None or clock is None:
        return None
    hour, minute = int(clock[1]), int(clock[2])
    if clock[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if clock[3].lower() == "p" else 0)
    day_text = plain[: clock.start()] + " " + plain[clock.end() :]
    months = {
        number for word in _WORD.findall(day_text) if (number := month_numbers().get(word.rstrip(".").casefold()))
    }
    years = re.findall(r"\b(?:19|20)\d{2}\b", day_text)
    days = re.findall(r"\b\d{1,2}\b", day_text)
    if len(months) != 1 or len(years) != 1 or len(days) != 1:
        return None
    try:
        local = datetime(int(years[0]), months.pop(), int(days[0]), hour, minute)
    except ValueError:
        return None
    return local - offset


def _split_zone(text: str) -> tuple[timedelta | None, str]:
    """The offset from UTC and the text before it."""
    numeric = _OFFSET.search(text)
    if numeric:
        hours, minutes = int(numeric[2]), int(numeric[3] or 0)
        if hours > 14 or minutes > 59:
            return None, text
        offset = timedelta(hours=hours, minutes=minutes)
        return (-offset if numeric[1] == "-" else offset), text[: numeric.start()]
    name, _, before = text[::-1].partition(" ")
    zone = name[::-1].upper()
    if zone in _ZONES:
        return timedelta(hours=_ZONES[zone]), before[::-1]
    return None, text
