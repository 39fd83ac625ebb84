"""The clearing house's totals: whole days whose parts add up, as a file of a month and as JSON answers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import occ_totals_csv, occ_totals_json
from pipelines.sources.reports.report import ReportFile

DAYS = [date(2026, 9, 24), date(2026, 9, 23)]
FIGURES = [300, 200, 500, 30, 70, 100, 3, 4, 7, 11, 618]
NAMES = [
    "equityCalls", "equityPuts", "equityTotal", "indexCalls", "indexPuts", "indexTotal",
    "treasuryCalls", "treasuryPuts", "treasuryTotal", "futuresTotal", "occTotal",
]  # fmt: skip


def month(rows: list[tuple[str, list[str]]], end: str = ",") -> bytes:
    lines = [
        "Daily Open Interest - September 2026",
        "Date,Equity,,,Index/Other,,,Debt,,,Futures,OCC Total",
        ",Calls,Puts,Total,Calls,Puts,Total,Calls,Puts,Total,Total,",
        *(",".join([day, *(f'"{figure}"' for figure in figures)]) + end for day, figures in rows),
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def grouped(figures: list[int]) -> list[str]:
    return [f"{figure * 1_000_001:,}" for figure in figures]


MONTH = [(f"{day:%m/%d/%Y}", grouped(FIGURES)) for day in DAYS]


def read(parse: Callable[[bytes, Declared], ReportFile], data: bytes, session: date | None = None) -> ReportFile:
    file = parse(data, Declared(session=session))
    assert file.rows_in == file.rows.height + file.rejected.height + file.rows_duplicate
    return file


@pytest.mark.parametrize("end", ["", ","])
def test_a_month_has_eleven_figures_a_day(end: str) -> None:
    file = read(occ_totals_csv.report, month(MONTH, end))
    assert file.rejected.is_empty() and file.rows_in == 22
    assert set(file.rows["part"]) == set(file.rows["measure"]) == {"open_interest"}
    day = file.rows.filter(pl.col("session_date") == DAYS[0])
    figures = {(group, kind): value for group, kind, value in
               day.select("product_group", "option_type", "contracts").iter_rows()}  # fmt: skip
    assert figures["index_other", "put"] == 70_000_070 and figures["debt", "_all"] == 7_000_007
    assert figures["futures", "_all"] == 11_000_011 and figures["_all", "_all"] == 618_000_618
    assert set(file.rows["exchange"]) == {"_all"}


@pytest.mark.parametrize(
    ("place", "figure", "reason"),
    [
        (2, 501, "does_not_add_up"),
        (0, 299, "does_not_add_up"),
        (9, 12, "does_not_add_up"),
        (10, 619, "does_not_add_up"),
    ],
)
def test_a_day_whose_parts_do_not_add_up_is_set_aside_whole(place: int, figure: int, reason: str) -> None:
    wrong = [*FIGURES]
    wrong[place] = figure
    file = read(occ_totals_csv.report, month([MONTH[0], (MONTH[1][0], grouped(wrong))]))
    assert file.rejected["reason"].to_list() == [reason] * 11
    assert set(file.rows["session_date"]) == {DAYS[0]}
    assert "equity.call" in file.rejected["row_part"].to_list()


def test_a_total_may_or_may_not_count_futures() -> None:
    without = [*FIGURES[:-1], 607]
    assert read(occ_totals_csv.report, month([("09/24/2026", grouped(without))])).rejected.is_empty()


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        (("yesterday", grouped(FIGURES)), ["unreadable_date"] * 11),
        (("09/23/2026", ["1,00", *grouped(FIGURES)[1:]]), ["unreadable_number"] * 11),
        (("09/23/2026", grouped(FIGURES)[:-1]), ["wrong_column_count"]),
        (("09/24/2026", grouped([2 * figure for figure in FIGURES])), ["conflicting_duplicate"] * 11),
    ],
)
def test_a_broken_day_is_set_aside_and_the_others_stand(row: tuple[str, list[str]], reasons: list[str]) -> None:
    file = read(occ_totals_csv.report, month([MONTH[0], row]))
    assert file.rejected["reason"].to_list() == reasons
    assert file.rows.height == 11


def test_other_headings_are_refused() -> None:
    for wrong in (("Index/Other", "Index"), (",Calls,Puts", ",Puts,Calls"), ("Futures,OCC Total", "OCC Total,Futures")):
        with pytest.raises(Unreadable, match="headings"):
            read(occ_totals_csv.report, month(MONTH).replace(wrong[0].encode(), wrong[1].encode(), 1))


def midnight(day: date) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("America/Chicago"))
    return round(start.astimezone(UTC).timestamp() * 1000)


def by_day(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"statusType": "OK", "entity": {"optionsOI": rows, "lastBusDateOI": rows[0]}}).encode()


OI_ROWS = [{"activityDate": midnight(day), **dict(zip(NAMES, FIGURES, strict=True))} for day in DAYS]


def test_the_answer_on_open_interest_says_the_same_as_the_file() -> None:
    data = by_day([{name: value * 1_000_001 if name in NAMES else value for name, value in row.items()}
                   for row in OI_ROWS])  # fmt: skip
    assert occ_totals_json.recognise(data)
    answered, filed = read(occ_totals_json.report, data), read(occ_totals_csv.report, month(MONTH))
    assert answered.rows.drop("row_number").equals(filed.rows.drop("row_number"))


def test_a_day_of_the_answer_that_is_incomplete_is_set_aside() -> None:
    for change in ({"equityPuts": None}, {"occTotal": True}, {"activityDate": None}, {"futuresTotal": 1.5}):
        file = read(occ_totals_json.report, by_day([OI_ROWS[0], {**OI_ROWS[1], **change}]))
        assert file.rejected.height == 11 and file.rows.height == 11


def exchanges(**groups: list[dict[str, Any]]) -> bytes:
    return json.dumps({"statusType": "OK", "entity": groups}).encode()


def volume(exchange: str, calls: int, puts: int) -> dict[str, Any]:
    return {"exchange": exchange, "calls": calls, "puts": puts, "ratio": 0.5, "volume": calls + puts, "market_share": 1}


DAY_VOLUME = {
    "total_volume": [volume("AMEX", 10, 20), volume("CBOE", 30, 40), volume("Total", 40, 60)],
    "equity_volume": [volume("AMEX", 10, 20), volume("Total", 10, 20)],
    "futures_volume": [{"exchange": "CFE", "volume": 5}, {"exchange": "Total", "volume": 5}],
}


def test_volume_stands_by_exchange_and_total() -> None:
    data = exchanges(**DAY_VOLUME)
    assert occ_totals_json.recognise(data)
    file = read(occ_totals_json.report, data, DAYS[0])
    assert file.rejected.is_empty() and file.rows_in == 17
    totals = file.rows.filter((pl.col("product_group") == "_all") & (pl.col("exchange") == "_all"))
    assert dict(totals.select("option_type", "contracts").iter_rows()) == {"call": 40, "put": 60, "_all": 100}
    assert set(file.rows["part"]) == {"volume"} and set(file.rows["session_date"]) == {DAYS[0]}


def test_volume_that_does_not_add_up_is_set_aside() -> None:
    rows = [volume("AMEX", 10, 20), {**volume("CBOE", 30, 40), "volume": 71}, volume("Total", 41, 60)]
    file = read(occ_totals_json.report, exchanges(total_volume=rows), DAYS[0])
    assert file.rejected["reason"].to_list() == ["does_not_add_up"] * 6
    assert set(file.rows["exchange"]) == {"AMEX"}


def test_groups_that_nobody_knows_are_not_passed_over_in_silence() -> None:
    file = read(occ_totals_json.report, exchanges(**DAY_VOLUME, flex_volume=[volume("CBOE", 1, 2)]), DAYS[0])
    assert file.rejected["reason"].to_list() == ["unknown_product_group"] * 3


def test_volume_needs_a_day() -> None:
    data = exchanges(**DAY_VOLUME)
    with pytest.raises(Unreadable, match="--session"):
        read(occ_totals_json.report, data)
    for asked in ("2026-09-24", "09/24/2026"):
        pages = [{"url": "u", "body": data.decode()}]
        document = {"dealerflow_bundle": "occ_totals_json", "request": {"report_date": asked}, "pages": pages}
        bundle = json.dumps(document).encode()
        assert occ_totals_json.recognise(bundle)
        assert set(read(occ_totals_json.report, bundle).rows["session_date"]) == {DAYS[0]}
    with pytest.raises(Unreadable, match="2026-09-26 is no session"):
        read(occ_totals_json.report, data, date(2026, 9, 26))


def test_a_day_without_rows_is_refused() -> None:
    with pytest.raises(Unreadable, match="no rows"):
        read(occ_totals_json.report, exchanges(total_volume=[], equity_volume=[]), DAYS[0])


@pytest.mark.parametrize("data", [b'{"entity": null}', b'{"entity": {"optionsOI": []}}', b'{"a":' * 5000, b"[1]", b"{"])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(occ_totals_json.report, data, None)


@given(st.text(max_size=40), st.integers(0, 700))
def test_whatever_is_inserted_every_figure_is_accounted_for_or_the_file_is_refused(text: str, at: int) -> None:
    for parse, whole, session in (
        (occ_totals_csv.report, month(MONTH), None),
        (occ_totals_json.report, by_day(OI_ROWS), None),
        (occ_totals_json.report, exchanges(**DAY_VOLUME), DAYS[0]),
    ):
        with contextlib.suppress(Unreadable):
            read(parse, whole[:at] + text.encode() + whole[at:], session)


def test_nothing_is_declared_of_what_dates_itself() -> None:
    with pytest.raises(Unreadable, match="--session"):
        read(occ_totals_csv.report, month(MONTH), DAYS[0])
    assert occ_totals_csv.report(month(MONTH), NOTHING_DECLARED).rows.height == 22
