"""What reports owe: every period that is out, at the rhythm of each, and never one that nobody has or follows."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.daily.report_cadence import CADENCES, due_by, followed_reports, reports_owed
from pipelines.fetch import ALL_FEEDS
from pipelines.operator_settings import Follow
from pipelines.report_periods import RHYTHMIC, periods_between
from pipelines.reports import REPORTS

LATER = datetime(2030, 1, 1)
NOTHING = Follow()
EVERYTHING = Follow(
    finra_short_volume=True, finra_weekly=("T1", "T2", "OTCE"), finra_short_interest=True, occ_volume=True,
    occ_open_interest=("SPX",), occ_totals=True, sec_fails=True,
)  # fmt: skip


def days(
    table: str, seen: list[date], follow: Follow = NOTHING, now: datetime = LATER, part: str = "_all"
) -> list[str]:
    return [str(one.session_date) for one in reports_owed({table: {part: seen}}, follow, now)]


@pytest.mark.parametrize(
    ("table", "part", "day", "due"),
    [
        ("short_volume_daily", "CNMS", date(2024, 6, 20), "2024-06-20 20:00"),
        ("cleared_volume", "_all", date(2024, 7, 3), "2024-07-05 09:15"),  # the 4th is a holiday
        ("open_interest_daily", "SPX", date(2024, 6, 21), "2024-06-24 09:15"),
        ("clearing_totals", "open_interest", date(2024, 3, 8), "2024-03-11 09:15"),  # over the change of the clock
        ("ats_weekly", "T1.ATS_W_SMBL", date(2026, 3, 6), "2026-03-24 20:00"),  # out on Monday the 23rd
        ("ats_weekly", "T2.OTC_W_SMBL", date(2026, 3, 6), "2026-04-07 20:00"),
        ("ats_weekly", "T1.ATS_W_SMBL", date(2026, 1, 30), "2026-02-17 20:00"),  # Monday the 16th is a holiday
        ("short_interest", "_all", date(2024, 6, 14), "2024-06-27 20:00"),  # seven sessions, then one
        ("fails_to_deliver", "_all", date(2024, 3, 15), "2024-04-08 20:00"),  # out on 1 April at the latest
    ],
)
def test_a_period_is_missing_some_time_after_its_vendors_schedule(table: str, part: str, day: date, due: str) -> None:
    assert f"{utc_to_new_york(due_by(table, day, part)):%Y-%m-%d %H:%M}" == due
    assert due_by(table, day, part) > REPORTS[table].due(day, part)


def test_a_followed_report_owes_every_session_since_the_first_one_collected() -> None:
    follow = Follow(finra_short_volume=True)
    seen = [date(2024, 7, 2)]
    # The 4th is a holiday; the 8th is due at 20:00 in New York, midnight UTC.
    before, after = datetime(2024, 7, 8, 23, 59), datetime(2024, 7, 9)
    assert days("short_volume_daily", seen, follow, before, "CNMS") == ["2024-07-02", "2024-07-03", "2024-07-05"]
    assert days("short_volume_daily", seen, follow, after, "CNMS")[-1] == "2024-07-08"


def test_what_never_came_or_is_not_followed_owes_nothing_up_to_now() -> None:
    assert reports_owed({}, EVERYTHING, LATER) == []
    assert days("cleared_volume", [date(2024, 7, 2)]) == ["2024-07-02"]
    only_first_tier = Follow(finra_weekly=("T1",))
    assert days("ats_weekly", [date(2024, 6, 7)], only_first_tier, part="T2.ATS_W_SMBL") == ["2024-06-07"]
    facility = days("short_volume_daily", [date(2024, 7, 2)], EVERYTHING, part="FNSQ")
    assert facility == ["2024-07-02"]  # followed is the file of all facilities


def test_an_archive_owes_what_lies_between_its_first_and_last_period_part_by_part() -> None:
    friday = date(2024, 3, 22)  # Good Friday, the 29th, ends a week like any other
    seen = {"ats_weekly": {"T1.ATS_W_SMBL": [friday, friday + timedelta(weeks=2)], "T2.ATS_W_SMBL": [friday]}}
    owed = [(one.part, str(one.session_date)) for one in reports_owed(seen, Follow(), LATER)]
    assert owed == [
        ("T1.ATS_W_SMBL", "2024-03-22"), ("T1.ATS_W_SMBL", "2024-03-29"), ("T1.ATS_W_SMBL", "2024-04-05"),
        ("T2.ATS_W_SMBL", "2024-03-22"),
    ]  # fmt: skip


def test_halves_of_months_are_owed_by_their_last_days_and_short_interest_by_its_settlement_dates() -> None:
    seen = [date(2024, 5, 31), date(2024, 7, 15)]
    assert days("fails_to_deliver", seen) == ["2024-05-31", "2024-06-15", "2024-06-30", "2024-07-15"]
    assert days("short_interest", seen) == ["2024-05-31", "2024-06-14", "2024-06-28", "2024-07-15"]


def test_series_saved_by_hand_owe_nothing_and_members_of_an_index_never_do() -> None:
    far_apart = [date(2024, 1, 2), date(2024, 6, 3)]
    assert days("open_interest_daily", far_apart, part="SPX") == []
    assert days("index_members", far_apart, EVERYTHING, part="SPX") == []
    followed = days("open_interest_daily", [date(2024, 6, 28)], EVERYTHING, datetime(2024, 7, 2, 13, 15), "SPX")
    assert followed == ["2024-06-28", "2024-07-01"]


def test_a_followed_symbol_owes_under_the_name_that_it_lands_by() -> None:
    assert followed_reports(Follow(occ_open_interest=("BRK.B",))) == {"open_interest_daily": ["BRKB"]}
    assert followed_reports(Follow()) == {}


def test_every_report_with_a_calendar_has_a_name_in_the_ledger_and_every_followed_one_a_feed() -> None:
    assert set(CADENCES) == set(RHYTHMIC)
    followed = {CADENCES[table].ledger_name.replace("_", "-") for table in followed_reports(EVERYTHING)}
    assert followed <= set(ALL_FEEDS)
    assert len(followed) == 7


@given(
    table=st.sampled_from(sorted(set(RHYTHMIC) - {"open_close_volume"})),
    first=st.dates(date(2015, 1, 1), date(2026, 1, 1)),
    length=st.integers(1, 200),
    hours=st.integers(0, 5000),
)
def test_all_periods_that_are_due_are_owed_and_no_others(table: str, first: date, length: int, hours: int) -> None:
    periods = periods_between(table, first, first + timedelta(days=40 + length))
    part = {"short_volume_daily": "CNMS", "ats_weekly": "T1.ATS_W_SMBL", "open_interest_daily": "SPX"}.get(
        table, "_all"
    )
    now = datetime.combine(periods[0], datetime.min.time()) + timedelta(hours=hours)
    owed = reports_owed({table: {part: [periods[0]]}}, EVERYTHING, now)
    due = [day for day in periods_between(table, periods[0], now.date()) if due_by(table, day, part) <= now]
    assert [one.session_date for one in owed] == due
    for one in owed:
        assert one.due_ts <= now
        last_session = us_sessions().last_on_or_before(one.session_date)
        assert one.due_ts > us_sessions().close_of(last_session)
    archive = reports_owed({table: {part: [periods[0], periods[-1]]}}, Follow(), LATER)
    assert [one.session_date for one in archive] == ([] if table == "open_interest_daily" else periods)
