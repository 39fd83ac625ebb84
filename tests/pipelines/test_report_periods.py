"""The calendars of the reports."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.calendar import us_sessions
from pipelines.report_periods import (
    RHYTHMIC,
    end_of_half,
    half_name,
    halves,
    is_period,
    periods_between,
    periods_due,
    settlement_dates,
    weekly_parts,
    weeks,
)
from pipelines.reports import REPORTS

DAYS = st.dates(date(2018, 1, 2), date(2030, 12, 31))


@given(DAYS, st.integers(0, 90))
def test_periods_end_within_the_days_asked_for_in_order_and_once(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    for table in RHYTHMIC:
        found = periods_between(table, first, last)
        assert found == sorted(set(found))
        assert all(first <= day <= last and is_period(table, day) for day in found)


@given(DAYS, st.integers(0, 90), st.integers(0, 90))
def test_a_span_has_the_periods_of_its_pieces(first: date, one: int, two: int) -> None:
    middle = first + timedelta(days=one)
    last = middle + timedelta(days=1 + two)
    for table in RHYTHMIC:
        pieces = periods_between(table, first, middle) + periods_between(table, middle + timedelta(days=1), last)
        assert periods_between(table, first, last) == pieces


def test_a_week_ends_on_its_friday_even_on_one_without_trading() -> None:
    assert weeks(date(2024, 3, 25), date(2024, 4, 4)) == [date(2024, 3, 29)]  # Good Friday
    assert weeks(date(2024, 3, 30), date(2024, 4, 4)) == []


def test_short_interest_settles_on_the_session_before_where_the_day_is_none() -> None:
    assert settlement_dates(date(2022, 4, 1), date(2022, 5, 31)) == [
        date(2022, 4, 14),  # the fifteenth was Good Friday
        date(2022, 4, 29),
        date(2022, 5, 13),
        date(2022, 5, 31),
    ]


def test_halves_end_on_the_fifteenth_and_with_the_month() -> None:
    found = halves(date(2024, 2, 1), date(2024, 3, 15))
    assert found == [date(2024, 2, 15), date(2024, 2, 29), date(2024, 3, 15)]
    assert [half_name(day) for day in found] == ["2024-02a", "2024-02b", "2024-03a"]


@given(DAYS)
def test_the_name_of_a_half_leads_back_to_its_end(day: date) -> None:
    end = end_of_half(half_name(day))
    assert is_period("fails_to_deliver", end) and timedelta() <= end - day <= timedelta(days=15)


@pytest.mark.parametrize("name", ["", "2024-02", "2024-02c", "2024-13a", "2024-2a", "202402a", "2024-02A", "x"])
def test_what_names_no_half_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="names no half"):
        end_of_half(name)


@given(DAYS, st.integers(0, 23), st.integers(1, 8))
def test_the_newest_periods_that_are_out_are_the_last_ones(day: date, hour: int, newest: int) -> None:
    now = datetime(day.year, day.month, day.day, hour)
    for table in RHYTHMIC:
        part = "T2.ATS_W_SMBL" if table == "ats_weekly" else "_all"
        due = REPORTS[table].due
        found = [one for one, _ in periods_due(table, now, [part], newest=newest)]
        assert len(found) == newest and all(due(one, part) <= now for one in found)
        later = periods_between(table, found[-1] + timedelta(days=1), day)
        assert not any(due(one, part) <= now for one in later)
        assert found == periods_between(table, found[0], found[-1])


def test_each_part_of_the_weekly_report_has_its_own_lag() -> None:
    now = datetime(2026, 3, 23, 23)  # 19:00 in New York on the Monday of the publication
    due = periods_due("ats_weekly", now, weekly_parts(["T1", "T2"]), newest=1)
    assert due == [
        (date(2026, 2, 20), "T2.ATS_W_SMBL"),
        (date(2026, 2, 20), "T2.OTC_W_SMBL"),
        (date(2026, 3, 6), "T1.ATS_W_SMBL"),
        (date(2026, 3, 6), "T1.OTC_W_SMBL"),
    ]


def test_nothing_is_due_of_what_ended_before_the_first_day_asked_for() -> None:
    now = datetime(2026, 3, 23, 23)
    days = [day for day, _ in periods_due("short_volume_daily", now, newest=5, since=date(2026, 3, 20))]
    assert days == [date(2026, 3, 20), date(2026, 3, 23)]
    assert us_sessions().is_session(days[0])
