"""The clearing house's open interest by series: a text without a date, with an empty cell behind every root."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import occ_series
from pipelines.sources.reports.report import ReportFile

DAY = date(2026, 9, 25)
DECLARED = Declared(session=DAY)
TITLE = "Series Search Results for ABC"
HEADER = "ProductSymbol\tyear\tMonth\tDay\tInteger\tDec\tC/P\tCall\tPut\tPosition Limit\t"
LINES = [
    "ABC   \t\t2026\t10\t16\t110\t000\tC P \t4\t113\t25000000",
    "ABC   \t\t2026\t10\t16\t574\t500\t  P \t0\t53\t25000000",
    "ABC   \t\t2026\t12\t18\t90\t000\tC   \t7\t0\t25000000",
    "1ABC  \t\t2026\t12\t18\t90\t000\tC P \t1\t2\t25000000",
    "ABC1  \t\t2026\t12\t18\t7\t125\tC P \t3\t0\t",
]


def answer(lines: list[str], title: str = TITLE, end: str = "\r\n") -> str:
    preamble = [title, "Products for this underlying symbol are traded on: CBOE", "\t\tSeries/contract\t\tStrike"]
    return end.join([*preamble, HEADER, *lines, ""])


def bundle(text: str, day: date = DAY, symbol: str = "ABC", zone: str = "America/Chicago") -> bytes:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    last = {"entity": {"lastBusDateOI": {"activityDate": round(midnight.timestamp() * 1000)}, "optionsOI": []}}
    pages = [{"url": "u", "body": text}, {"url": "v", "body": json.dumps(last)}]
    document = {"dealerflow_bundle": "occ_series", "request": {"symbol": symbol}, "pages": pages}
    return json.dumps(document).encode()


def read(data: bytes | str, declared: Declared = DECLARED) -> ReportFile:
    file = occ_series.report(data.encode() if isinstance(data, str) else data, declared)
    assert file.rows_in == file.rows.height + file.rejected.height + file.rows_duplicate
    return file


def test_every_listed_contract_is_a_row() -> None:
    file = read(answer(LINES))
    found = {row["contract_id"]: row for row in file.rows.to_dicts()}
    assert {name: row["open_interest"] for name, row in found.items()} == {
        "ABC261016C00110000": 4, "ABC261016P00110000": 113, "ABC261016P00574500": 53, "ABC261218C00090000": 7,
        "1ABC261218C00090000": 1, "1ABC261218P00090000": 2, "ABC1261218C00007125": 3, "ABC1261218P00007125": 0,
    }  # fmt: skip
    assert file.rejected.is_empty() and file.rows_in == 8
    put = found["ABC261016P00574500"]
    assert (put["strike"], put["expiry_date"], put["option_type"]) == (574.5, date(2026, 10, 16), "put")
    assert (put["session_date"], put["part"], put["underlying"]) == (DAY, "ABC", "ABC")
    assert put["position_limit_contracts"] == 25_000_000 and found["ABC1261218C00007125"][
        "position_limit_contracts"] is None  # fmt: skip


def test_adjusted_and_flexible_series_are_not_standard() -> None:
    standard = dict(read(answer(LINES)).rows.select("root", "is_standard").unique().iter_rows())
    assert standard == {"ABC": True, "1ABC": False, "ABC1": False}


def test_the_roots_of_an_index_are_of_one_underlying() -> None:
    lines = [LINES[0].replace("ABC ", root) for root in ("SPX ", "SPXW", "2SPX")]
    rows = read(answer(lines, title="Series")).rows
    assert set(rows["underlying"]) == {"SPX"} and set(rows["root"]) == {"SPX", "SPXW", "2SPX"}
    with pytest.raises(Unreadable, match="SPXW is a root of SPX"):
        read(answer(lines[1:2], title="Series Search Results for SPXW"))


@pytest.mark.parametrize("zone", ["America/Chicago", "UTC"])
@pytest.mark.parametrize("day", [DAY, date(2026, 1, 15)])
def test_a_bundle_is_dated_by_the_clearing_houses_last_day(zone: str, day: date) -> None:
    assert set(read(bundle(answer(LINES), day, zone=zone), NOTHING_DECLARED).rows["session_date"]) == {day}


def test_an_answer_without_a_day_is_refused_and_so_is_a_day_without_a_session() -> None:
    with pytest.raises(Unreadable, match="--session"):
        read(answer(LINES), NOTHING_DECLARED)
    with pytest.raises(Unreadable, match="2026-09-26 is no session"):
        read(answer(LINES), Declared(session=date(2026, 9, 26)))
    with pytest.raises(Unreadable, match="does not say of which day"):
        read(bundle(answer(LINES)).replace(b"activityDate", b"activity"), NOTHING_DECLARED)


def test_the_answer_to_another_question_is_refused() -> None:
    with pytest.raises(Unreadable, match="the answer is of ABC, not of XYZ"):
        read(bundle(answer(LINES), symbol="XYZ"))
    with pytest.raises(Unreadable, match="mixes underlyings: ABC, XYZ"):
        read(answer([LINES[0], LINES[0].replace("ABC", "XYZ")], title=""))


@pytest.mark.parametrize("said", ["No data exists for ABCD symbol", "Symbol is required."])
def test_a_refusal_is_told_in_the_clearing_houses_own_words(said: str) -> None:
    for data in (said, bundle(said)):
        with pytest.raises(Unreadable, match=f"OCC answers: {said}"):
            read(data)


@pytest.mark.parametrize(("cells", "open_interest"), [("0\t53", 53.0), ("\t53", 53.0), ("53\t", 53.0), ("0\t0", 0.0)])
def test_puts_that_are_listed_alone_stand_in_either_column(cells: str, open_interest: float) -> None:
    rows = read(answer([f"ABC\t\t2026\t10\t16\t574\t500\tP\t{cells}\t1"])).rows
    assert rows["open_interest"].to_list() == [open_interest]


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        ("ABC\t2026\t10\t16\t110\t000\tC P\t4\t113\t25000000", ["wrong_column_count"]),
        ("ABC\t2026\t10\t16\t110\t000\tC P\t4\t113\t25000000\t1", ["shifted_columns"]),
        ("ABC\t\t2026\t10\t16\t110\t000\tX\t4\t113\t1", ["shifted_columns"]),
        ("ABC\t\t2026\t02\t30\t110\t000\tC P\t4\t113\t1", ["unreadable_expiry"] * 2),
        ("ABC\t\t2026\t10\t16\t110\t1000\tC P\t4\t113\t1", ["unreadable_strike"] * 2),
        ("ABC\t\t2026\t10\t16\t0\t000\tC\t4\t0\t1", ["strike_not_positive"]),
        ("ABC DEF\t\t2026\t10\t16\t110\t000\tC\t4\t0\t1", ["unreadable_symbol"]),
        ("ABC\t\t2026\t10\t16\t111\t000\tC P\t-4\t113\t1", ["unreadable_number"]),
        ("ABC\t\t2026\t10\t16\t111\t000\tC P\t4\t\t1", ["unreadable_number"]),
        ("ABC\t\t2026\t10\t16\t111\t000\tC\t4\t5\t1", ["interest_of_unlisted_type"]),
        ("ABC\t\t2026\t10\t16\t111\t000\tP\t13\t0\t1", ["interest_of_unlisted_type"]),
        ("ABC\t\t2026\t09\t24\t111\t000\tC P\t4\t5\t1", ["expired"] * 2),
        ("ABC\t\t2026\t10\t16\t110\t000\tC P\t5\t113\t25000000", ["conflicting_duplicate"]),
    ],
)
def test_a_broken_line_is_set_aside_and_the_others_stand(line: str, reasons: list[str]) -> None:
    file = read(answer([*LINES, line]))
    assert file.rejected["reason"].to_list() == reasons
    assert set(file.rejected["row_number"]) == {10}
    assert file.rows.filter(pl.col("row_number") < 10).height == 8


def test_an_exact_repeat_counts_once() -> None:
    assert read(answer([*LINES, LINES[0]])).rows_duplicate == 2


def test_a_text_that_breaks_off_within_a_row_is_refused() -> None:
    with pytest.raises(Unreadable, match="cut off"):
        read(answer(LINES)[:-8])


def test_other_columns_are_refused() -> None:
    with pytest.raises(Unreadable, match="columns are not those"):
        read(answer(LINES).replace("\tPosition Limit", "\tMargin\tPosition Limit"))
    with pytest.raises(Unreadable, match="no table of series"):
        read(TITLE)


@given(st.text(max_size=60), st.integers(0, 500))
def test_whatever_is_inserted_every_row_is_accounted_for_or_the_file_is_refused(text: str, at: int) -> None:
    whole = answer(LINES)
    with contextlib.suppress(Unreadable):
        read((whole[:at] + text + whole[at:]).encode("utf-8", "replace"))
