"""The clearing house's volume by account type: two sides a contract, and answers that are no data."""

from __future__ import annotations

import contextlib
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import occ_volume
from pipelines.sources.reports.report import ReportFile

HEADER = "quantity,underlying,symbol,actype,porc,exchange,actdate"
DAY = "09/25/2026"
ROWS = [
    "70,ABC,ABC,C,C,CBOE",
    "20,ABC,ABC,F,C,CBOE",
    "90,ABC,ABC,M,C,CBOE",
    "8,ABC,2ABC,C,P,ISE",
    "8,ABC,2ABC,M,P,ISE",
    "5,BRK/B,BRKB,C,P,PHLX",
    "4,BRK/B,BRKB,M,P,PHLX",
    "1,BRK/B,BRKB,Q,P,PHLX",
]


def answer(rows: list[str], header: str = HEADER, end: str = "\r\n", comma: str = ",") -> bytes:
    return (end.join([header, *(f"{row},{DAY}{comma}" for row in rows)]) + end).encode()


def read(data: bytes) -> ReportFile:
    file = occ_volume.report(data, NOTHING_DECLARED)
    assert file.rows_in == file.rows.height + file.rows_merged + file.rejected.height + file.rows_duplicate
    return file


@pytest.mark.parametrize("comma", ["", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_may_end_with_a_comma_that_the_header_lacks(comma: str, end: str) -> None:
    file = read(answer(ROWS, end=end, comma=comma))
    assert file.rejected.is_empty()
    assert file.rows["cleared_sides"].to_list() == [70, 20, 90, 8, 8, 5, 4, 1]
    assert set(file.rows["session_date"]) == {date(2026, 9, 25)} and set(file.rows["part"]) == {"_all"}
    assert file.rows["row_number"].to_list() == list(range(2, 10))


def test_contracts_are_half_of_the_sides_and_unknown_accounts_are_kept_as_others() -> None:
    rows = read(answer(ROWS)).rows
    assert (rows["cleared_contracts"] * 2 == rows["cleared_sides"]).all()
    by_type = dict(rows.group_by("account_type").agg(pl.col("cleared_sides").sum()).iter_rows())
    assert by_type == {"customer": 83, "firm": 20, "market_maker": 102, "other": 1}
    assert rows.filter(pl.col("account_type") == "other")["account_code"].to_list() == ["Q"]
    assert set(rows["underlying"]) == {"ABC", "BRKB"} and "2ABC" in rows["root"].to_list()


def test_an_answer_by_expiries_is_summed_and_every_row_of_it_counted() -> None:
    rows = [f"{row},{DAY},{expiry}," for row in ROWS for expiry in ("10/16/2026", "12/18/2026")]
    rows += [rows[0], rows[1].replace("70,ABC", "71,ABC"), f"1,ABC,ABC,C,C,CBOE,{DAY},someday,"]
    file = read("\n".join([f"{HEADER},contractDate", *rows, ""]).encode())
    assert file.rows["cleared_sides"].to_list() == [140, 40, 180, 16, 16, 10, 8, 2]
    assert (file.rows_in, file.rows_merged, file.rows_duplicate) == (19, 8, 1)
    assert sorted(file.rejected["reason"]) == ["conflicting_duplicate", "unreadable_expiry"]


@pytest.mark.parametrize(
    "said",
    [
        "No record(s) found",
        "Report date cannot be greater than 07/02/2026",
        "Report date cannot be prior to  2 years",
        "Symbol is required.",
        "Report Type is invalid",
        "Report Format is Required",
    ],
)
def test_a_refusal_that_arrives_as_an_answer_is_told_in_the_clearing_houses_own_words(said: str) -> None:
    for data in (said.encode(), f"\r\n{said}\r\n".encode()):
        assert occ_volume.recognise(data)
        with pytest.raises(Unreadable) as refused:
            read(data)
        assert str(refused.value) == f"OCC answers: {' '.join(said.split())}"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row for row in ROWS if ",P," not in row], "calls only"),
        ([row for row in ROWS if ",C,P," in row or ",C,C," in row], "account type C only"),
        (ROWS[:5], "ABC only"),
        ([], "none of 0 rows"),
    ],
)
def test_an_answer_to_a_narrower_question_is_refused(rows: list[str], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(answer(rows))


def test_one_expiry_is_refused_for_it_would_stand_as_the_whole_day() -> None:
    rows = [f"{row},{DAY},10/16/2026" for row in ROWS]
    with pytest.raises(Unreadable, match="contracts of 2026-10-16 only"):
        read("\n".join([f"{HEADER},contractDate", *rows]).encode())


def test_two_days_in_one_file_are_refused() -> None:
    with pytest.raises(Unreadable, match="2 days"):
        read(answer(ROWS) + b"2,ABC,ABC,C,C,BOX,09/24/2026,\r\n")


def test_a_file_that_breaks_off_within_a_row_is_refused() -> None:
    whole = answer(ROWS)
    for length in range(len(whole) - 14, len(whole) - 3):
        with pytest.raises(Unreadable, match="cut off"):
            read(whole[:length])


@pytest.mark.parametrize(("odd", "is_refused"), [(4, False), (5, True)])
def test_a_few_odd_groups_stand_and_many_refuse_the_file(odd: int, *, is_refused: bool) -> None:
    rows = [
        f"{7 if account == 'C' and option == 'P' and place < odd else 6},S{place},S{place},{account},{option},BOX"
        for place in range(200)
        for option in "CP"
        for account in "CM"
    ]
    if is_refused:
        with pytest.raises(Unreadable, match="5 of 400 groups have an odd number of sides"):
            read(answer(rows))
    else:
        assert read(answer(rows)).rows["cleared_contracts"].sum() == (200 * 2 * 2 * 6 + odd) / 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,ABC,ABC,C,C,BOX", "unreadable_number"),
        ("1.5,ABC,ABC,C,C,BOX", "unreadable_number"),
        ("-2,ABC,ABC,C,C,BOX", "negative_quantity"),
        ("2,,ABC,C,C,BOX", "unreadable_symbol"),
        ("2,ABC,A BC,C,C,BOX", "unreadable_root"),
        ("2,ABC,ABC,,C,BOX", "unreadable_account"),
        ("2,ABC,ABC,C,X,BOX", "unreadable_option_type"),
        ("2,ABC,ABC,C,C,", "unreadable_exchange"),
        ("2,ABC,ABC,C,C,BOX,", "wrong_column_count"),
        ("71,ABC,ABC,C,C,CBOE", "conflicting_duplicate"),
    ],
)
def test_a_broken_row_is_set_aside_and_the_others_stand(row: str, reason: str) -> None:
    file = read(answer([*ROWS, row]))
    assert file.rejected["reason"].to_list() == [reason]
    assert file.rejected["row_number"].to_list() == [10]
    assert file.rows.height == len(ROWS)


def test_a_session_that_its_owner_declares_is_refused_for_the_file_has_its_own() -> None:
    with pytest.raises(Unreadable, match="--session"):
        occ_volume.report(answer(ROWS), Declared(session=date(2026, 9, 24)))


@given(st.text(max_size=80), st.integers(0, 400))
def test_whatever_is_inserted_every_row_is_accounted_for_or_the_file_is_refused(text: str, at: int) -> None:
    whole = answer(ROWS)
    with contextlib.suppress(Unreadable):
        read(whole[:at] + text.encode() + whole[at:])
