"""Lists of the members of indices, in the layout of our own."""

from __future__ import annotations

import contextlib
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.page import NOTHING_DECLARED, Unreadable
from pipelines.sources.reports import index_members_csv
from pipelines.sources.reports.report import ReportFile

LISTS = (
    "index,effective_date,symbol\nSPX,2024-06-24,AAPL\nSPX,2024-06-24,BRK.B\nSPX,2024-09-23,AAPL\nNDX,2024-06-24,TRUE\n"
)


def read(text: str) -> ReportFile:
    assert index_members_csv.recognise(text.encode())
    file = index_members_csv.report(text.encode(), NOTHING_DECLARED)
    assert file.rows_in == file.rows.height + file.rejected.height + file.rows_duplicate
    return file


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_several_indices_and_days_stand_in_one_file(end: str) -> None:
    rows = read(LISTS.replace("\n", end)).rows
    found = rows.group_by("part", "session_date").agg(pl.col("underlying")).sort("part", "session_date")
    assert found.rows() == [
        ("NDX", date(2024, 6, 24), ["TRUE"]),
        ("SPX", date(2024, 6, 24), ["AAPL", "BRKB"]),
        ("SPX", date(2024, 9, 23), ["AAPL"]),
    ]
    assert (rows["part"] == rows["index_name"]).all() and "BRK.B" in rows["vendor_symbol"].to_list()


def test_columns_may_stand_in_any_order_and_others_are_not_recognised() -> None:
    assert read("symbol,index,effective_date\nAAPL,SPX,2024-06-24\n").rows.height == 1
    for other in ("index,effective_date,symbol,weight\n", "index,symbol\n", "date,symbol,index\n", ""):
        assert not index_members_csv.recognise(other.encode())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("../SPX,2024-06-24,AAPL", "unreadable_index"),
        (",2024-06-24,AAPL", "unreadable_index"),
        ("SPX,06/24/2024,AAPL", "unreadable_date"),
        ("SPX,2024-06-31,AAPL", "unreadable_date"),
        ("SPX,1999-06-24,AAPL", "date_out_of_range"),
        ("SPX,2024-06-24,", "unreadable_symbol"),
        ("SPX,2024-06-24", "wrong_column_count"),
    ],
)
def test_a_broken_row_is_set_aside_and_the_others_stand(row: str, reason: str) -> None:
    file = read(f"{LISTS}{row}\n")
    assert file.rejected["reason"].to_list() == [reason]
    assert file.rejected["row_number"].to_list() == [6]
    assert file.rows.height == 4


def test_an_exact_repeat_counts_once() -> None:
    assert read(f"{LISTS}SPX,2024-06-24,AAPL\n").rows_duplicate == 1


@given(st.text(max_size=60), st.integers(30, 120))
def test_whatever_is_inserted_every_row_is_accounted_for_or_the_file_is_refused(text: str, at: int) -> None:
    with contextlib.suppress(Unreadable):
        read(LISTS[:at] + text + LISTS[at:])
