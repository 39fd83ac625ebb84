"""The ladder that places a page in market time, rung by rung, and the date of its open interest."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from pipelines.calendar import us_sessions
from pipelines.sessions import (
    date_open_interest,
    known_with_its_open_interest,
    place_as_declared,
    place_by_header_clock,
    place_by_quote_time,
)

FAR = date(2030, 1, 18)
CALENDAR = us_sessions()

# header clock (UTC) -> session, snapshot (UTC), basis. Spring 2023: New York is UTC-4; Good Friday is April 7.
IN, AFTER, BEFORE = "header_in_session", "header_after_close", "header_before_open"
LADDER = [
    ("in the session", datetime(2023, 5, 15, 16, 9), date(2023, 5, 15), datetime(2023, 5, 15, 15, 54), IN),
    ("at the first quote", datetime(2023, 5, 15, 13, 45), date(2023, 5, 15), datetime(2023, 5, 15, 13, 30), IN),
    ("quotes before the open", datetime(2023, 5, 15, 13, 40), date(2023, 5, 12), datetime(2023, 5, 12, 20), BEFORE),
    ("just after the close", datetime(2023, 5, 15, 20, 14), date(2023, 5, 15), datetime(2023, 5, 15, 19, 59), IN),
    ("quotes of the close", datetime(2023, 5, 15, 20, 15), date(2023, 5, 15), datetime(2023, 5, 15, 20), AFTER),
    ("late in the evening", datetime(2023, 4, 7, 2, 48), date(2023, 4, 6), datetime(2023, 4, 6, 20), AFTER),
    ("early next morning", datetime(2023, 4, 27, 11, 15), date(2023, 4, 26), datetime(2023, 4, 26, 20), BEFORE),
    ("on Good Friday", datetime(2023, 4, 7, 15, 0), date(2023, 4, 6), datetime(2023, 4, 6, 20), BEFORE),
    ("on a Sunday", datetime(2023, 4, 17, 2, 59), date(2023, 4, 14), datetime(2023, 4, 14, 20), BEFORE),
    ("after an early close", datetime(2023, 11, 24, 18, 20), date(2023, 11, 24), datetime(2023, 11, 24, 18), AFTER),
    ("in winter", datetime(2022, 12, 13, 1, 30), date(2022, 12, 12), datetime(2022, 12, 12, 21), AFTER),
]  # fmt: skip


@pytest.mark.parametrize(("case", "header", "session", "snapshot", "basis"), LADDER, ids=[row[0] for row in LADDER])
def test_a_page_is_placed_by_its_clock(
    case: str, header: datetime, session: date, snapshot: datetime, basis: str
) -> None:
    placed = place_by_header_clock(header, FAR, CALENDAR)
    assert (placed.session_date, placed.snapshot_ts, placed.session_basis) == (session, snapshot, basis)
    assert placed.known_at == max(header, snapshot)
    assert placed.known_at_basis == "header_clock"


def test_a_page_is_never_later_than_the_last_session_on_or_before_its_first_expiry() -> None:
    stale = place_by_header_clock(datetime(2025, 5, 6, 13, 13), date(2025, 5, 2), CALENDAR)
    assert (stale.session_date, stale.session_basis) == (date(2025, 5, 2), "first_expiry_cap")
    assert stale.snapshot_ts == datetime(2025, 5, 2, 20)
    assert stale.known_at == datetime(2025, 5, 6, 13, 13)


def test_a_first_expiry_on_a_weekend_caps_at_the_friday_before() -> None:
    stale = place_by_header_clock(datetime(2023, 4, 19, 22), date(2023, 4, 15), CALENDAR)
    assert stale.session_date == date(2023, 4, 14)


@pytest.mark.parametrize(
    ("header", "dated", "basis"),
    [
        (datetime(2023, 5, 16, 10, 30), date(2023, 5, 15), "pulled_before_open"),  # 06:30 sharp
        (datetime(2023, 5, 16, 10, 29), date(2023, 5, 12), "pulled_otherwise"),
        (datetime(2023, 5, 16, 13, 29), date(2023, 5, 15), "pulled_before_open"),
        (datetime(2023, 5, 15, 16, 9), date(2023, 5, 12), "pulled_otherwise"),  # in the session
        (datetime(2023, 4, 17, 2, 59), date(2023, 4, 13), "pulled_otherwise"),  # Sunday evening
        (datetime(2023, 4, 7, 12, 0), date(2023, 4, 6), "pulled_before_open"),  # a holiday on a weekday counts
    ],
)
def test_open_interest_is_dated_by_the_clock_of_the_pull(header: datetime, dated: date, basis: str) -> None:
    found = date_open_interest("pulled", place_by_header_clock(header, FAR, CALENDAR), header, CALENDAR)
    assert (found.session_date, found.basis) == (dated, basis)


def test_open_interest_of_a_capped_page_has_no_date_of_its_own() -> None:
    header = datetime(2025, 5, 6, 13, 13)
    found = date_open_interest("pulled", place_by_header_clock(header, date(2025, 5, 2), CALENDAR), header, CALENDAR)
    assert (found.session_date, found.basis) == (None, "undated")


def test_a_declared_page_without_a_clock_is_known_at_the_next_opening() -> None:
    placed = place_as_declared(date(2023, 4, 6), None, CALENDAR)
    assert placed.snapshot_ts == datetime(2023, 4, 6, 20)
    assert (placed.known_at, placed.known_at_basis) == (datetime(2023, 4, 10, 13, 30), "vendor_schedule")


def test_series_expire_at_the_opening_or_the_close_of_their_settlement_session() -> None:
    assert CALENDAR.expiry_instant(date(2023, 4, 21), "am") == datetime(2023, 4, 21, 13, 30)
    assert CALENDAR.expiry_instant(date(2023, 4, 21), "pm") == datetime(2023, 4, 21, 20)
    assert CALENDAR.expiry_instant(date(2023, 11, 24), "pm") == datetime(2023, 11, 24, 18)
    assert CALENDAR.expiry_instant(date(2023, 4, 7), "pm") == datetime(2023, 4, 6, 20)  # Good Friday settles before
    assert CALENDAR.expiry_instant(date(2014, 4, 19), "pm") == datetime(2014, 4, 17, 20)  # a Saturday after Good Friday


def test_a_page_is_not_known_before_the_quotes_it_shows_were_made() -> None:
    placed = place_by_quote_time(datetime(2024, 6, 17, 20, 10), datetime(2024, 6, 17, 20, 0), None, CALENDAR)
    assert (placed.snapshot_ts, placed.known_at) == (datetime(2024, 6, 17, 20), datetime(2024, 6, 17, 20, 10))


def test_closing_open_interest_is_not_known_before_it_is_published() -> None:
    placed = place_by_quote_time(datetime(2024, 6, 18, 20), datetime(2024, 6, 18, 20, 5), None, CALENDAR)
    assert known_with_its_open_interest(placed, "session_start", CALENDAR) == placed
    later = known_with_its_open_interest(placed, "session_end", CALENDAR)
    assert (later.known_at, later.known_at_basis) == (datetime(2024, 6, 20, 10, 30), "vendor_schedule")
