"""Short interest, as FINRA's API answers and as the file of its web page."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pipelines import sources
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import finra_short_interest
from pipelines.sources.reports.report import ReportFile
from tests.pipelines.finra_made import SHORT_INTEREST_TXT, array, bundle, check_accounts, reasons, short_interest_row

LINE = "20240614|BRKB|Berkshire Hathaway Inc.|A|NYSE|5170553|5749623||1369994|3.77||-10.07|-579070|2024-06-14"


def read(data: bytes) -> ReportFile:
    return finra_short_interest.report(data, NOTHING_DECLARED)


def text_file(*rows: str, header: str = SHORT_INTEREST_TXT, end: str = "\n") -> bytes:
    return ("\n".join([header, *rows]) + end).encode()


def test_a_row_of_all_fields_lands_with_all_of_them() -> None:
    data = array([short_interest_row("BRKB")])
    assert sources.recognise(data) is finra_short_interest
    file = read(data)
    check_accounts(file, 1)
    assert file.rows.row(0, named=True) == {
        "row_number": 1,
        "session_date": date(2024, 6, 14),
        "part": "_all",
        "published_date": None,
        "underlying": "BRKB",
        "vendor_symbol": "BRKB",
        "issue_name": "Apple Inc.",
        "market_class": "NNM",
        "short_position_shares": 1000.0,
        "previous_short_position_shares": 900.0,
        "average_daily_volume_shares": 500.0,
        "days_to_cover": 2.0,
        "is_revised": False,
        "is_split_adjusted": False,
    }


def test_flags_and_the_ends_of_days_to_cover_are_kept_as_stated() -> None:
    rows = [
        short_interest_row("A", revisionFlag="R", daysToCoverQuantity=999.99),
        short_interest_row("B", stockSplitFlag="S", daysToCoverQuantity=1),
        short_interest_row("C", previousShortPositionQuantity=None, daysToCoverQuantity=None, marketClassCode=""),
    ]
    file = read(array(rows))
    check_accounts(file, 3)
    assert file.rows["is_revised"].to_list() == [True, False, False]
    assert file.rows["is_split_adjusted"].to_list() == [False, True, False]
    assert file.rows["days_to_cover"].to_list() == [999.99, 1.0, None]
    assert file.rows["market_class"].to_list() == ["NNM", "NNM", "_none"]


def test_a_symbol_on_two_markets_and_two_dates_are_rows_of_their_own() -> None:
    rows = [
        short_interest_row(),
        short_interest_row(marketClassCode="OTC"),
        short_interest_row(settlementDate="2024-06-28"),
        short_interest_row(),
    ]
    file = read(array(rows))
    check_accounts(file, 4)
    assert (file.rows.height, file.rows_duplicate) == (3, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"settlementDate": None}, "no_settlement_date"),
        ({"settlementDate": "14.06.2024"}, "unreadable_date"),
        ({"symbolCode": None}, "no_symbol"),
        ({"symbolCode": "A|B"}, "unreadable_symbol"),
        ({"currentShortPositionQuantity": None}, "unreadable_number"),
        ({"currentShortPositionQuantity": -1}, "negative_quantity"),
        ({"currentShortPositionQuantity": 1e13}, "not_a_quantity"),
        ({"averageDailyVolumeQuantity": float("inf")}, "not_finite"),
        ({"daysToCoverQuantity": "2.0"}, "wrong_type"),
        ({"daysToCoverQuantity": [2.0]}, "wrong_type"),
        ({"revisionFlag": "Q"}, "unknown_flag"),
        ({"stockSplitFlag": True}, "wrong_type"),
        ({"currentShortPositionQuantity": 7}, "conflicting_duplicate"),
    ],
)
def test_a_row_that_cannot_stand_is_set_aside_with_its_reason(change: dict[str, Any], reason: str) -> None:
    file = read(array([short_interest_row(), short_interest_row() | change]))
    check_accounts(file, 2)
    assert reasons(file) == {reason: 1}


def test_an_answer_with_a_page_missing_or_fields_missing_is_refused() -> None:
    body = json.dumps([short_interest_row(f"A{n}") for n in range(3)])
    assert read(bundle(finra_short_interest.NAME, body, total=3)).rows.height == 3
    with pytest.raises(Unreadable, match="3 of 4 rows"):
        read(bundle(finra_short_interest.NAME, body, total=4))
    with pytest.raises(Unreadable, match="lack settlementDate"):
        read(body.replace("settlementDate", "settled").encode())
    with pytest.raises(Unreadable, match="its own days"):
        finra_short_interest.report(body.encode(), Declared(session=date(2024, 6, 14)))


def test_the_file_of_the_web_page_says_the_same_as_the_answer_whatever_the_order_of_its_columns() -> None:
    data = text_file(LINE)
    assert sources.recognise(data) is finra_short_interest
    file = read(data)
    check_accounts(file, 1)
    row = file.rows.row(0, named=True)
    assert (row["vendor_symbol"], row["market_class"], row["session_date"]) == ("BRKB", "NYSE", date(2024, 6, 14))
    assert (row["short_position_shares"], row["previous_short_position_shares"]) == (5170553, 5749623)
    assert (row["average_daily_volume_shares"], row["days_to_cover"], row["is_revised"]) == (1369994, 3.77, False)
    names, cells = SHORT_INTEREST_TXT.split("|")[::-1], LINE.split("|")[::-1]
    assert read(text_file("|".join(cells), header="|".join(names))).rows.equals(file.rows)
    answer = {name: cell or None for name, cell in zip(names, cells, strict=True)}
    numbers = {name: float(cell) for name, cell in answer.items() if cell and "Quantity" in name}
    assert read(array([answer | numbers])).rows.drop("row_number").equals(file.rows.drop("row_number"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (LINE.replace("5170553", "5,170,553"), "unreadable_number"),
        (LINE.replace("5170553", ""), "unreadable_number"),
        (LINE.replace("3.77", "nan"), "unreadable_number"),
        (LINE.replace("2024-06-14", ""), "unreadable_date"),
        (LINE.replace("2024-06-14", "2024-06-31"), "unreadable_date"),
        (LINE.replace("BRKB", ""), "no_symbol"),
        (LINE + "|", "wrong_column_count"),
    ],
)
def test_a_line_that_cannot_stand_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    file = read(text_file(LINE.replace("BRKB", "NAN"), row))
    check_accounts(file, 2)
    assert (reasons(file), file.rejected["row_number"].to_list()) == ({reason: 1}, [3])
    assert file.rows["vendor_symbol"].to_list() == ["NAN"]


def test_a_file_cut_off_within_a_line_is_refused() -> None:
    data = text_file(LINE, LINE.replace("BRKB", "TRUE"), end="")
    assert read(data).rows.height == 2
    for length in range(data.rindex(b"\n") + 2, len(data)):
        with pytest.raises(Unreadable, match="cut off"):
            read(data[:length])


@pytest.mark.parametrize("header", [SHORT_INTEREST_TXT + "|symbolCode", SHORT_INTEREST_TXT + "|x" * 40])
def test_a_header_that_nobody_can_read_is_refused(header: str) -> None:
    with pytest.raises(Unreadable):
        read(text_file(LINE, header=header))
