"""What each source owes: every session that should be there, and never one that should not."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.calendar import us_sessions
from pipelines.daily.cadence import feed_is_due, is_bond_holiday, owed
from pipelines.operator_settings import Follow

CALENDAR = us_sessions()
LATER = datetime(2030, 1, 1)
NOTHING, SPX = Follow(), Follow(cboe=("SPX",))


def days(seen: dict[str, dict[str, list[date]]], follow: Follow = NOTHING, now: datetime = LATER) -> list[str]:
    return [str(one.session_date) for one in owed(seen, follow, now, CALENDAR)]


def test_pages_saved_by_hand_and_mapped_files_owe_nothing() -> None:
    far_apart = {"SPX": [date(2024, 1, 2), date(2024, 6, 3)]}
    assert days({"cboe_quotedata_csv": far_apart, "mapped_chain": far_apart, "cboe_delayed_json": far_apart}) == []


@pytest.mark.parametrize("source", ["cboe_datashop_eod", "deltaneutral_eod", "optionsdx_eod"])
def test_an_archive_owes_what_lies_between_its_first_and_last_session(source: str) -> None:
    # Saturday to Monday, and the holiday of 19 June, owe nothing.
    seen = {source: {"SPX": [date(2024, 6, 13), date(2024, 6, 20)]}}
    assert days(seen) == ["2024-06-13", "2024-06-14", "2024-06-17", "2024-06-18", "2024-06-20"]


def test_each_underlying_of_an_archive_has_its_own_bounds() -> None:
    seen = {"deltaneutral_eod": {"SPX": [date(2024, 6, 3), date(2024, 6, 5)], "SPY": [date(2024, 6, 4)]}}
    owes = [(one.part, one.session_date.day) for one in owed(seen, Follow(), LATER, CALENDAR)]
    assert owes == [("SPX", 3), ("SPX", 4), ("SPX", 5), ("SPY", 4)]


def test_a_followed_feed_owes_every_session_since_it_was_first_collected() -> None:
    seen = {"cboe_delayed_json": {"SPX": [date(2024, 7, 2)]}}
    # An early close on the 3rd is a session, the 4th is none; the 8th is due at 20:00 in New York, midnight UTC.
    assert days(seen, SPX, datetime(2024, 7, 8, 23, 59)) == ["2024-07-02", "2024-07-03", "2024-07-05"]
    assert days(seen, SPX, datetime(2024, 7, 9))[-1] == "2024-07-08"


def test_an_unscheduled_closure_owes_nothing() -> None:
    seen = {"cboe_delayed_json": {"SPX": [date(2025, 1, 8)]}}
    assert days(seen, SPX, datetime(2025, 1, 11, 12)) == ["2025-01-08", "2025-01-10"]


def test_a_feed_that_is_no_longer_followed_or_never_came_owes_nothing() -> None:
    assert days({"cboe_delayed_json": {"SPX": [date(2024, 7, 2)]}}, Follow(cboe=("SPY",))) == []
    assert days({}, Follow(cboe=("SPX",), treasury=True)) == []


def test_a_followed_symbol_owes_under_the_name_that_it_lands_by() -> None:
    seen = {"cboe_delayed_json": {"BRKB": [date(2024, 7, 2)], "XEO": [date(2024, 7, 2)]}}
    now = datetime(2024, 7, 3, 12)
    assert days(seen, Follow(cboe=("BRK.B", "_XEO")), now) == ["2024-07-02", "2024-07-02"]


def test_curves_owe_no_bond_holiday() -> None:
    seen = {"treasury_par_csv": {"_all": [date(2024, 10, 11), date(2024, 10, 16)]}}
    assert days(seen) == ["2024-10-11", "2024-10-15", "2024-10-16"]  # Columbus Day


def test_curves_are_owed_up_to_now_only_while_they_are_followed() -> None:
    seen = {"treasury_par_csv": {"_all": [date(2024, 6, 3)]}}
    now = datetime(2024, 6, 5, 23, 59)  # before 20:00 in New York
    assert days(seen, now=now) == ["2024-06-03"]
    assert days(seen, Follow(treasury=True), now) == ["2024-06-03", "2024-06-04"]


@pytest.mark.parametrize(
    ("day", "is_holiday"),
    [
        (date(2021, 10, 11), True),
        (date(2021, 11, 11), True),
        (date(2018, 11, 12), True),  # Veterans Day on a Sunday
        (date(2023, 11, 10), False),  # on a Saturday: the Treasury published on the Friday
        (date(2023, 10, 9), True),
        (date(2023, 10, 16), False),
        (date(2024, 11, 12), False),
        (date(2024, 7, 4), False),  # no session anyway
    ],
)
def test_bond_holidays_are_those_on_which_the_treasury_published_no_curve(day: date, is_holiday: bool) -> None:
    assert is_bond_holiday(day) is is_holiday


@given(
    first=st.integers(0, 2000),
    length=st.integers(0, 60),
    hours=st.integers(48, 50_000),
)
def test_all_sessions_that_are_due_are_owed_and_no_others(first: int, length: int, hours: int) -> None:
    start = CALENDAR.after(date(2016, 1, 1) + timedelta(days=first))
    end = CALENDAR.last_on_or_before(start + timedelta(days=length))
    seen = {source: {"SPX": [start, end]} for source in ("cboe_delayed_json", "cboe_datashop_eod", "treasury_par_csv")}
    now = datetime.combine(start, time()) + timedelta(hours=hours)
    owes = owed(seen, Follow(cboe=("SPX",), treasury=True), now, CALENDAR)
    due = [day for day in CALENDAR.between(start, now.date()) if feed_is_due(day) <= now]
    assert due and [one.session_date for one in owes if one.source == "cboe_delayed_json"] == due
    delivered = [day for day in CALENDAR.between(start, end) if CALENDAR.open_of(CALENDAR.after(day)) <= now]
    assert [one.session_date for one in owes if one.source == "cboe_datashop_eod"] == delivered
    for one in owes:
        assert CALENDAR.is_session(one.session_date)
        assert one.session_date >= start
        assert CALENDAR.close_of(one.session_date) < one.due_ts <= now
