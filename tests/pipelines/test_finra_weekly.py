"""Weekly off-exchange volume, as FINRA's API answers and as its web page gives it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines import sources
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import finra_weekly_json, finra_weekly_txt
from pipelines.sources.reports.finra_pages import PAGE_ROWS
from pipelines.sources.reports.report import ReportFile
from tests.pipelines.finra_made import WEEKLY_TXT, array, bundle, check_accounts, reasons, weekly_row
from tests.samples import needs_samples, sample

FIRM: dict[str, Any] = {"summaryTypeCode": "ATS_W_SMBL_FIRM", "MPID": "EBXL", "marketParticipantName": "EBXL LEVEL ATS"}
OTC_FIRM: dict[str, Any] = {
    "summaryTypeCode": "OTC_W_SMBL_FIRM",
    "firmCRDNumber": 116797,
    "marketParticipantName": "CITADEL",
}


def read(data: bytes) -> ReportFile:
    return finra_weekly_json.report(data, NOTHING_DECLARED)


def text_file(*rows: str, end: str = "\n") -> bytes:
    return ("\n".join([WEEKLY_TXT, *rows]) + end).encode()


def read_text(data: bytes, day: date = date(2024, 6, 5)) -> ReportFile:
    return finra_weekly_txt.report(data, Declared(session=day))


def test_a_row_of_all_fields_lands_with_all_of_them() -> None:
    data = array([weekly_row("BRK.B", 100.5)])
    assert sources.recognise(data) is finra_weekly_json
    file = read(data)
    check_accounts(file, 1)
    assert file.rows.row(0, named=True) == {
        "row_number": 1,
        "session_date": date(2024, 6, 7),
        "part": "T1.ATS_W_SMBL",
        "published_date": date(2024, 6, 24),
        "underlying": "BRKB",
        "week_start_date": date(2024, 6, 3),
        "tier": "T1",
        "summary_type": "ATS_W_SMBL",
        "vendor_symbol": "BRK.B",
        "issue_name": "Apple Inc. Common Stock",
        "mpid": "_all",
        "firm_crd": "_all",
        "market_participant_name": None,
        "product_type": "UTP",
        "trades": 10,
        "volume_shares": 100.5,
        "notional_usd": 190_000.5,
        "initial_published_date": date(2024, 6, 24),
        "last_update_date": date(2024, 6, 24),
        "sessions_in_week": 5,
    }


def test_totals_and_their_parts_stand_in_parts_of_their_own() -> None:
    rows = [
        weekly_row(),
        weekly_row(**FIRM),
        weekly_row(**OTC_FIRM),
        weekly_row(**OTC_FIRM | {"firmCRDNumber": None, "marketParticipantName": "De Minimis Firms"}),
        weekly_row(None, **FIRM | {"summaryTypeCode": "ATS_W_FIRM"}),
        weekly_row(None, **OTC_FIRM | {"summaryTypeCode": "OTC_W_FIRM"}),
        weekly_row(summaryTypeCode="OTC_W_SMBL", tierIdentifier="OTCE"),
        weekly_row(weekStartDate="2024-06-17", initialPublishedDate="2024-07-08", tierIdentifier="T2"),
    ]
    file = read(array(rows))
    check_accounts(file, len(rows))
    keys = file.rows.select("part", "vendor_symbol", "mpid", "firm_crd", "sessions_in_week").rows()
    assert keys == [
        ("T1.ATS_W_SMBL", "AAPL", "_all", "_all", 5),
        ("T1.ATS_W_SMBL_FIRM", "AAPL", "EBXL", "_all", 5),
        ("T1.OTC_W_SMBL_FIRM", "AAPL", "_all", "116797", 5),
        ("T1.OTC_W_SMBL_FIRM", "AAPL", "_all", "name:De Minimis Firms", 5),
        ("T1.ATS_W_FIRM", "_all", "EBXL", "_all", 5),
        ("T1.OTC_W_FIRM", "_all", "_all", "116797", 5),
        ("OTCE.OTC_W_SMBL", "AAPL", "_all", "_all", 5),
        ("T2.ATS_W_SMBL", "AAPL", "_all", "_all", 4),  # the 19th of June is no session
    ]
    assert file.rows.filter(pl.col("vendor_symbol") == "_all")["underlying"].null_count() == 2


def test_a_restated_row_is_published_on_the_day_of_its_change() -> None:
    file = read(array([weekly_row(lastUpdateDate="2024-07-01"), weekly_row("MSFT", lastUpdateDate=None)]))
    assert file.rows["published_date"].to_list() == [date(2024, 7, 1), date(2024, 6, 24)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weekStartDate": "2024-06-04"}, "week_does_not_start_on_monday"),
        ({"weekStartDate": None}, "no_week"),
        ({"weekStartDate": "20240603"}, "unreadable_date"),
        ({"weekStartDate": "1999-06-07"}, "date_out_of_range"),
        ({"lastUpdateDate": "2024-02-30"}, "unreadable_date"),
        ({"lastUpdateDate": 20240624}, "unreadable_date"),
        ({"tierIdentifier": "../x"}, "unknown_tier"),
        ({"tierIdentifier": None}, "unknown_tier"),
        ({"summaryTypeCode": None}, "no_summary_type"),
        ({"summaryTypeCode": "ATS_W_VOL_STATS"}, "unknown_summary_type"),
        ({"issueSymbolIdentifier": None}, "no_symbol"),
        ({"issueSymbolIdentifier": "A|B"}, "unreadable_symbol"),
        ({"issueSymbolIdentifier": 7}, "wrong_type"),
        ({"issueName": "x" * 201}, "unreadable_text"),
        ({"issueName": "\x1b[2J"}, "unreadable_text"),
        ({"summaryTypeCode": "OTC_W_SMBL_FIRM"}, "no_participant"),
        ({"totalWeeklyShareQuantity": "1000"}, "wrong_type"),
        ({"totalWeeklyShareQuantity": True}, "wrong_type"),
        ({"totalWeeklyShareQuantity": None}, "unreadable_number"),
        ({"totalWeeklyShareQuantity": float("nan")}, "not_finite"),
        ({"totalWeeklyShareQuantity": float("inf")}, "not_finite"),
        ({"totalWeeklyShareQuantity": int("9" * 4000)}, "not_finite"),
        ({"totalWeeklyShareQuantity": 10**13}, "not_a_quantity"),
        ({"totalWeeklyShareQuantity": -1}, "negative_quantity"),
        ({"totalWeeklyTradeCount": 1.5}, "not_a_count"),
        ({"totalWeeklyTradeCount": 10**20}, "not_a_count"),
        ({"initialPublishedDate": "2024-06-07", "lastUpdateDate": None}, "published_before_the_week_ended"),
    ],
)
def test_a_row_that_cannot_stand_is_set_aside_with_its_reason(change: dict[str, Any], reason: str) -> None:
    file = read(array([weekly_row(), weekly_row("MSFT") | change]))
    check_accounts(file, 2)
    assert (reasons(file), file.rejected["row_number"].to_list()) == ({reason: 1}, [2])


def test_things_that_are_no_rows_are_set_aside() -> None:
    body = json.dumps([weekly_row(), 7, None, [], "x", weekly_row("MSFT")])
    body = body.replace('"issueSymbolIdentifier": "MSFT"', '"issueSymbolIdentifier": "MSFT", "tierIdentifier": "T2"')
    file = read(body.encode())
    check_accounts(file, 6)
    assert reasons(file) == {"not_an_object": 4, "duplicated_key": 1}


def test_what_is_kept_of_a_row_set_aside_is_the_same_every_time() -> None:
    body = json.dumps([weekly_row(), weekly_row("MSFT", issueName=[])]).replace("[]", '{"a": 1, "a": 2}').encode()
    assert read(body).rejected.equals(read(body).rejected)
    assert "0x" not in read(body).rejected["row_text"][0]


def test_lone_surrogates_reach_no_file() -> None:
    file = read(array([weekly_row(), weekly_row("MSFT", issueName="\ud800", **{"\ud800": 1})]))
    assert reasons(file) == {"unreadable_text": 1}
    assert file.rejected.write_csv().encode()


def test_an_answer_without_the_fields_that_place_its_rows_is_refused_by_their_names() -> None:
    row = weekly_row()
    del row["initialPublishedDate"], row["tierIdentifier"]
    with pytest.raises(Unreadable, match="lack tierIdentifier, initialPublishedDate: ask for all fields"):
        read(array([row, row]))


def test_pages_are_whole_only_together() -> None:
    rows = [weekly_row(f"A{n}") for n in range(5)]
    first, second = json.dumps(rows[:3]), json.dumps(rows[3:])
    name = finra_weekly_json.NAME
    whole = bundle(name, second, first, total=5, offsets=[3, 0])
    assert sources.recognise(whole) is finra_weekly_json
    file = read(whole)
    check_accounts(file, 5)
    assert file.rows["vendor_symbol"].to_list() == ["A0", "A1", "A2", "A3", "A4"]
    assert read(bundle(name, first, second, "", total=5, offsets=[0, 3, 5])).rows.equals(file.rows)
    with pytest.raises(Unreadable, match="3 of 5 rows: a page is missing"):
        read(bundle(name, first, total=5))
    with pytest.raises(Unreadable, match="begins at row 4 where row 3 is next"):
        read(bundle(name, first, second, total=5, offsets=[0, 4]))
    with pytest.raises(Unreadable, match="no page says how many rows"):
        read(bundle(name, first, second, total=None, offsets=[0, 3]))
    pages = json.loads(whole)
    pages["pages"][0]["record_total"] = 6
    with pytest.raises(Unreadable, match="the data changed between them"):
        read(json.dumps(pages).encode())


def test_an_answer_without_rows_is_refused_as_such() -> None:
    for data in (b"[]", bundle(finra_weekly_json.NAME, "", total=None), bundle(finra_weekly_json.NAME, "", total=0)):
        with pytest.raises(Unreadable, match="no rows: nothing is published"):
            read(data)


def test_as_many_rows_as_a_page_holds_are_taken_for_one_page_of_several() -> None:
    rows = [weekly_row(f"A{n}") for n in range(PAGE_ROWS + 1)]
    with pytest.raises(Unreadable, match="one page of several"):
        read(array(rows[:PAGE_ROWS]))
    assert read(array(rows)).rows.height == PAGE_ROWS + 1


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'[{"a":' * 50_000,
        b"[{]",
        b"{}",
        b"7",
        b'[{"weekStartDate": \xff}]',
        b"[" + b"0," * 8_000_001 + b"0]",
        b'{"dealerflow_bundle": "finra_weekly_json"}',
        b'{"dealerflow_bundle": "finra_weekly_json", "pages": [1]}',
        b'{"dealerflow_bundle": "finra_weekly_json", "pages": [{"body": 1}]}',
        b'{"dealerflow_bundle": "finra_weekly_json", "pages": [{"body": "[]", "offset": "0"}]}',
        b'{"dealerflow_bundle": "finra_weekly_json", "pages": [{"body": "7", "offset": 0}]}',
        b'{"dealerflow_bundle": "finra_weekly_json", "pages": [{"body": "[", "offset": 0}]}',
        b'{"dealerflow_bundle": "other", "pages": []}',
        b'[{"weekStartDate": ' + b"9" * 100_000 + b"}]",
    ],
    ids=lambda data: data[:40].decode("latin-1"),
)
def test_whatever_is_no_answer_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(data)
    assert len(str(refused.value).splitlines()) == 1


@needs_samples
@pytest.mark.samples
def test_the_real_record_of_answers_is_refused_for_what_it_lacks() -> None:
    (path,) = sample("finra_weekly").glob("*.json")
    data = path.read_bytes()
    assert sources.recognise(data) is finra_weekly_json
    lacking = "lack summaryTypeCode, tierIdentifier, weekStartDate, initialPublishedDate"
    with pytest.raises(Unreadable, match=lacking):
        read(data)


LEVEL = "NMS Tier 1|AAPL|Apple Inc.|EBXL LEVEL ATS|EBXL|639234|7396|2024-06-24"


def test_a_file_of_the_web_page_stands_in_the_week_that_its_owner_declares() -> None:
    data = text_file(
        LEVEL,
        "NMS Tier 2|TQQQ|ProShares|CITADEL||5.5|1|2024-07-08",
        "OTC Equity|BRK.B|x|VIRTU||7|2|2024-07-08",
    )
    assert sources.recognise(data) is finra_weekly_txt
    for day in (date(2024, 6, 3), date(2024, 6, 7), date(2024, 6, 9)):
        file = read_text(data, day)
        check_accounts(file, 3)
        assert file.rows["week_start_date"].unique().to_list() == [date(2024, 6, 3)]
        assert file.rows["part"].to_list() == ["T1.ATS_W_SMBL_FIRM", "T2.OTC_W_SMBL_FIRM", "OTCE.OTC_W_SMBL_FIRM"]
        assert file.rows["mpid"].to_list() == ["EBXL", "_all", "_all"]
        assert file.rows["firm_crd"].to_list() == ["_all", "name:CITADEL", "name:VIRTU"]
        assert file.rows["published_date"].to_list() == [date(2024, 6, 24), date(2024, 7, 8), date(2024, 7, 8)]


def test_a_file_without_a_week_asks_for_it() -> None:
    with pytest.raises(Unreadable, match="declare any day of it with --session"):
        finra_weekly_txt.report(text_file(LEVEL), NOTHING_DECLARED)


def test_a_week_declared_too_late_is_noticed_by_the_days_of_the_rows() -> None:
    with pytest.raises(Unreadable, match="published_before_the_week_ended"):
        read_text(text_file(LEVEL), date(2024, 6, 24))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("NMS Tier 1|AAPL|Apple Inc.|||639234|7396|2024-06-24", "neither_trading_system_nor_firm"),
        ("NMS Tier 3|AAPL|Apple Inc.|X|X|639234|7396|2024-06-24", "unknown_tier"),
        ("NMS Tier 1||Apple Inc.|X|X|639234|7396|2024-06-24", "no_symbol"),
        ("NMS Tier 1|AAPL|Apple | Inc.|X|X|639234|7396|2024-06-24", "wrong_column_count"),
        ("NMS Tier 1|AAPL|Apple Inc.|X|X|639,234|7396|2024-06-24", "unreadable_number"),
        ("NMS Tier 1|AAPL|Apple Inc.|X|X|639234|7.5|2024-06-24", "unreadable_number"),
        ("NMS Tier 1|AAPL|Apple Inc.|X|X|639234|7396|06/24/2024", "unreadable_date"),
        ("NMS Tier 1|AAPL|Apple Inc.|X|X|639234|7396|", "unreadable_date"),
        ("NMS Tier 1|AAPL|" + "x" * 201 + "|X|X|639234|7396|2024-06-24", "unreadable_text"),
    ],
)
def test_a_line_that_cannot_stand_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    file = read_text(text_file(LEVEL, row))
    check_accounts(file, 2)
    assert (reasons(file), file.rejected["row_number"].to_list()) == ({reason: 1}, [3])


def test_a_file_cut_off_within_a_line_is_refused() -> None:
    data = text_file(LEVEL, LEVEL.replace("AAPL", "MSFT"), end="")
    assert read_text(data).rows.height == 2
    second = data.rindex(b"\n") + 1
    for length in range(second + 1, len(data)):
        with pytest.raises(Unreadable, match="cut off"):
            read_text(data[:length])
