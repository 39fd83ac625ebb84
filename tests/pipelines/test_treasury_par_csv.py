"""The Treasury's curve files through their changing columns."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.sources.page import Unreadable
from pipelines.sources.treasury_par_csv import parse, recognise

OLD = b"Date,1 Mo,3 Mo,1 Yr,10 Yr\n12/30/22,4.10,4.40,4.70,3.90\n12/29/22,4.00,4.40,4.70,3.80\n"
NEW = b'"Date","1 Mo","1.5 Mo","3 Mo","1 Yr","10 Yr"\n'
NEW += b"02/18/2025,4.37,4.36,4.35,4.20,4.50\n02/14/2025,4.37,,4.35,4.20,4.50\n"


def test_both_date_forms_and_both_column_sets_are_read() -> None:
    assert recognise(OLD)
    assert recognise(NEW)
    assert [curve.curve_date for curve in parse(OLD).curves] == [date(2022, 12, 29), date(2022, 12, 30)]
    assert parse(NEW).curves[-1].percent_by_months[1.5] == 4.36


def test_a_blank_means_that_the_tenor_was_not_quoted() -> None:
    assert 1.5 not in parse(NEW).curves[0].percent_by_months


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"yesterday,4,4,4,4", "unreadable_date"),
        (b"12/28/22,4,4,4", "wrong_column_count"),
        (b"12/28/22,4,nan,4,4", "not_a_yield"),
        (b"12/28/22,4,x,4,4", "unreadable_number"),
        (b"12/28/22,,,,4", "too_few_tenors"),
        (b"12/30/22,9,9,9,9", "conflicting_duplicate"),
    ],
)
def test_a_broken_row_is_set_aside_and_the_others_stand(row: bytes, reason: str) -> None:
    parsed = parse(OLD + row + b"\n")
    assert parsed.rejected["reason"].to_list() == [reason]
    assert len(parsed.curves) == 2
    assert parsed.rows_in == 3


def test_a_file_without_any_curve_is_refused() -> None:
    with pytest.raises(Unreadable, match="none of 1 rows"):
        parse(b"Date,1 Mo,10 Yr\nx,1,2\n")
