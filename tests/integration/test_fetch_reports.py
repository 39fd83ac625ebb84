"""Reports from their vendors' sites into the lake, on good days and on bad ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.fetch import FEEDS
from pipelines.fetch.acceptance import accept
from pipelines.fetch.arrive import fetch_items
from pipelines.fetch.client import Client
from pipelines.fetch.feed import FeedError
from pipelines.lake.store import Lake
from pipelines.load import Loaded
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.finra import QueryInterface, daily_path, short_interest_rows, short_volume_file, weekly_rows
from tests.stand_in.occ import ClearingHouse, series_text, volume_csv
from tests.stand_in.sec import Sec, fails_path, fails_zip
from tests.stand_in.site import MAINTENANCE

NOW = datetime(2024, 6, 21, 12)  # a Friday morning in New York, before the opening
SESSION, HOLIDAY = date(2024, 6, 20), date(2024, 6, 19)
MONDAY = date(2024, 5, 27)
WEEK = f"T1:ATS_W_SMBL:{MONDAY}"
SETTLEMENT = date(2024, 5, 31)
CONTACT = "Name name@example.org"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with standing_in() as serving:
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(dict.fromkeys(FEEDS, serving.url)))
        yield serving


@pytest.fixture
def finra(site: Site) -> QueryInterface:
    answering = QueryInterface()
    site.responds("/data/group/otcMarket/name", answering.respond)
    return answering


@pytest.fixture
def occ(site: Site) -> ClearingHouse:
    answering = ClearingHouse(newest=SESSION, closed={HOLIDAY})
    answering.series = {"SPY": series_text("SPY"), "QQQ": series_text("QQQ", 70)}
    for path in ("/volume-query", "/series-search", "/mdapi", "/daily-open-interest"):
        site.responds(path, answering.respond)
    return answering


@pytest.fixture
def sec(site: Site) -> Sec:
    answering = Sec()
    site.responds("/files/data", answering.respond)
    return answering


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def client(clock: FakeClock, tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path / "turns", clock=clock) as opened_client:
        yield opened_client


def fetch(lake: Lake, client: Client, feed: str, *items: str) -> list[Loaded]:
    accept(lake.paths, FEEDS[feed], NOW)
    return fetch_items(lake, FEEDS[feed], items, client, lambda _: None)


def refused(lake: Lake, client: Client, feed: str, item: str) -> str:
    (one,) = fetch(lake, client, feed, item)
    assert one.fate == "refused" and one.reason is not None and one.reason.isprintable()
    return one.reason


def kept(lake: Lake, one: Loaded) -> dict[str, Any]:
    """The bundle that was landed."""
    assert one.raw_sha256 is not None
    return dict(json.loads(lake.raw.get(one.raw_sha256)))


def test_a_day_of_short_volume_lands_under_its_facility(lake: Lake, site: Site, client: Client) -> None:
    site.answers(daily_path(SESSION), Answer(short_volume_file(SESSION), content_type="text/plain"))
    (one,) = fetch(lake, client, "finra-short-volume", f"CNMS:{SESSION}")
    assert (one.fate, one.part, one.session_date, one.rows_landed) == ("landed", "CNMS", SESSION, 3)
    assert one.known_at == NOW  # fourteen hours after it was due: it was waited for
    assert "Mozilla" in site.requests[0].headers["User-Agent"]
    assert fetch(lake, client, "finra-short-volume", f"CNMS:{SESSION}")[0].fate == "duplicate_bytes"


def test_days_without_a_file_leave_the_others_unharmed(lake: Lake, site: Site, client: Client) -> None:
    site.answers(daily_path(SESSION), Answer(short_volume_file(SESSION)))
    site.answers(daily_path(date(2024, 6, 18)), Answer(short_volume_file(SESSION)))
    closed = [date(2024, 6, 15), date(2024, 6, 16), HOLIDAY, date(2024, 6, 22)]
    days = [*closed, date(2024, 6, 21), date(2024, 6, 18), SESSION]
    loaded = fetch(lake, client, "finra-short-volume", *(f"CNMS:{day}" for day in days))
    assert [one.fate for one in loaded] == ["refused"] * 6 + ["landed"]
    assert all(
        one.reason == f"no file of that day: {day} was no session" for one, day in zip(loaded[:4], closed, strict=True)
    )
    assert "not out yet" in str(loaded[4].reason)
    assert loaded[5].reason == "the vendor sent the short volume of '20240620' instead of 2024-06-18"


@pytest.mark.parametrize("count", [1, 5000, 5001])
def test_all_pages_of_a_week_land_as_one(lake: Lake, finra: QueryInterface, client: Client, count: int) -> None:
    finra.rows["weeklySummary"] = weekly_rows(MONDAY, count) + weekly_rows(MONDAY, 9, tier="T2")
    (one,) = fetch(lake, client, "finra-weekly", WEEK)
    assert (one.fate, one.rows_landed, one.rows_quarantined) == ("landed", count, 0)
    assert (one.part, one.session_date) == ("T1.ATS_W_SMBL", MONDAY + timedelta(days=4))
    pages = kept(lake, one)["pages"]
    assert [page["offset"] for page in pages] == list(range(0, count, 5000))
    assert {page["record_total"] for page in pages} == {count}
    symbols = [row["issueSymbolIdentifier"] for page in pages for row in json.loads(page["body"])]
    assert len(set(symbols)) == len(symbols) == count


def test_pages_shorter_than_asked_for_are_read_on(lake: Lake, finra: QueryInterface, client: Client) -> None:
    finra.rows["consolidatedShortInterest"] = short_interest_rows(SETTLEMENT, 2500)
    finra.longest_page = 1000
    (one,) = fetch(lake, client, "finra-short-interest", str(SETTLEMENT))
    assert (one.fate, one.part, one.session_date, one.rows_landed) == ("landed", "_all", SETTLEMENT, 2500)
    assert [asked["offset"] for asked in finra.asked] == [0, 1000, 2000]


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("has_total", [True, False])
def test_a_week_without_rows_is_told_and_lands_nothing(
    lake: Lake, finra: QueryInterface, client: Client, status: int, has_total: bool
) -> None:
    finra.empty_status, finra.has_total = status, has_total
    assert "not published yet" in refused(lake, client, "finra-weekly", WEEK)
    assert len(finra.asked) == 1


def test_rows_that_change_between_two_pages_are_asked_for_anew(
    lake: Lake, finra: QueryInterface, client: Client
) -> None:
    finra.longest_page = 5
    finra.rows["weeklySummary"] = weekly_rows(MONDAY, 6)
    finra.before[1] = lambda: finra.rows.update(weeklySummary=weekly_rows(MONDAY, 7))
    (one,) = fetch(lake, client, "finra-weekly", WEEK)
    assert (one.fate, one.rows_landed) == ("landed", 7)
    assert [asked["offset"] for asked in finra.asked] == [0, 5, 0, 5]


def test_rows_that_keep_changing_are_refused(lake: Lake, finra: QueryInterface, client: Client) -> None:
    finra.longest_page = 5
    finra.rows["weeklySummary"] = weekly_rows(MONDAY, 6)

    def grow() -> None:
        finra.rows["weeklySummary"] = weekly_rows(MONDAY, len(finra.rows["weeklySummary"]) + 1)

    finra.before = {1: grow, 3: grow}
    assert "changed from 7 to 8" in refused(lake, client, "finra-weekly", WEEK)
    assert len(finra.asked) == 4


def test_a_row_on_two_pages_hides_another_and_is_no_whole_answer(
    lake: Lake, finra: QueryInterface, client: Client
) -> None:
    finra.longest_page, rows = 5, weekly_rows(MONDAY, 6)
    finra.rows["weeklySummary"] = rows
    ordered = sorted(rows, key=lambda row: row["issueSymbolIdentifier"])
    moved = [{**ordered[-1], "issueSymbolIdentifier": "A"}, *ordered[:-1]]  # the last of the order becomes the first
    finra.before = {1: lambda: finra.rows.update(weeklySummary=moved)}
    (one,) = fetch(lake, client, "finra-weekly", WEEK)
    assert (one.fate, one.rows_landed, len(finra.asked)) == ("landed", 6, 4)
    twice = Answer(json.dumps(ordered[:1]).encode(), headers={"record-total": "6"})
    finra.rows["weeklySummary"], finra.before, finra.instead = rows, {}, {5: twice, 7: twice}
    assert "a row stands on two pages" in refused(lake, client, "finra-weekly", WEEK)


@pytest.mark.parametrize(
    ("answer", "words", "attempts"),
    [
        (Answer(b"", headers={"record-total": "6"}), "5 of 6 rows came", [1, 3]),
        (Answer(b"[{]", headers={"record-total": "6"}), "no whole JSON", [1]),
        (Answer(b'{"a": 1}', headers={"record-total": "6"}), "JSON of another kind", [1]),
        (Answer(b"[1, 2]", headers={"record-total": "6"}), "JSON of another kind", [1]),
        (Answer(b"[" * 100_000, headers={"record-total": "6"}), "no whole JSON", [1]),
        (Answer(b'[{"a": "\xff"}]', headers={"record-total": "6"}), "no UTF-8 text", [1]),
        (Answer(b'[{"a": 1}]'), "does not say how many rows there are", [1]),
        (Answer(b'[{"a": 1}]', headers={"record-total": "-1"}), "does not say how many rows there are", [1]),
        (Answer(MAINTENANCE, headers={"record-total": "6"}), "a web page", [1]),
        (Answer(status=400), "HTTP 400", [1]),
        (Answer(status=503), "HTTP 503", range(1, 6)),
    ],
)
def test_a_page_that_fails_refuses_its_item_and_no_other(
    lake: Lake, finra: QueryInterface, client: Client, answer: Answer, words: str, attempts: Iterable[int]
) -> None:
    finra.longest_page = 5
    finra.rows["weeklySummary"] = weekly_rows(MONDAY, 6) + weekly_rows(MONDAY, 3, kind="OTC_W_SMBL")
    finra.instead = dict.fromkeys(attempts, answer)
    other = f"T1:OTC_W_SMBL:{MONDAY}"
    first, second = fetch(lake, client, "finra-weekly", WEEK, other)
    assert first.fate == "refused" and words in str(first.reason)
    assert (second.fate, second.rows_landed) == ("landed", 3)
    assert len(lake.catalogue.rows("select * from raw_objects")) == 1


def test_too_many_requests_are_waited_for(lake: Lake, finra: QueryInterface, client: Client, clock: FakeClock) -> None:
    finra.longest_page = 5
    finra.rows["weeklySummary"] = weekly_rows(MONDAY, 6)
    finra.instead = {1: Answer(status=429, headers={"Retry-After": "30"})}
    (one,) = fetch(lake, client, "finra-weekly", WEEK)
    assert one.fate == "landed" and max(clock.slept) >= 30


def test_what_is_asked_of_finra_fixes_the_week_and_the_order(lake: Lake, finra: QueryInterface, client: Client) -> None:
    finra.rows["weeklySummary"] = weekly_rows(MONDAY, 1)
    (one,) = fetch(lake, client, "finra-weekly", WEEK)
    (asked,) = finra.asked
    assert asked["limit"] == 5000 and asked["sortFields"][0] == "issueSymbolIdentifier"
    asked_for = {(term["fieldName"], term["fieldValue"], term["compareType"]) for term in asked["compareFilters"]}
    assert asked_for == {
        ("weekStartDate", str(MONDAY), "EQUAL"),
        ("tierIdentifier", "T1", "EQUAL"),
        ("summaryTypeCode", "ATS_W_SMBL", "EQUAL"),
    }
    document = kept(lake, one)
    assert document["request"]["compareFilters"] == asked["compareFilters"]


def test_a_day_of_cleared_volume_lands(lake: Lake, occ: ClearingHouse, client: Client) -> None:
    (one,) = fetch(lake, client, "occ-volume", str(SESSION))
    assert (one.fate, one.part, one.session_date, one.rows_landed) == ("landed", "_all", SESSION, 12)
    assert lake.raw.get(str(one.raw_sha256)) == volume_csv(SESSION)
    assert len(occ.asked) == 1


@pytest.mark.parametrize("side", ["C", "P"])
def test_one_side_alone_is_asked_for_again_side_by_side(
    lake: Lake, occ: ClearingHouse, client: Client, side: str
) -> None:
    occ.one_sided = side
    (one,) = fetch(lake, client, "occ-volume", str(SESSION))
    assert (one.fate, one.rows_landed) == ("landed", 12)
    assert [params["porc"] for _, params in occ.asked] == ["BOTH", "C", "P"]


@pytest.mark.parametrize(("side", "missing"), [("C", "puts"), ("P", "calls")])
def test_a_side_that_never_comes_refuses_the_day(
    lake: Lake, occ: ClearingHouse, client: Client, side: str, missing: str
) -> None:
    occ.one_sided = side
    occ.absent_side = "P" if side == "C" else "C"
    assert f"and {missing} not even when asked alone" in refused(lake, client, "occ-volume", str(SESSION))


def test_sentences_instead_of_volume_are_told_and_leave_the_other_days_unharmed(
    lake: Lake, occ: ClearingHouse, client: Client
) -> None:
    days = ["2024-06-21", str(HOLIDAY), "2022-06-20", str(SESSION)]
    loaded = fetch(lake, client, "occ-volume", *days)
    assert [one.fate for one in loaded] == ["refused"] * 3 + ["landed"]
    assert [str(one.reason).partition(" (")[0] for one in loaded[:3]] == [
        "not out yet", "the vendor has no rows of it: no session, or not out yet", "gone: the vendor keeps two years",
    ]  # fmt: skip


def test_the_series_of_an_underlying_land_dated_by_the_clearing_house(
    lake: Lake, occ: ClearingHouse, client: Client
) -> None:
    loaded = fetch(lake, client, "occ-open-interest", "SPY", "QQQ")
    assert [(one.fate, one.part, one.session_date) for one in loaded] == [
        ("landed", "SPY", SESSION),
        ("landed", "QQQ", SESSION),
    ]
    document = kept(lake, loaded[0])
    assert document["request"] == {"symbol": "SPY"}
    assert [page["body"] == series_text("SPY").decode() for page in document["pages"]] == [True, False]


def test_series_are_not_taken_before_the_clearing_house_dates_their_day(
    lake: Lake, occ: ClearingHouse, client: Client, clock: FakeClock
) -> None:
    """In the evening they may be of either day."""
    clock.advance(datetime(2024, 6, 21, 22) - NOW)
    said = refused(lake, client, "occ-open-interest", "SPY")
    assert "dated 2024-06-20, and 2024-06-21 has ended" in said
    assert [path for path, _ in occ.asked] == ["/mdapi/open-interest"]


def test_the_very_series_of_the_day_before_are_not_renewed_yet(
    lake: Lake, occ: ClearingHouse, client: Client, clock: FakeClock
) -> None:
    assert fetch(lake, client, "occ-open-interest", "SPY")[0].fate == "landed"
    assert fetch(lake, client, "occ-open-interest", "SPY")[0].fate == "duplicate_bytes"
    clock.advance(timedelta(days=1))
    occ.newest = date(2024, 6, 21)
    said = refused(lake, client, "occ-open-interest", "SPY")
    assert said.startswith("dated 2024-06-21, but to the letter the series of 2024-06-20")
    occ.series["SPY"] = series_text("SPY", 101)
    (renewed,) = fetch(lake, client, "occ-open-interest", "SPY")
    assert (renewed.fate, renewed.session_date) == ("landed", date(2024, 6, 21))


def test_a_date_that_moves_while_the_series_are_read_refuses_them(
    lake: Lake, occ: ClearingHouse, client: Client
) -> None:
    occ.dates = [SESSION, date(2024, 6, 21)]
    assert "the date moved" in refused(lake, client, "occ-open-interest", "SPY")


def test_an_unknown_underlying_leaves_the_others_unharmed(lake: Lake, occ: ClearingHouse, client: Client) -> None:
    first, second = fetch(lake, client, "occ-open-interest", "XYZ", "SPY")
    assert first.fate == "refused" and "unknown to the vendor" in str(first.reason)
    assert second.fate == "landed"


@pytest.mark.parametrize(
    "body", [b"{}", b'{"entity": null}', b'{"entity": {"lastBusDateOI": {"activityDate": true}}}', b"[[", b"Oops"]
)
def test_an_undated_answer_refuses_the_series(
    lake: Lake, site: Site, occ: ClearingHouse, client: Client, body: bytes
) -> None:
    site.behaves("/mdapi", lambda _: Answer(body))
    assert "does not date its open interest" in refused(lake, client, "occ-open-interest", "SPY")


def test_a_month_of_totals_lands_up_to_the_newest_day_that_is_out(
    lake: Lake, occ: ClearingHouse, client: Client
) -> None:
    may, june, july = fetch(lake, client, "occ-totals", "2024-05", "2024-06", "2024-07")
    asked = [params["reportDate"] for _, params in occ.asked]
    assert asked == ["05/31/2024", "06/20/2024"]
    assert [(one.fate, one.session_date) for one in (may, june)] == [
        ("landed", date(2024, 5, 31)),
        ("landed", SESSION),
    ]
    assert may.rows_quarantined == june.rows_quarantined == 0
    assert july.reason == "not out yet: no session of 2024-07 is"


def test_a_half_of_fails_lands_from_its_archive(lake: Lake, site: Site, sec: Sec, client: Client) -> None:
    (lake.paths.root / "dealerflow.toml").write_text(f'[fetch]\ncontact = "{CONTACT}"\n')
    sec.files[fails_path("2024-05b")] = fails_zip(date(2024, 5, 31))
    first, second = fetch(lake, client, "sec-fails", "2024-05b", "2024-06a")
    assert (first.fate, first.part, first.session_date, first.rows_landed) == ("landed", "_all", date(2024, 5, 31), 2)
    assert second.fate == "refused" and "no file of that half at its usual address" in str(second.reason)
    assert {request.headers["User-Agent"] for request in site.requests} == {CONTACT}


def test_without_a_contact_the_sec_is_not_asked(lake: Lake, site: Site, sec: Sec, client: Client) -> None:
    with pytest.raises(FeedError, match="the SEC wants to know who asks"):
        fetch(lake, client, "sec-fails", "2024-05b")
    assert site.requests == []


def test_a_contact_that_the_sec_does_not_accept_is_told(lake: Lake, sec: Sec, client: Client) -> None:
    (lake.paths.root / "dealerflow.toml").write_text('[fetch]\ncontact = "Mozilla name@example.org"\n')
    sec.files[fails_path("2024-05b")] = fails_zip(date(2024, 5, 31))
    assert "a contact that it does not accept" in refused(lake, client, "sec-fails", "2024-05b")
