"""OptionsDX's US files: what is taken, which series cannot be told apart, what is refused whole."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.markets import _EUROPEAN_INDEX_ROOTS, root_of
from pipelines.sources import recognise, unstated_roots
from pipelines.sources.optionsdx_us_csv import pages as read
from pipelines.sources.page import NOTHING_DECLARED, ChainPage, Declared, Unreadable
from tests.pipelines.accounting import check_accounts, reasons

NAMES = [
    "QUOTE_UNIXTIME", "QUOTE_READTIME", "QUOTE_DATE", "QUOTE_TIME_HOURS", "UNDERLYING_LAST", "EXPIRE_DATE",
    "EXPIRE_UNIX", "DTE", "C_DELTA", "C_GAMMA", "C_VEGA", "C_THETA", "C_RHO", "C_IV", "C_VOLUME", "C_LAST",
    "C_SIZE", "C_BID", "C_ASK", "STRIKE", "P_BID", "P_ASK", "P_SIZE", "P_LAST", "P_DELTA", "P_GAMMA",
    "P_VEGA", "P_THETA", "P_RHO", "P_IV", "P_VOLUME", "STRIKE_DISTANCE", "STRIKE_DISTANCE_PCT",
]  # fmt: skip
HEADER = ", ".join(f"[{name}]" for name in NAMES)
DERIBIT = "[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [INSTRUMENT_NAME], [EXPIRY_DATE], [STRIKE], [MARK_IV]"
SPY, SPX = Declared(underlying="SPY"), Declared(underlying="^SPX")


def line(strike: object = 500, expiry: object = date(2023, 1, 13), **changed: object) -> str:
    cells: dict[str, object] = {
        "QUOTE_UNIXTIME": 1672779600, "QUOTE_READTIME": "2023-01-03 16:00", "QUOTE_DATE": "2023-01-03",
        "QUOTE_TIME_HOURS": "16.000000", "UNDERLYING_LAST": "380.820000", "EXPIRE_DATE": expiry, "EXPIRE_UNIX": 1,
        "DTE": "10.00", "STRIKE": strike, "C_SIZE": "10 x 10", "P_SIZE": "0 x 1", "STRIKE_DISTANCE": 0,
        "STRIKE_DISTANCE_PCT": 0,
        "C_BID": "1.000000", "C_ASK": "1.100000", "C_LAST": "1.050000", "C_VOLUME": "7.000000", "C_IV": "0.210000",
        "C_DELTA": "0.500000", "C_GAMMA": "0.010000", "C_VEGA": "", "C_THETA": "", "C_RHO": "",
        "P_BID": "2.000000", "P_ASK": "2.200000", "P_LAST": "2.100000", "P_VOLUME": "", "P_IV": "",
        "P_DELTA": "", "P_GAMMA": "", "P_VEGA": "", "P_THETA": "", "P_RHO": "",
    }  # fmt: skip
    return ", ".join(str({**cells, **changed}[name]) for name in NAMES)


def file(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def pages(*lines: str, declared: Declared = SPY) -> list[ChainPage]:
    found = read(file(*lines), declared)
    check_accounts(found, 2 * len(lines))
    return found


def test_it_is_recognised_and_not_confused_with_the_layout_for_deribit() -> None:
    assert recognise(file(line())).NAME == "optionsdx_eod"
    assert recognise(file(header=DERIBIT)) is None


def test_a_file_does_not_name_its_underlying() -> None:
    with pytest.raises(Unreadable, match="name it with --underlying SPX"):
        read(file(line()), NOTHING_DECLARED)
    with pytest.raises(Unreadable, match="not the symbol of an underlying"):
        read(file(line()), Declared(underlying="../SPY"[:2]))


def test_each_line_is_a_call_and_a_put_without_open_interest() -> None:
    (page,) = pages(line())
    call, put = page.rows.iter_rows(named=True)
    shared = {
        "row_number": 2, "root": "SPY", "expiry_date": date(2023, 1, 13), "strike": 500.0, "open_interest": None,
        "is_adjusted": False, "multiplier": None,
    }  # fmt: skip
    assert call == shared | {
        "contract_id": "SPY230113C00500000", "option_type": "call", "bid": 1.0, "ask": 1.1, "last": 1.05,
        "volume": 7.0, "vendor_iv_frac": 0.21, "vendor_delta": 0.5, "vendor_gamma": 0.01,
    }  # fmt: skip
    assert put == shared | {
        "contract_id": "SPY230113P00500000", "option_type": "put", "bid": 2.0, "ask": 2.2, "last": 2.1,
        "volume": None, "vendor_iv_frac": None, "vendor_delta": None, "vendor_gamma": None,
    }  # fmt: skip
    assert (page.open_interest_rule, page.underlying_last, page.header_ts) == ("unknown", 380.82, None)


def test_each_instant_is_a_page_of_its_own_on_the_clock_of_new_york() -> None:
    winter, summer = line(), line(QUOTE_READTIME="2023-07-05 10:30", QUOTE_DATE="2023-07-05", expiry="2023-07-21")
    found = pages(winter, summer, line(QUOTE_READTIME="2023-01-03 10:00"))
    assert [page.quote_ts for page in found] == [
        datetime(2023, 1, 3, 15), datetime(2023, 1, 3, 21), datetime(2023, 7, 5, 14, 30)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("underlying", "expiry", "root"),
    [
        ("SPX", date(2023, 1, 13), "SPXW"),
        ("SPX", date(2023, 1, 31), "SPXW"),
        ("SPX", date(2023, 1, 20), None),  # third Friday
        ("SPX", date(2022, 4, 14), None),  # the Thursday before a Good Friday
        ("SPX", date(2022, 4, 15), None),  # as listed years ahead
        ("SPX", date(2012, 3, 17), None),  # the Saturday that old monthly contracts carried
        ("NDX", date(2023, 1, 18), "NDXP"),
        ("RUT", date(2023, 1, 19), "RUTW"),
        ("VIX", date(2023, 1, 18), "VIX"),  # both roots settle in the morning, on different dates
        ("VIX", date(2023, 1, 25), "VIXW"),
        ("XSP", date(2023, 1, 20), "XSP"),
        ("SPY", date(2023, 1, 20), "SPY"),
    ],
)
def test_the_root_is_taken_from_the_date_or_the_row_is_set_aside(underlying: str, expiry: date, root: str) -> None:
    declared = Declared(underlying=underlying)
    other = line(400, expiry=date(2023, 2, 1))
    (page,) = pages(line(expiry=expiry), other, declared=declared)
    found = page.rows.filter(pl.col("strike") == 500)
    assert found["root"].to_list() == ([] if root is None else [root, root])
    assert reasons([page]) == ({"root_not_stated": 2} if root is None else {})
    assert page.underlying == underlying


def test_every_index_with_two_roots_is_known_here() -> None:
    for root, (underlying, _) in _EUROPEAN_INDEX_ROOTS.items():
        listed = {name for name, (owner, _) in _EUROPEAN_INDEX_ROOTS.items() if owner == underlying}
        assert listed == set(unstated_roots._MONTHLY_AND_OTHER.get(underlying, (underlying,))), root
        assert root_of(root).underlying == underlying


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line(C_BID="x", P_BID="x"), {"unreadable_number": 2}),
        (line(C_BID="x"), {"unreadable_number": 1}),
        (line(P_IV="nan"), {"not_finite": 1}),
        (line(STRIKE=""), {"unreadable_number": 2}),
        (line(expiry=""), {"unreadable_symbol": 2}),
        (line(expiry="9999-12-31"), {"unreadable_symbol": 2}),
        (line(QUOTE_READTIME=""), {"unreadable_time": 2}),
        (line(QUOTE_READTIME="2023-01-04 16:00"), {"dates_contradict": 2}),
        (line(QUOTE_READTIME="2023-01-02 16:00", QUOTE_DATE="2023-01-02"), {"not_a_session": 2}),
        ("1, 2", {"wrong_column_count": 2}),
        (line(400, P_BID="1.5"), {"conflicting_duplicate": 1}),
    ],
)
def test_a_broken_line_is_set_aside_with_its_reason_and_the_others_stand(broken: str, reason: dict[str, int]) -> None:
    found = pages(line(400), broken)
    assert reasons(found) == reason
    assert found[0].rows.height == 4 - sum(reason.values()) - found[0].rows_duplicate


def test_columns_that_are_missing_or_there_twice_are_named() -> None:
    for name, told in (("STRIKED", "no column 'STRIKE'"), ("STRIKE],[STRIKE", "two columns are called 'STRIKE'")):
        with pytest.raises(Unreadable, match=told):
            read(file(header=HEADER.replace("[STRIKE]", f"[{name}]", 1)), SPY)


def test_a_file_of_undecidable_series_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"none of 2 rows can be read \(root_not_stated\)"):
        read(file(line(expiry=date(2023, 1, 20))), SPX)


cells = st.sampled_from(["", "1", "-1", "x", "nan", "2023-01-03", "2023-01-20", "2023-01-03 16:00", ","])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(NAMES), cells, st.integers(100, 102)), max_size=8))
def test_no_side_is_lost_whatever_stands_in_the_cells(changes: list[tuple[str, str, int]]) -> None:
    pages(line(), *(line(strike, **{name: cell}) for name, cell, strike in changes), declared=SPX)
