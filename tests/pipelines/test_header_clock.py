"""Clocks of browsers in many languages."""

from __future__ import annotations

from datetime import datetime

import pytest
from babel import Locale

from pipelines.sources.header_clock import LANGUAGES, parse_header_clock

READABLE = {
    "December 12, 2022 at 8:31 PM EST": datetime(2022, 12, 13, 1, 31),
    "July 12, 2022, 11:55 AM EDT": datetime(2022, 7, 12, 15, 55),
    "5 April 2023, 19:41 UTC\u22124": datetime(2023, 4, 5, 23, 41),
    "11 April, 2023 \u00e0 22:23 UTC\u22124": datetime(2023, 4, 12, 2, 23),
    '15 May 2023, 12:09 PM EDT"': datetime(2023, 5, 15, 16, 9),
    "11 de noviembre de 2024, 8:02 GMT-5": datetime(2024, 11, 11, 13, 2),
    "9 \u0434\u0435\u043a\u0430\u0431\u0440\u044f 2023 \u0433. \u0432 13:49 GMT-5": datetime(2023, 12, 9, 18, 49),
    "2 mai 2025 \u00e0 14 h 30 UTC\u22124": datetime(2025, 5, 2, 18, 30),
    "14. April 2023 um 19:12 MESZ": datetime(2023, 4, 14, 17, 12),
    "12 sept. 2024, 9:00 p. m. GMT-5": datetime(2024, 9, 13, 2, 0),
    "June 17, 2024 at 4:31\u202fPM EDT": datetime(2024, 6, 17, 20, 31),
    "14 April 2023, 7:12 pm GMT+5:30": datetime(2023, 4, 14, 13, 42),
}
DOUBTFUL = [
    "",
    "4 June 4, 3:15 PM EDT",  # a year of one digit
    "31 February 2023, 10:00 EST",
    "5 April 2023, 19:41",  # no zone
    "5 April 2023 UTC-4",  # no clock
    "April May 5 2023, 10:00 EST",  # two months
    "5 April 2023, 13:41 PM EDT",
    "5 April 2023, 29:41 UTC-4",
    "5 April 2023, 10:00 GMT+19",
]


@pytest.mark.parametrize("text", READABLE)
def test_a_clock_is_read_in_the_language_and_zone_of_its_reader(text: str) -> None:
    assert parse_header_clock(text) == READABLE[text]


@pytest.mark.parametrize("text", DOUBTFUL)
def test_a_doubtful_clock_is_not_guessed(text: str) -> None:
    assert parse_header_clock(text) is None


def test_no_month_name_means_another_month_in_another_language() -> None:
    meanings: dict[str, set[int]] = {}
    for language in LANGUAGES:
        for widths in Locale(language).months.values():
            for width in ("wide", "abbreviated"):
                for number, name in widths[width].items():
                    meanings.setdefault(name.rstrip(".").casefold(), set()).add(number)
    assert {name for name, numbers in meanings.items() if len(numbers) > 1} == set()
