"""End-of-day summaries: two clocks on every line, many underlyings and days in a file."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import cboe_datashop_csv, recognise
from pipelines.sources.page import NOTHING_DECLARED, ChainPage, Unreadable

DAY, NEXT_DAY = "2021-04-09", "2021-04-12"
CLOSE, EARLY = datetime(2021, 4, 9, 20), datetime(2021, 4, 9, 19, 45)
NEXT_CLOSE, NEXT_EARLY = datetime(2021, 4, 12, 20), datetime(2021, 4, 12, 19, 45)
GREEKS = {
    "implied_underlying_price_1545": 131.55, "active_underlying_price_1545": 131.505,
    "implied_volatility_1545": 0.25, "delta_1545": 0.6, "gamma_1545": 0.0016, "theta_1545": -0.5, "vega_1545": 0.02,
    "rho_1545": 1.09,
}  # fmt: skip
CALCS = {
    "underlying_symbol": "A", "quote_date": DAY, "root": "A", "expiration": "2021-04-16", "strike": "65.000",
    "option_type": "C", "open": "0.0000", "high": "0.0000", "low": "0.0000", "close": 66.5, "trade_volume": 12,
    "bid_size_1545": 77, "bid_1545": 66.0, "ask_size_1545": 77, "ask_1545": 67.0, "underlying_bid_1545": 131.49,
    "underlying_ask_1545": 131.52, **GREEKS, "bid_size_eod": 299, "bid_eod": 64.9, "ask_size_eod": 282,
    "ask_eod": 67.6, "underlying_bid_eod": 131.0, "underlying_ask_eod": 132.0, "vwap": "0.0000", "open_interest": 40,
    "delivery_code": "",
}  # fmt: skip
QUOTES = {name: value for name, value in CALCS.items() if name not in GREEKS}
NUMBERS_AT_CLOSE = ["bid", "ask", "last", "volume", "open_interest", "vendor_iv_frac", "vendor_delta", "vendor_gamma"]
CELLS = st.sampled_from(
    ["", "0.0000", "-0.0000", "-1", "nan", "inf", "x", "1e300", "2021-04-09", "A", "^SPX", "P", "é"]
)


def line(strike: float = 65, letter: str = "C", layout: dict[str, Any] = CALCS, /, **changed: Any) -> str:
    row = layout | {"strike": f"{strike:.3f}", "option_type": letter} | changed
    return ",".join(str(value) for value in row.values())


def chain(symbol: str = "A", day: str = DAY, layout: dict[str, Any] = CALCS, **changed: Any) -> list[str]:
    stated = {"root": symbol.strip("^"), **changed}
    return [
        line(strike, letter, layout, underlying_symbol=symbol, quote_date=day, **stated)
        for strike in (60, 65, 70)
        for letter in "CP"
    ]


def file(*lines: str, layout: dict[str, Any] = CALCS) -> bytes:
    return "\n".join([",".join(layout), *lines, ""]).encode()


def read(data: bytes) -> list[ChainPage]:
    return cboe_datashop_csv.pages(data, NOTHING_DECLARED)


def reasons(page: ChainPage) -> Counter[str]:
    return Counter(page.rejected["reason"])


@pytest.mark.parametrize(("layout", "columns"), [(CALCS, 34), (QUOTES, 26)])
def test_both_widths_are_recognised_by_their_columns(layout: dict[str, Any], columns: int) -> None:
    assert len(layout) == columns
    assert cboe_datashop_csv.recognise(file(layout=layout))
    assert not cboe_datashop_csv.recognise(b"underlying_symbol,quote_datetime,root,expiration,strike,bid,ask\n")


def test_a_line_is_a_row_at_the_close_and_one_a_quarter_of_an_hour_before() -> None:
    close, early = read(file(line(65, "P", delivery_code="")))
    assert (close.quote_ts, early.quote_ts) == (CLOSE, EARLY)
    assert close.rows.select(NUMBERS_AT_CLOSE).row(0) == (64.9, 67.6, 66.5, 12.0, 40.0, None, None, None)
    assert early.rows.select(NUMBERS_AT_CLOSE).row(0) == (66.0, 67.0, None, None, 40.0, 0.25, 0.6, 0.0016)
    contract = ("A210416P00065000", "A", date(2021, 4, 16), "put", 65.0, False, None, 2)
    for page in (close, early):
        names = [
            "contract_id",
            "root",
            "expiry_date",
            "option_type",
            "strike",
            "is_adjusted",
            "multiplier",
            "row_number",
        ]
        assert page.rows.select(names).row(0) == contract
        assert (page.header_ts, page.open_interest_rule, page.first_expiry) == (None, "session_start", contract[2])


def test_the_narrow_layout_lacks_the_vendors_greeks_only() -> None:
    for wide, narrow in zip(read(file(*chain())), read(file(*chain(layout=QUOTES), layout=QUOTES)), strict=True):
        greeks = ["vendor_iv_frac", "vendor_delta", "vendor_gamma"]
        assert narrow.rows.drop(greeks).equals(wide.rows.drop(greeks))
        assert narrow.rows.select(pl.col(greeks).is_null().all()).row(0) == (True, True, True)


@pytest.mark.parametrize(
    ("day", "clocks"),
    [
        ("2021-04-09", [CLOSE, EARLY]),
        ("2021-11-26", [datetime(2021, 11, 26, 18), datetime(2021, 11, 26, 17, 45)]),  # closes at 13:00
        ("2019-11-29", [datetime(2019, 11, 29, 18)]),  # an early close before the vendor said when it looks
        ("2021-11-24", [datetime(2021, 11, 24, 21), datetime(2021, 11, 24, 20, 45)]),  # winter
    ],
)
def test_the_clocks_are_those_of_the_session(day: str, clocks: list[datetime]) -> None:
    pages = read(file(*chain(day=day, expiration="2022-01-21")))
    assert [page.quote_ts for page in pages] == clocks
    assert [page.rows_in for page in pages] == [6] * len(clocks)


@pytest.mark.parametrize(
    ("stated", "at_close", "early"),
    [
        ({}, 131.5, 131.505),
        ({"active_underlying_price_1545": 0}, 131.5, 131.505),  # of 131.49 and 131.52
        ({"active_underlying_price_1545": 0, "underlying_bid_1545": 0, "underlying_bid_eod": 0}, None, 131.55),
        (dict.fromkeys([*GREEKS, "underlying_ask_1545", "underlying_ask_eod"], "-0.0000"), None, None),
        (dict.fromkeys(["active_underlying_price_1545", "underlying_bid_eod"], "nan"), None, 131.505),
        ({"active_underlying_price_1545": "x"}, 131.5, 131.505),
        ({"active_underlying_price_1545": "1e300"}, 131.5, 131.505),
    ],
)
def test_the_underlyings_price_is_the_best_that_the_lines_state_for_each_clock(
    stated: dict[str, Any], at_close: float | None, early: float | None
) -> None:
    pages = read(file(*chain(**stated)))
    assert [page.underlying_last for page in pages] == pytest.approx([at_close, early])


def test_of_implied_prices_the_nearest_expirys_counts() -> None:
    none = {"active_underlying_price_1545": 0, "underlying_bid_1545": 0}
    far = line(**none, expiration="2021-12-17", implied_underlying_price_1545=129.0)
    near = line(**none, expiration="2021-04-16", implied_underlying_price_1545=131.4)
    assert read(file(far, near))[1].underlying_last == 131.4


def test_every_underlying_and_day_has_its_own_pages() -> None:
    file_of_all = [*chain("A"), *chain("^SPX"), *chain("A", NEXT_DAY), *chain("BRK.B", root="BRKB"), *chain("A")[:1]]
    pages = read(file(*file_of_all))
    days = [("A", CLOSE, EARLY), ("SPX", CLOSE, EARLY), ("A", NEXT_CLOSE, NEXT_EARLY), ("BRKB", CLOSE, EARLY)]
    expected = [(name, clock) for name, *clocks in days for clock in clocks]
    assert [(page.underlying, page.quote_ts) for page in pages] == expected
    assert {page.rows.height for page in pages} == {6}
    assert [page.rows_duplicate for page in pages] == [1, 1, 0, 0, 0, 0, 0, 0]
    assert len({page.body_sha256 for page in pages}) == 8


def test_a_page_is_the_same_whatever_else_stands_in_its_file() -> None:
    alone, among = read(file(*chain("B"))), read(file(*chain("A"), *chain("B"), *chain("C")))[2:4]
    assert [page.body_sha256 for page in alone] == [page.body_sha256 for page in among]
    assert [
        page.rows.drop("row_number").equals(other.rows.drop("row_number"))
        for page, other in zip(alone, among, strict=True)
    ]
    changed = read(file(*chain("B", bid_eod=64.8)))
    assert changed[0].body_sha256 != alone[0].body_sha256


def test_old_files_write_their_option_types_small() -> None:
    old, new = (line(65, letter) + "\n" + line(70, put) for letter, put in ("cp", "CP"))
    assert read(file(old))[0].rows.equals(read(file(new))[0].rows)


def test_a_contract_with_another_deliverable_says_so() -> None:
    close, _ = read(file(line(60), line(65, delivery_code="A1")))
    assert close.rows["is_adjusted"].to_list() == [False, True]


def test_no_trade_of_the_day_is_no_last_price() -> None:
    assert read(file(line(close="0.0000"), line(70, close="-0.0000")))[0].rows["last"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("broken", "reason", "clocks"),
    [
        ({"bid_eod": "x"}, "unreadable_number", 1),
        ({"trade_volume": ""}, "unreadable_number", 1),
        ({"close": "x"}, "unreadable_number", 1),
        ({"delta_1545": ""}, "unreadable_number", 1),
        ({"open_interest": ""}, "unreadable_number", 2),
        ({"strike": "x"}, "unreadable_number", 2),
        ({"strike": "0.000"}, "strike_not_positive", 2),
        ({"strike": "100000.000"}, "unreadable_symbol", 2),
        ({"ask_1545": "nan"}, "not_finite", 1),
        ({"ask_1545": "-1"}, "negative_price", 1),
        ({"close": "-1"}, "negative_price", 1),
        ({"open_interest": "-3"}, "negative_quantity", 2),
        ({"open_interest": "1.5"}, "not_a_quantity", 2),
        ({"implied_volatility_1545": "-0.1"}, "negative_volatility", 1),
        ({"option_type": "X"}, "unreadable_symbol", 2),
        ({"expiration": "16.04.2021"}, "unreadable_symbol", 2),
        ({"root": ""}, "unreadable_symbol", 2),
        ({"root": "SPXW"}, "root_of_another_underlying", 2),
        ({"expiration": "2021-04-08"}, "expiry_before_session", 2),
    ],
)
def test_a_broken_line_is_set_aside_at_the_clocks_it_breaks(broken: dict[str, str], reason: str, clocks: int) -> None:
    pages = read(file(*chain(), line(**broken), *chain("B")))
    found = [row for page in pages for row in page.rejected.select("row_number", "reason").iter_rows()]
    assert found == [(8, reason)] * clocks
    assert [page.rows.height for page in pages] == [6] * 4
    parts = [part for page in pages for part in page.rejected["row_part"]]
    assert len(set(parts)) == clocks


def test_an_index_option_needs_a_declared_root_and_a_share_does_not() -> None:
    index = read(file(*chain("^SPX", root="SPXW"), line(underlying_symbol="^SPX", root="JGA")))
    assert reasons(index[0]) == {"root_of_another_underlying": 1}
    assert read(file(*chain("WMT", root="ZWT")))[0].rows["root"].unique().to_list() == ["ZWT"]


@pytest.mark.parametrize(
    ("stray", "reason"),
    [
        (line(quote_date="tomorrow"), "unreadable_date"),
        (line(quote_date=""), "unreadable_date"),
        (line(quote_date="2021-04-10"), "not_a_session"),
        (line(quote_date="1021-04-09"), "not_a_session"),
        (line(underlying_symbol=""), "unreadable_underlying"),
        (line(underlying_symbol="<b>"), "unreadable_underlying"),
        (line() + ",7", "wrong_column_count"),
        ("Total", "wrong_column_count"),
        ("\0" + line() + ",", "wrong_column_count"),
    ],
)
def test_a_line_that_belongs_to_no_day_stands_on_the_first_page(stray: str, reason: str) -> None:
    pages = read(file(*chain("A") * 400, *chain("B"), stray))
    assert [reasons(page) for page in pages] == [{reason: 1}, {}, {}, {}]
    assert pages[0].rejected.row(0) == (2408, "row", reason, stray[:400])
    assert pages[0].rows_in == 2401


def test_a_day_of_which_nothing_can_be_read_stands_on_the_first_page() -> None:
    pages = read(file(*chain("A"), *chain("B", open_interest="x"), *chain("C", ask_eod="x")))
    assert [page.underlying for page in pages] == ["A", "A", "C"]
    assert pages[0].rejected.height == 18
    assert pages[0].rejected.select("row_number", "row_part").is_duplicated().any() is False


def test_an_exact_repeat_is_a_duplicate_and_a_differing_one_is_set_aside() -> None:
    close, early = read(file(line(60), line(65), line(60), line(65, bid_eod=1.0)))
    assert (close.rows.height, close.rows_duplicate, reasons(close)) == (2, 1, {"conflicting_duplicate": 1})
    assert (early.rows.height, early.rows_duplicate, reasons(early)) == (2, 2, {})


def test_columns_are_found_by_name_and_others_are_ignored() -> None:
    turned = dict(reversed((CALCS | {"bid": "x", "unused 3": "y"}).items()))
    data = file(*chain(layout=turned), layout=turned).replace(b"vwap", b"bid", 1)
    for page, expected in zip(read(data), read(file(*chain())), strict=True):
        assert page.rows.equals(expected.rows)


def test_line_ends_blank_lines_and_a_byte_order_mark_mean_nothing() -> None:
    windows = b"\xef\xbb\xbf" + file(*chain(), "", " ").replace(b"\n", b"\r\n")
    for page, expected in zip(read(windows), read(file(*chain())), strict=True):
        assert page.rows.equals(expected.rows)
        assert page.body_sha256 == expected.body_sha256


@pytest.mark.parametrize("name", [name for name in CALCS if name in cboe_datashop_csv._TYPES])
def test_a_file_without_a_needed_column_is_refused_by_its_name(name: str) -> None:
    layout = {column: value for column, value in CALCS.items() if column != name}
    with pytest.raises(Unreadable, match=f"^no column {name}$"):
        read(file(*chain(layout=layout), layout=layout))
    with pytest.raises(Unreadable, match=f"^two columns {name}$"):
        read(file(*chain()).replace(b"vwap", name.encode(), 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (file(), "lists no contracts"),
        (file("", " "), "lists no contracts"),
        (file("Total"), r"none of 1 rows can be read \(wrong_column_count\)"),
        (file(*chain(day="2021-04-10")), r"none of 6 rows can be read \(not_a_session\)"),
        (file(*chain(open_interest="x")), r"none of 6 rows can be read \(unreadable_number\)"),
        (file(*chain()).decode().encode("utf-16"), "UTF-16"),
        (file(*chain()) + b"\xe9", "not UTF-8"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        read(data)
    assert "\n" not in str(caught.value)


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(list(CALCS)), CELLS, max_size=3) | st.text(max_size=30), max_size=5))
def test_every_line_is_accounted_for_at_each_clock(broken: list[Any]) -> None:
    lines = [text.replace("\n", " ") if isinstance(text, str) else line(**text) for text in broken]
    pages = read(file(*chain(), *lines))
    for page in pages:
        assert page.rows_in == page.rows.height + page.rejected.height + page.rows_duplicate
        assert page.rows["contract_id"].is_unique().all()
    at_close = [page for page in pages if page.quote_ts in (CLOSE, None)]
    assert at_close[0].underlying == "A"
    listed = sum(1 for text in lines if text.strip())
    records = pl.concat(page.rejected for page in pages).select("row_number", "row_part")
    assert not records.is_duplicated().any()
    assert sum(page.rows_in for page in pages) <= 2 * (6 + listed)
    assert sum(page.rows_in for page in pages) >= 12 + listed


def test_registered_sources_tell_the_layouts_apart() -> None:
    assert recognise(file(*chain())) is cboe_datashop_csv
