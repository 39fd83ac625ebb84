"""Histories of indices as Cboe's site writes them, and as spreadsheets save them again."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import sources
from pipelines.sources import cboe_index_csv
from pipelines.sources.bars import PRICES, BarFile
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from tests.samples import needs_samples, sample

HEADER = "DATE,OPEN,HIGH,LOW,CLOSE"
VIX = Declared(underlying="VIX")


def history(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def read(*rows: str, header: str = HEADER, declared: Declared = VIX) -> BarFile:
    return cboe_index_csv.bars(history(*rows, header=header), declared)


def test_a_row_is_a_day_of_the_index_that_its_owner_names() -> None:
    file = read("01/02/2024,13.210000,14.230000,13.100000,13.200000")
    assert file.bars.rows() == [("VIX", date(2024, 1, 2), 13.21, 14.23, 13.1, 13.2, None)]
    assert (file.rows_in, file.rows_duplicate, file.rejected.height) == (1, 0, 0)


def test_a_history_that_does_not_say_whose_it_is_waits_for_its_owners_word() -> None:
    with pytest.raises(Unreadable, match="--underlying SYMBOL"):
        read("01/02/2024,1,1,1,1", declared=NOTHING_DECLARED)


def test_a_single_value_history_names_its_index_and_has_only_a_close() -> None:
    file = read("01/02/2024,85.5", header="DATE,VVIX", declared=NOTHING_DECLARED)
    assert file.bars.rows() == [("VVIX", date(2024, 1, 2), None, None, None, 85.5, None)]
    with pytest.raises(Unreadable, match="of VVIX, not of SKEW"):
        read("01/02/2024,85.5", header="DATE,VVIX", declared=Declared(underlying="SKEW"))


@pytest.mark.parametrize("form", ["{:%m/%d/%Y}", "{0.month}/{0.day}/{0.year}"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_dates_are_read_with_and_without_their_zeros(form: str, ending: str) -> None:
    days = [date(2024, 1, 2), date(2024, 10, 9), date(2024, 12, 31)]
    text = ending.join([HEADER, *(f"{form.format(day)},1,1,1,1" for day in days), ""])
    assert cboe_index_csv.bars(text.encode(), VIX).bars["bar_date"].to_list() == days


@pytest.mark.parametrize("bar", ["13,12,11,11.5", "10,12,11,11.5", "11,12,11,12.5"])
def test_a_range_that_does_not_hold_open_and_close_is_null_and_the_close_stands(bar: str) -> None:
    file = read(f"01/02/2024,{bar}")
    assert file.bars.select(PRICES).rows() == [(None, None, None, float(bar.rsplit(",", maxsplit=1)[-1]))]


def test_a_range_may_miss_by_a_rounding() -> None:
    file = read("01/02/2024,10,12.000000,10,12.000001")
    assert file.bars["high"].to_list() == [12.0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-02,1,1,1,1", "unreadable_date"),
        ("13/02/2024,1,1,1,1", "unreadable_date"),
        ("01/02/1824,1,1,1,1", "date_out_of_range"),
        ("01/02/2024,x,1,1,1", "unreadable_number"),
        ("01/02/2024,1,inf,1,1", "not_finite"),
        ("01/02/2024,1,1,0,1", "price_not_positive"),
        ("01/02/2024,1,1,1,", "no_close"),
        ("01/02/2024,1,1,1", "wrong_column_count"),
    ],
)
def test_what_is_no_bar_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    file = read("01/03/2024,1,1,1,1", row)
    assert file.rejected.select("row_number", "row_part", "reason").rows() == [(3, "row", reason)]
    assert (file.rows_in, file.bars.height) == (2, 1)


def test_a_day_counts_once() -> None:
    file = read("01/02/2024,1,1,1,1", "01/02/2024,1,1,1,1", "01/02/2024,2,2,2,2")
    assert (file.bars.height, file.rows_duplicate) == (1, 1)
    assert file.rejected["reason"].to_list() == ["conflicting_duplicate"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"DATE\n01/02/2024\n",
        b"Date,Open,High,Low,Close\n",
        b"DATE,CLOSE\n01/02/2024,1\n",
        b"DATE,vvix\n",
        b"\xff\xfe",
    ],
)
def test_other_layouts_are_not_taken_for_a_history(data: bytes) -> None:
    assert not cboe_index_csv.recognise(data)
    with pytest.raises(Unreadable):
        cboe_index_csv.bars(data, VIX)


def test_a_history_is_recognised_by_its_header_alone() -> None:
    for header in (HEADER, "DATE,VVIX", "DATE,VIX9D"):
        assert sources.recognise(history(header=header)) is cboe_index_csv


def test_a_history_without_days_is_unreadable() -> None:
    for rows in ((), ("nonsense,1,1,1,1",)):
        with pytest.raises(Unreadable, match="is a bar"):
            read(*rows)


@given(st.lists(st.text(alphabet='0123456789/,.-x "', max_size=30), max_size=12))
def test_every_row_has_one_fate(rows: list[str]) -> None:
    try:
        file = read("01/02/2024,1,1,1,1", *rows)
    except Unreadable:
        return
    assert file.rows_in == file.bars.height + file.rejected.height + file.rows_duplicate


@needs_samples
@pytest.mark.samples
def test_the_history_of_vix_is_read_whole() -> None:
    data = sample("cboe_index/VIX_History_dorive.csv").read_bytes()
    file = cboe_index_csv.bars(data, VIX)
    assert file.bars.height == file.rows_in == data.count(b"\n") - 1
    assert file.bars["high"].null_count() == 45
    early = file.bars.filter(pl.col("bar_date") < date(1992, 1, 1))
    assert (early["open"] == early["close"]).all()  # of those days only the close is known
    assert (file.bars["bar_date"].diff().drop_nulls() > timedelta(0)).all()
