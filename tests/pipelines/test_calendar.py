"""The committed exceptions of the exchange calendar against the library that they were taken from."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, time

import pytest

from pipelines.calendar import FIRST_DAY, LAST_DAY, exceptions_by_library, us_sessions, utc_to_new_york


def test_the_sessions_and_their_closes_are_those_of_the_library() -> None:
    calendar, exceptions = us_sessions(), exceptions_by_library()
    assert (calendar.sessions[0], calendar.sessions[-1]) == (FIRST_DAY, LAST_DAY)
    early = {day for day in calendar.sessions if utc_to_new_york(calendar.close_of(day)).time() == time(13)}
    assert early == {day for day, exception in exceptions.items() if exception == "early_close"}
    assert not {day for day, exception in exceptions.items() if exception == "closed"}.intersection(calendar.sessions)
    assert len(calendar.sessions) == sum(
        date.fromordinal(n).weekday() < 5 for n in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1)
    ) - list(exceptions.values()).count("closed")


@pytest.mark.parametrize(
    ("day", "closes"),
    [
        (date(2024, 7, 3), time(13)),  # the eve of Independence Day
        (date(2024, 7, 5), time(16)),
        (date(2026, 12, 24), time(13)),
    ],
)
def test_a_session_closes_at_its_hour_in_new_york(day: date, closes: time) -> None:
    assert utc_to_new_york(us_sessions().close_of(day)).time() == closes


@pytest.mark.parametrize("day", [date(2025, 1, 9), date(2012, 10, 29), date(2024, 6, 19), date(2024, 6, 22)])
def test_mourning_storms_holidays_and_weekends_are_no_sessions(day: date) -> None:
    assert not us_sessions().is_session(day)


def test_knowing_the_sessions_costs_no_import_of_pandas() -> None:
    asked = "import sys; from pipelines.calendar import us_sessions as s; s().sessions; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
