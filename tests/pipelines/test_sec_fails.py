"""The SEC's fails to deliver: pipes in descriptions, prices that are none, and two last lines that must agree."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import sec_fails
from pipelines.sources.reports.report import ReportFile

ROWS = [
    "20240116|00000000A|ABC|892653|ABC CORP (HLDG CO) CL A|39.91",
    "20240116|00000000B|BRKB|10|BERKSHIRE | HATHAWAY|CL B|410.5",
    "20240117|00000000C||500|NO SYMBOL CO|.",
    "20240131|00000000D|NAN|1||",
    "20240131|00000000E|CAFÉ|7|CAFÉ CO|.5",
]
SHARES = 892653 + 10 + 500 + 1 + 7
ROWS[4] = ROWS[4].replace("CAFÉ|7", "CAFE|7")


def half(rows: list[str], count: int | None = None, shares: int = SHARES, end: str = "\r\n") -> str:
    trailers = [f"Trailer record count {len(rows) if count is None else count}"]
    trailers.append(f"Trailer total quantity of shares {shares}")
    return end.join([sec_fails.HEADER, *rows, *trailers]) + end


def read(data: str | bytes) -> ReportFile:
    file = sec_fails.report(data.encode() if isinstance(data, str) else data, NOTHING_DECLARED)
    assert file.rows_in == file.rows.height + file.rejected.height + file.rows_duplicate
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_row_is_read_in_either_encoding(encoding: str, end: str) -> None:
    data = half(ROWS, end=end).encode(encoding)
    assert sec_fails.recognise(data)
    rows = read(data).rows
    assert rows["fails_shares"].to_list() == [892653, 10, 500, 1, 7]
    assert rows["security_description"].to_list() == [
        "ABC CORP (HLDG CO) CL A", "BERKSHIRE | HATHAWAY|CL B", "NO SYMBOL CO", None, "CAFÉ CO",
    ]  # fmt: skip
    assert rows["previous_close_usd"].to_list() == [39.91, 410.5, None, None, 0.5]
    assert rows["vendor_symbol"].to_list() == ["ABC", "BRKB", "_none", "NAN", "CAFE"]
    assert rows["underlying"].to_list() == ["ABC", "BRKB", None, "NAN", "CAFE"]
    assert set(rows["session_date"]) == {date(2024, 1, 31)} and set(rows["part"]) == {"_all"}


@pytest.mark.parametrize(
    ("day", "last_day"),
    [("20240101", date(2024, 1, 15)), ("20240115", date(2024, 1, 15)), ("20240216", date(2024, 2, 29)),
     ("20240430", date(2024, 4, 30))],
)  # fmt: skip
def test_a_half_is_told_by_its_last_day(day: str, last_day: date) -> None:
    rows = [f"{day}|00000000A|ABC|5|ABC CORP|1.00"]
    assert read(half(rows, shares=5)).rows["session_date"].to_list() == [last_day]


def test_two_halves_in_one_file_are_refused() -> None:
    for day in ("20240115", "20240216"):
        with pytest.raises(Unreadable, match="2 halves"):
            read(half([*ROWS, f"{day}|00000000F|XYZ|3|XYZ|1"], shares=SHARES + 3))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (half(ROWS, count=6), "count 6 rows and there are 5"),
        (half(ROWS[:-1], count=5), "count 5 rows and there are 4"),
        (half(ROWS, shares=SHARES - 1), f"count {SHARES - 1} shares and there are {SHARES}"),
        (half(ROWS)[:-60], "do not count rows and shares"),
        (half(ROWS).split("Trailer")[0], "do not count rows and shares"),
        (sec_fails.HEADER, "do not count rows and shares"),
        (half([], shares=0), "none of 0 rows"),
    ],
)
def test_a_file_whose_last_lines_do_not_agree_is_refused(data: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(data)


@pytest.mark.parametrize(
    ("row", "shares", "reason"),
    [
        ("20240132|00000000A|ABC|5|ABC CORP|1.00", 5, "unreadable_date"),
        ("2024116|00000000A|ABC|5|ABC CORP|1.00", 5, "unreadable_date"),
        ("20990116|00000000A|ABC|5|ABC CORP|1.00", 5, "date_out_of_range"),
        ("20240116|0000|ABC|5|ABC CORP|1.00", 5, "unreadable_cusip"),
        ("20240116|00000000A|<b>|5|ABC CORP|1.00", 5, "unreadable_symbol"),
        ("20240116|00000000A|ABC|-5|ABC CORP|1.00", 0, "unreadable_number"),
        ("20240116|00000000A|ABC|5|ABC CORP|free", 5, "unreadable_number"),
        ("20240116|00000000A|ABC|5|ABC CORP", 0, "wrong_column_count"),
        ("20240116|00000000A|ABC|5|" + "A" * 201 + "|1.00", 5, "unreadable_text"),
        ("20240116|00000000A|ABC|892654|ABC CORP (HLDG CO) CL A|39.91", 892654, "conflicting_duplicate"),
    ],
)
def test_a_broken_row_is_set_aside_and_the_others_stand(row: str, shares: int, reason: str) -> None:
    file = read(half([*ROWS, row], shares=SHARES + shares))
    assert file.rejected["reason"].to_list() == [reason]
    assert file.rejected["row_number"].to_list() == [7]
    assert file.rows.height == 5


def test_an_exact_repeat_counts_once_though_the_last_lines_count_it() -> None:
    file = read(half([*ROWS, ROWS[2]], shares=SHARES + 500))
    assert file.rows_duplicate == 1 and file.rows.height == 5


def test_cells_that_are_filled_up_with_zero_bytes_are_read() -> None:
    assert read(half(ROWS).replace("BRKB", "BRKB\0\0")).rows["vendor_symbol"].to_list()[1] == "BRKB"


def test_a_text_in_another_encoding_is_refused() -> None:
    with pytest.raises(Unreadable, match="neither UTF-8 nor Windows-1252"):
        read(half(ROWS).encode("cp1252").replace(b"\xc9", b"\x81"))
    with pytest.raises(Unreadable, match="--session"):
        sec_fails.report(half(ROWS).encode(), Declared(session=date(2024, 1, 31)))


@given(st.text(max_size=60), st.integers(0, 400))
def test_whatever_is_inserted_every_row_is_accounted_for_or_the_file_is_refused(text: str, at: int) -> None:
    whole = half(ROWS)
    with contextlib.suppress(Unreadable):
        read(whole[:at] + text + whole[at:])
