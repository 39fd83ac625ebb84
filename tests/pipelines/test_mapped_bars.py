"""Daily bars in layouts that owners declare: what makes a bar, what is set aside and why."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.bars import BAR_SCHEMA, BarFile
from pipelines.sources.mapped_bars import bars, recognise
from pipelines.sources.page import Declared, Unreadable

MAPPING = """
kind = "bars"
date_format = "%m/%d/%Y"
[columns]
underlying = "ticker"
date = "day"
open = "o"
high = "h"
low = "l"
close = "c"
volume = "v"
[none]
volume = [0]
"""
HEADER = "ticker,day,o,h,l,c,v"
ROW = "SPY,06/17/2024,10,12,9,11,500"
ALONE = MAPPING.replace('underlying = "ticker"\n', "")


def read(*rows: str, mapping: str = MAPPING, underlying: str | None = None) -> BarFile:
    data = "\n".join([HEADER, *rows, ""]).encode()
    found = bars(data, Declared(mapping=mapping, underlying=underlying))
    assert found.rows_in == found.bars.height + found.rejected.height + found.rows_duplicate == len(rows)
    assert dict(found.bars.schema) == BAR_SCHEMA
    assert not found.bars.select(pl.struct("underlying", "bar_date").is_duplicated().any()).item()
    return found


def test_no_file_is_recognised_as_mapped() -> None:
    assert not recognise(f"{HEADER}\n{ROW}\n".encode())


def test_a_row_is_a_symbols_day() -> None:
    assert read(ROW).bars.rows() == [("SPY", date(2024, 6, 17), 10, 12, 9, 11, 500)]


def test_bars_stand_by_symbol_and_day_and_what_is_not_stated_is_null() -> None:
    found = read(ROW, "^vix9d,06/18/2024,,,,15,0", ROW.replace("/17/", "/14/"))
    assert found.bars.rows()[2] == ("VIX9D", date(2024, 6, 18), None, None, None, 15, None)
    assert found.bars["bar_date"].to_list()[:2] == [date(2024, 6, 14), date(2024, 6, 17)]


def test_the_symbol_is_a_column_or_a_constant_or_named_at_loading() -> None:
    assert read(ROW, mapping='underlying = "QQQ"\n' + ALONE).bars["underlying"].to_list() == ["QQQ"]
    assert read(ROW, mapping=ALONE, underlying="qqq").bars["underlying"].to_list() == ["QQQ"]
    with pytest.raises(Unreadable, match="--underlying SYMBOL"):
        read(ROW, mapping=ALONE)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.replace("06/17/2024", "2024-06-17"), "unreadable_date"),
        (ROW.replace("2024", "1066"), "date_out_of_range"),
        (ROW.replace("SPY", "9"), "unreadable_symbol"),
        (ROW.replace("SPY", ""), "unreadable_symbol"),
        (ROW.replace(",12,", ",x,"), "unreadable_number"),
        (ROW.replace(",12,", ",inf,"), "not_finite"),
        (ROW.replace(",9,", ",0,"), "price_not_positive"),
        (ROW.replace(",12,", ",1e15,"), "not_a_price"),
        (ROW.replace(",500", ",-5"), "negative_quantity"),
        (ROW.replace(",11,", ",,"), "no_close"),
        (ROW + ",1", "wrong_column_count"),
    ],
)
def test_what_is_no_bar_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    found = read(row, ROW.replace("/17/", "/18/"))
    assert found.rejected.select("row_number", "reason").rows() == [(2, reason)]


def test_a_day_counts_once() -> None:
    found = read(ROW, ROW, ROW.replace(",11,", ",10,"))
    assert (found.bars.height, found.rows_duplicate) == (1, 1)
    assert Counter(found.rejected["reason"]) == {"conflicting_duplicate": 1}


def test_a_file_without_bars_is_refused() -> None:
    with pytest.raises(Unreadable, match="none of 0 rows"):
        read()
    with pytest.raises(Unreadable, match="no_close"):
        read(ROW.replace(",11,", ",,"))


def test_parquet_gives_the_same_bars() -> None:
    frame = pl.DataFrame(
        {"ticker": ["SPY"], "day": [date(2024, 6, 17)], "o": [10], "h": [12.0], "l": [9], "c": [11], "v": [500]}
    )
    target = io.BytesIO()
    frame.write_parquet(target)
    plain = MAPPING.replace('date_format = "%m/%d/%Y"\n', "")
    assert bars(target.getvalue(), Declared(mapping=plain)).bars.equals(read(ROW).bars)


cells = st.sampled_from(["", "1", "-1", "0", "x", "nan", "06/17/2024", "06/18/2024", "SPY", "QQQ", ","])


@given(st.lists(st.tuples(st.integers(0, 6), cells), max_size=8))
def test_no_row_is_lost_whatever_stands_in_its_cells(changes: list[tuple[int, str]]) -> None:
    rows = [ROW]
    for place, cell in changes:
        parts = ROW.split(",")
        parts[place] = cell
        rows.append(",".join(parts))
    read(*rows)
