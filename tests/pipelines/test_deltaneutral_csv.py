"""DeltaNeutral's files: what is taken, what is set aside and why, what is refused whole."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import recognise
from pipelines.sources.deltaneutral_csv import pages as read
from pipelines.sources.page import NOTHING_DECLARED, ChainPage, Unreadable
from tests.pipelines.accounting import check_accounts, reasons
from tests.samples import needs_samples, sample

HEADER = (
    "underlying,underlying_last, exchange,optionroot,optionext,type,expiration,quotedate,strike,last,bid,ask,"
    "volume,openinterest,impliedvol,delta,gamma,theta,vega,optionalias"
)


def line(
    strike: object = 100,
    day: object = "2024-06-17",
    underlying: str = "ABC",
    root: str | None = None,
    *,
    side: str = "call",
    expiry: object = date(2024, 7, 19),
    bid: object = 1.0,
    interest: object = 10,
    iv: object = 0.2,
    last: object = 99.5,
) -> str:
    code = f"{underlying}240719{side[0].upper()}{round(float(str(strike)) * 1000):08d}"
    name = root or code
    cells = (
        underlying, last, "*", name, "", side, expiry, day, strike, 1.1, bid, 1.2,
        5, interest, iv, 0.5, 0.01, -1, 2, name,
    )  # fmt: skip
    return ",".join(map(str, cells))


def file(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def pages(*lines: str) -> list[ChainPage]:
    found = read(file(*lines), NOTHING_DECLARED)
    check_accounts(found, len(lines))
    return found


def test_it_is_recognised_with_an_unnamed_first_column_and_with_blanks_before_names() -> None:
    indexed = file("7," + line(), header="," + HEADER.replace(" exchange,", "exchange,") + ",dte").replace(
        b"\n7", b"\n7"
    )
    assert recognise(file(line())).NAME == recognise(indexed).NAME == "deltaneutral_eod"
    assert recognise(file(line(), header=HEADER.replace("optionroot,", ""))) is None
    wide = read(file("7," + line() + ",32", header="," + HEADER + ",dte"), NOTHING_DECLARED)
    assert wide[0].rows.equals(pages(line())[0].rows)


def test_each_underlying_and_quote_date_is_a_page_at_a_quarter_past_four_in_new_york() -> None:
    found = pages(line(), line(day="2024-01-17"), line(underlying="XYZ", last=7), line(101, last=99.5))
    assert [(p.underlying, p.quote_ts, p.underlying_last, p.rows.height) for p in found] == [
        ("ABC", datetime(2024, 1, 17, 21, 15), 99.5, 1),
        ("ABC", datetime(2024, 6, 17, 20, 15), 99.5, 2),
        ("XYZ", datetime(2024, 6, 17, 20, 15), 7.0, 1),
    ]
    assert {(p.header_ts, p.open_interest_rule) for p in found} == {(None, "unknown")}


def test_the_columns_mean_what_the_vendor_says() -> None:
    (row,) = pages(line(102.5, side="put"))[0].rows.iter_rows(named=True)
    assert row == {
        "row_number": 2, "contract_id": "ABC240719P00102500", "root": "ABC", "expiry_date": date(2024, 7, 19),
        "option_type": "put", "strike": 102.5, "bid": 1.0, "ask": 1.2, "last": 1.1, "volume": 5.0,
        "open_interest": 10.0, "vendor_iv_frac": 0.2, "vendor_delta": 0.5, "vendor_gamma": 0.01,
        "is_adjusted": False, "multiplier": None,
    }  # fmt: skip


def test_american_dates_and_bare_roots_give_the_same_contracts() -> None:
    plain = line(root="ABC", expiry="07/19/2024", day="06/17/2024")
    assert pages(plain)[0].rows.equals(pages(line())[0].rows)


def test_blank_greeks_are_missing_values() -> None:
    assert pages(line(iv=""))[0].rows["vendor_iv_frac"].to_list() == [None]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line(root="XYZ240719C00100000"), "symbol_contradicts_underlying"),
        (line(root="ABC240719C00105000"), "symbol_contradicts_columns"),
        (line(root="ABC240719P00100000"), "symbol_contradicts_columns"),
        (line(root="XYZ"), "symbol_contradicts_underlying"),
        (line(underlying="SPX", root="XYZ240719C00100000"), "symbol_contradicts_underlying"),
        (line(root="ABC", underlying="A#C"), "symbol_contradicts_underlying"),
        (line(side="kall"), "unreadable_symbol"),
        (line(expiry="someday"), "unreadable_symbol"),
        (line(expiry="2124-07-19"), "expiry_out_of_range"),
        (line(day="someday"), "unreadable_date"),
        (line(day="2024-06-16"), "not_a_session"),
        (line(day="1912-06-17"), "not_a_session"),
        (line(day="-2024-06-17"), "not_a_session"),
        (line(day="2004-06-17"), "time_out_of_range"),
        (line(bid="x"), "unreadable_number"),
        (line(bid=""), "unreadable_number"),
        (line(iv="x"), "unreadable_number"),
        (line(last="x"), "unreadable_number"),
        (line(bid=-1), "negative_price"),
        (line(interest=1.5), "not_a_quantity"),
        (line(iv="nan"), "not_finite"),
        (line() + ",1", "wrong_column_count"),
        ("ABC", "wrong_column_count"),
    ],
)
def test_a_broken_row_is_set_aside_with_its_reason_and_the_others_stand(broken: str, reason: str) -> None:
    found = pages(line(101), broken, line(102))
    assert reasons(found) == {reason: 1}
    assert found[0].rejected["row_number"].to_list() == [3]
    assert found[0].rows["strike"].to_list() == [101, 102]


def test_adjusted_series_and_index_roots_belong_to_their_underlying() -> None:
    found = pages(line(root="ABC1"), line(underlying="SPX", root="SPXW"), line(underlying="^SPX", root="SPX"))
    assert [(p.underlying, p.rows.height) for p in found] == [("ABC", 1), ("SPX", 2)]


def test_repeats_count_once_within_a_page_only() -> None:
    found = pages(line(), line(), line(interest=99), line(day="2024-06-18"))
    assert [(p.rows.height, p.rows_duplicate) for p in found] == [(1, 1), (1, 0)]
    assert reasons(found) == {"conflicting_duplicate": 1}


def test_the_spot_is_what_most_rows_state() -> None:
    assert pages(line(1, last=5), line(2, last=6), line(3, last=6))[0].underlying_last == 6
    assert pages(line(1, last=0), line(2, last=""))[0].underlying_last is None


def test_the_body_does_not_depend_on_where_rows_stand_in_the_file() -> None:
    alone, behind = pages(line()), pages(line(underlying="AAA"), line())
    assert alone[0].body_sha256 == behind[1].body_sha256
    assert pages(line(interest=11))[0].body_sha256 != alone[0].body_sha256


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (file(), "none of 0 rows"),
        (file(line(bid="x"), line(bid="x")), r"none of 2 rows can be read \(unreadable_number\)"),
        (file(line().replace("*", "\xe9")).decode().encode("latin-1"), "not UTF-8"),
        (file(line(), "ragged \xe9").decode().encode("latin-1"), "not UTF-8"),
        (file(line().replace("*", '"*\n*"')), "several lines"),
        (file(line(), header=HEADER.replace("theta", "vega")), "two columns are called 'vega'"),
        (file(line(), header=HEADER.replace("optionroot", "root")), "no column 'optionroot'"),
        (file(line()) + b"\0", "UTF-16 or binary"),
    ],
)
def test_a_file_that_cannot_be_whole_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        read(data, NOTHING_DECLARED)
    assert "\n" not in str(caught.value)


cells = st.sampled_from(
    ["", "1", "-1", "x", "nan", "2024-06-17", "2024-06-18", "2024-06-16", "ABC", "XYZ", "call", ","]
)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 19), cells, st.integers(100, 103)), max_size=8))
def test_no_row_is_lost_whatever_stands_in_its_cells(changes: list[tuple[int, str, int]]) -> None:
    lines = [line()]
    for place, cell, strike in changes:
        parts = line(strike).split(",")
        parts[place] = cell
        lines.append(",".join(parts))
    pages(*lines)


@needs_samples
@pytest.mark.samples
@pytest.mark.parametrize(("year", "days", "rows"), [(2014, 61, 244), (2017, 96, 392)])
def test_real_files_are_read_whole(year: int, days: int, rows: int) -> None:
    data = sample("livevol_like").joinpath(f"deltaneutral_spx_{year}_lambdaclass.csv").read_bytes()
    assert recognise(data).NAME == "deltaneutral_eod"
    found = read(data, NOTHING_DECLARED)
    check_accounts(found, rows)
    assert (len(found), reasons(found)) == (days, {})
    assert {page.underlying for page in found} == {"SPX"}
