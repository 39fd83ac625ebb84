"""The feeds of reports: what their items are, which are due, and what their bytes must look like."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fetch import FEEDS
from pipelines.fetch.client import VendorRefuses
from pipelines.fetch.feed import FeedError
from pipelines.fetch.occ_open_interest import last_ended
from pipelines.operator_settings import Follow, OperatorSettings
from pipelines.report_periods import end_of_half, periods_between
from pipelines.reports import MONDAY_TO_FRIDAY, REPORTS
from pipelines.sources.page import Unreadable
from tests.stand_in.finra import short_volume_file
from tests.stand_in.occ import totals_csv, volume_csv
from tests.stand_in.sec import fails_zip

DAILY, WEEKLY, INTEREST = FEEDS["finra-short-volume"], FEEDS["finra-weekly"], FEEDS["finra-short-interest"]
VOLUME, SERIES, TOTALS = FEEDS["occ-volume"], FEEDS["occ-open-interest"], FEEDS["occ-totals"]
FAILS = FEEDS["sec-fails"]
EVERYTHING = Follow(
    finra_short_volume=True, finra_weekly=("T1", "OTCE"), finra_short_interest=True, occ_volume=True,
    occ_open_interest=("SPX", "BRK.B"), occ_totals=True, sec_fails=True,
)  # fmt: skip
DAYS = st.datetimes(datetime(2019, 1, 10), datetime(2030, 12, 20))


@pytest.mark.parametrize(
    ("feed", "typed", "items"),
    [
        (DAILY, "2026-03-02", ["CNMS:2026-03-02"]),
        (DAILY, "fnsq:2026-03-02", ["FNSQ:2026-03-02"]),
        (WEEKLY, "T1:ATS_W_SMBL:2026-03-02", ["T1:ATS_W_SMBL:2026-03-02"]),
        (WEEKLY, "otce:otc_w_smbl_firm:2026-03-02", ["OTCE:OTC_W_SMBL_FIRM:2026-03-02"]),
        (WEEKLY, "T1:2026-03-02", ["T1:ATS_W_SMBL:2026-03-02", "T1:OTC_W_SMBL:2026-03-02"]),
        (WEEKLY, "ATS_W_FIRM:2026-03-02", [f"{tier}:ATS_W_FIRM:2026-03-02" for tier in ("T1", "T2", "OTCE")]),
        (INTEREST, "2026-02-27", ["2026-02-27"]),
        (VOLUME, " 2026-03-02 ", ["2026-03-02"]),
        (SERIES, "^spx", ["SPX"]),
        (SERIES, "brk.b", ["BRKB"]),
        (TOTALS, "2026-03", ["2026-03"]),
        (TOTALS, "2026-03-12", ["2026-03"]),
        (FAILS, "2026-03A", ["2026-03a"]),
    ],
)
def test_what_is_typed_becomes_items(feed: Any, typed: str, items: list[str]) -> None:
    assert feed.items_of(typed) == items
    assert [feed.item_of(item) for item in items] == items


def test_a_week_alone_is_every_tier_and_both_sums() -> None:
    assert len(WEEKLY.items_of("2026-03-02")) == 6


@pytest.mark.parametrize(
    ("feed", "typed", "words"),
    [
        (DAILY, "20260302", "is not a day"),
        (DAILY, "2026-02-30", "is not a day"),
        (DAILY, "2026-W10-1", "is not a day"),
        (DAILY, "１９９９-01-01", "is not a day"),
        (DAILY, "XYZ:2026-03-02", "no facility"),
        (DAILY, "CNMS:FNSQ:2026-03-02", "no facility"),
        (WEEKLY, "2026-03-04", "2026-03-04 is no Monday; the week it lies in begins on 2026-03-02"),
        (WEEKLY, "T4:2026-03-02", "is not a tier"),
        (WEEKLY, "T1:ATS_M_SMBL:2026-03-02", "is not a tier"),
        (WEEKLY, "", "is not a day"),
        (INTEREST, "2026-03", "is not a day"),
        (VOLUME, "../../x", "is not a day"),
        (SERIES, "SPX&x=1", "is not a symbol"),
        (TOTALS, "2026-13", "is not a month"),
        (FAILS, "2026-03", "is not a half"),
        (FAILS, "2026-03c", "is not a half"),
    ],
)
def test_what_is_no_item_is_told(feed: Any, typed: str, words: str) -> None:
    with pytest.raises(FeedError, match=words):
        feed.items_of(typed)


def test_each_item_lies_where_the_vendor_puts_it() -> None:
    assert DAILY.url_of("FNSQ:2026-03-02") == "https://cdn.finra.org/equity/regsho/daily/FNSQshvol20260302.txt"
    assert WEEKLY.url_of("any") == "https://api.finra.org/data/group/otcMarket/name/weeklySummary"
    assert INTEREST.url_of("any") == "https://api.finra.org/data/group/otcMarket/name/consolidatedShortInterest"
    assert VOLUME.url_of("2026-03-02") == (
        "https://marketdata.theocc.com/volume-query?reportDate=20260302&format=csv&volumeQueryType=O&symbolType=ALL"
        "&symbol=ALL&reportType=D&accountType=ALL&productKind=ALL&porc=BOTH"
    )
    assert SERIES.url_of("SPY") == "https://marketdata.theocc.com/series-search?symbolType=U&symbol=SPY"
    assert TOTALS.url_of("2026-02").endswith("/daily-open-interest?reportDate=02/27/2026&action=download&format=csv")
    assert FAILS.url_of("2026-03a") == "https://www.sec.gov/files/data/fails-deliver-data/cnsfails202603a.zip"


@given(DAYS)
def test_only_periods_that_are_out_are_due_and_each_of_them_is_an_item(now: datetime) -> None:
    for feed in (DAILY, WEEKLY, INTEREST, VOLUME, TOTALS, FAILS):
        items = list(feed.items_now(EVERYTHING, now))
        assert items and len(set(items)) == len(items)
        assert [feed.item_of(item) for item in items] == items
    for item in WEEKLY.items_now(EVERYTHING, now):
        tier, kind, monday = item.split(":")
        friday = date.fromisoformat(monday) + MONDAY_TO_FRIDAY
        assert tier in EVERYTHING.finra_weekly and REPORTS["ats_weekly"].due(friday, f"{tier}.{kind}") <= now
    for item in FAILS.items_now(EVERYTHING, now):
        assert REPORTS["fails_to_deliver"].due(end_of_half(item), "_all") <= now
    for feed, table in ((DAILY, "short_volume_daily"), (VOLUME, "cleared_volume"), (INTEREST, "short_interest")):
        days = [date.fromisoformat(item[-10:]) for item in feed.items_now(EVERYTHING, now)]
        assert days == periods_between(table, days[0], days[-1])
        assert all(REPORTS[table].due(day, "_all") <= now for day in days)


def test_the_newest_week_comes_with_the_four_before_it_for_they_may_be_restated() -> None:
    items = WEEKLY.items_now(Follow(finra_weekly=("T1",)), datetime(2026, 3, 23, 23))
    mondays = sorted({item.rpartition(":")[2] for item in items})
    assert len(items) == 10
    assert mondays == [str(date(2026, 2, 2) + timedelta(weeks=n)) for n in range(5)]


def test_what_is_not_followed_is_not_due() -> None:
    now = datetime(2026, 3, 23, 23)
    for feed in (DAILY, WEEKLY, INTEREST, VOLUME, SERIES, TOTALS, FAILS):
        assert list(feed.items_now(Follow(), now)) == []
    assert list(SERIES.items_now(EVERYTHING, now)) == ["SPX", "BRK.B"]


def test_a_month_that_has_just_begun_comes_with_the_one_before() -> None:
    assert TOTALS.items_now(EVERYTHING, datetime(2026, 3, 4, 12)) == ["2026-02", "2026-03"]
    assert TOTALS.items_now(EVERYTHING, datetime(2026, 3, 20, 12)) == ["2026-03"]


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2024, 6, 20, 19, 59), date(2024, 6, 18)),  # the nineteenth was a holiday
        (datetime(2024, 6, 20, 20), date(2024, 6, 20)),
        (datetime(2024, 6, 21, 13), date(2024, 6, 20)),
        (datetime(2024, 6, 23, 12), date(2024, 6, 21)),
        (datetime(2024, 7, 3, 17), date(2024, 7, 3)),  # closes early
    ],
)
def test_the_newest_ended_session(now: datetime, day: date) -> None:
    assert last_ended(now) == day


def test_the_sec_is_told_who_asks_and_not_asked_otherwise() -> None:
    contact = "Name name@example.org"
    assert FAILS.headers_of(OperatorSettings(contact=contact)) == {"User-Agent": contact}
    with pytest.raises(FeedError, match=r"\[fetch\], contact = "):
        FAILS.headers_of(OperatorSettings())


DAY = date(2024, 6, 20)


@pytest.mark.parametrize(
    ("feed", "item", "data"),
    [
        (DAILY, "CNMS:2024-06-20", short_volume_file(DAY)),
        (DAILY, "CNMS:2024-06-20", short_volume_file(DAY, 0)),
        (VOLUME, "2024-06-20", volume_csv(DAY)),
        (TOTALS, "2024-06", totals_csv(DAY)),
        (FAILS, "2024-06a", fails_zip(date(2024, 6, 15))),
    ],
)
def test_the_answer_to_the_question_is_taken(feed: Any, item: str, data: bytes) -> None:
    feed.check(data, item)


@pytest.mark.parametrize(
    ("feed", "item", "data", "words"),
    [
        (DAILY, "CNMS:2024-06-21", short_volume_file(DAY), "the short volume of '20240620' instead of 2024-06-21"),
        (VOLUME, "2024-06-21", volume_csv(DAY), "the cleared volume of '06/20/2024' instead of 2024-06-21"),
        (VOLUME, "2024-06-20", b"No record(s) found\r\n", "no session, or not out yet"),
        (VOLUME, "2024-06-20", b"Report date cannot be greater than 06/19/2024", "not out yet"),
        (VOLUME, "2022-06-20", b"Report date cannot be prior to  2 years", "gone"),
        (VOLUME, "2024-06-20", b"Report Type is invalid" + b"\x00\x1b[2J" * 900, "something else than the cleared"),
        (TOTALS, "2024-06", volume_csv(DAY), "something else than the open interest of 2024-06"),
        (FAILS, "2024-06a", b"SETTLEMENT DATE|CUSIP", "something else than the archive of 2024-06a"),
    ],
)
def test_another_answer_is_told_in_a_line(feed: Any, item: str, data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words) as refused:
        feed.check(data, item)
    assert len(str(refused.value)) < 200 and str(refused.value).isprintable()


def test_a_missing_file_of_a_session_counts_as_a_refusal_and_one_of_a_holiday_does_not() -> None:
    holiday, session = DAILY.absent("CNMS:2024-06-19", 403), DAILY.absent("CNMS:2024-06-20", 403)
    assert "was no session" in str(holiday) and not isinstance(holiday, VendorRefuses)
    assert "no file of that day" in str(session) and isinstance(session, VendorRefuses)
    assert not isinstance(DAILY.absent("CNMS:2024-06-20", 404), VendorRefuses)
