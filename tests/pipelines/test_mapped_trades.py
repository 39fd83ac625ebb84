"""Trades in layouts that owners declare: who took, what counts once, what class, which spans are complete."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.calendar import us_sessions
from pipelines.sources import mapped, recognise
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA, COVERAGE_SCHEMA, FLOW_CLASSES, TRADE_SCHEMA, CoinFile
from pipelines.sources.mapped_trades import coin_file, side_by_quote
from pipelines.sources.mapping import market_of
from pipelines.sources.page import Declared, Unreadable
from tests.pipelines.mapped_documents import example

TOP = 'kind = "trades"\nmarket = "crypto"\niv_unit = "percent"\n'
COLUMNS = 'symbol = "name"\nprice = "p"\nquantity = "q"\nside = "side"\niv = "v"\nindex_price = "i"\ntrade_id = "id"\n'
TIME = '[time]\ncolumn = "t"\nunit = "ms"\n'
SCREEN = 'flow_class = "screen"\n'
MAPPING = f"{TOP}{SCREEN}[columns]\n{COLUMNS}{TIME}"
HEADER = "name,p,q,side,v,i,id,t"
AT = 1767225600000  # 2026-01-01
START = datetime(2026, 1, 1)
ROW = f"BTC-26JUN26-100000-C,0.05,2.5,buy,45,95000,7,{AT}"

US_TOP = 'kind = "trades"\nmarket = "us"\nequal_rows = "trades"\nexpiry_format = "%Y-%m-%d"\n'
US_PARTS = 'underlying = "u"\nexpiry = "e"\nstrike = "k"\ntype = "y"\n'
US_COLUMNS = 'price = "p"\nquantity = "q"\nbid = "b"\nask = "a"\n'
US_TIME = '[time]\ncolumn = "t"\nformat = "%Y-%m-%d %H:%M:%S%.f"\nzone = "America/New_York"\n'
US_MAPPING = f"{US_TOP}{SCREEN}[columns]\n{US_PARTS}{US_COLUMNS}{US_TIME}"
US_HEADER = "u,e,k,y,p,q,b,a,t"
US_ROW = "ABC,2024-07-19,100,C,1.2,10,1.0,1.2,2024-06-17 09:30:01.250"


def file(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def read(data: bytes, mapping: str = MAPPING, underlying: str | None = None) -> CoinFile:
    found = coin_file(data, Declared(mapping=mapping, underlying=underlying))
    counted = found.trades.height + found.rejected.height + found.rows_duplicate + found.rows_passed
    assert found.rows_in == counted
    schemas = (found.trades.schema, found.rejected.schema, found.coverage.schema)
    assert tuple(map(dict, schemas)) == (TRADE_SCHEMA, COIN_REJECTED_SCHEMA, COVERAGE_SCHEMA)
    assert set(found.trades["flow_class"]) <= set(FLOW_CLASSES)
    assert set(found.trades["taker_side"]) <= {"buy", "sell", "unknown"}
    assert found.trades["trade_ts"].is_sorted() or found.trades["underlying"].n_unique() > 1
    assert found.trades.select((pl.col("known_at") >= pl.col("trade_ts")).all()).item()
    return found


def us(*rows: str, mapping: str = US_MAPPING, header: str = US_HEADER, underlying: str | None = None) -> CoinFile:
    return read(file(*rows, header=header), mapping, underlying)


def reasons(found: CoinFile) -> Counter[str]:
    return Counter(found.rejected["reason"])


def refusal(data: bytes, mapping: str = MAPPING) -> str:
    with pytest.raises(Unreadable) as caught:
        read(data, mapping)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def later(row: str, milliseconds: int) -> str:
    return row.replace(str(AT), str(AT + milliseconds))


def number(row: str, trade_id: object) -> str:
    return row.replace(",7,", f",{trade_id},")


def test_a_mapping_of_trades_chooses_this_reader_and_says_its_market() -> None:
    assert mapped(MAPPING).NAME == "mapped_trades"
    assert (market_of(MAPPING), market_of(US_MAPPING)) == ("crypto", "us")
    assert recognise(file(ROW)) is None


def test_a_row_becomes_a_trade_of_the_option_that_its_name_says() -> None:
    (row,) = read(file(ROW)).trades.iter_rows(named=True)
    assert row == {
        "row_number": 2, "trade_ts": START, "known_at": START, "contract_id": "BTC-26JUN26-100000-C",
        "underlying": "BTC", "root": "BTC", "expiry_date": date(2026, 6, 26), "expiry_ts": datetime(2026, 6, 26, 8),
        "strike": 100000.0, "option_type": "call", "is_inverse": True, "trade_id": "7", "trade_seq": None,
        "taker_side": "buy", "price": 0.05, "quantity": 2.5, "index_price": 95000.0, "vendor_iv_frac": 0.45,
        "flow_class": "screen", "liquidated_side": None, "block_id": None, "combo_id": None,
    }  # fmt: skip


def test_a_us_row_becomes_a_trade_of_an_osi_contract_that_expires_by_the_calendar() -> None:
    (row,) = us(US_ROW).trades.iter_rows(named=True)
    assert row["contract_id"] == "ABC240719C00100000"
    assert (row["underlying"], row["root"], row["is_inverse"]) == ("ABC", "ABC", None)
    assert (row["trade_ts"], row["expiry_ts"]) == (datetime(2024, 6, 17, 13, 30, 1, 250000), datetime(2024, 7, 19, 20))
    assert (row["taker_side"], row["quantity"], row["price"]) == ("buy", 10, 1.2)


def test_a_us_symbol_tells_morning_from_afternoon_settlement() -> None:
    mapping = US_MAPPING.replace(US_PARTS, 'symbol = "u"\n')
    rows = [US_ROW.replace("ABC,2024-07-19,100,C", name) for name in ("SPX   240719C05500000", "SPXW240719C05500000")]
    found = us(*rows, mapping=mapping, header=US_HEADER.replace("u,e,k,y", "u"))
    assert found.trades.select("underlying", "expiry_ts").rows() == [
        ("SPX", datetime(2024, 7, 19, 13, 30)), ("SPX", datetime(2024, 7, 19, 20))
    ]  # fmt: skip


def test_the_us_underlying_is_a_column_or_a_constant_or_named_at_loading() -> None:
    bare = US_MAPPING.replace('underlying = "u"\n', "")
    assert us(US_ROW, mapping='underlying = "XYZ"\n' + bare).trades["root"].to_list() == ["XYZ"]
    assert us(US_ROW, mapping='root = "XYZ"\n' + bare).trades["underlying"].to_list() == ["XYZ"]
    assert us(US_ROW, mapping=bare, underlying="xyz").trades["root"].to_list() == ["XYZ"]
    assert "--underlying" in refusal(file(US_ROW, header=US_HEADER), bare)
    assert reasons(us(US_ROW, US_ROW.replace("ABC,2024-07-19", "SPX,2024-07-19"))) == {"root_not_stated": 1}
    stated = US_MAPPING.replace('underlying = "u"', 'root = "u"')
    assert reasons(us(US_ROW, US_ROW.replace("2024-07", "1999-07"), mapping=stated)) == {"expiry_out_of_range": 1}


# Who took


@pytest.mark.parametrize(
    ("price", "bid", "ask", "side"),
    [
        (1.2, 1.0, 1.2, "buy"), (1.3, 1.0, 1.2, "buy"), (1.0, 1.0, 1.2, "sell"), (0.9, 1.0, 1.2, "sell"),
        (1.15, 1.0, 1.2, "buy"), (1.05, 1.0, 1.2, "sell"), (1.1, 1.0, 1.2, "unknown"), (0.15, 0.1, 0.2, "unknown"),
        (0.05, 0.0, 0.05, "buy"), (0.01, 0.0, 0.05, "sell"), (1.1, 1.2, 1.0, "unknown"), (1.0, 0.0, 0.0, "unknown"),
        (1.1, None, 1.2, "unknown"), (1.1, 1.0, None, "unknown"), (1.1, -1.0, 1.2, "unknown"),
        (1.1, 1.1, 1.1, "unknown"), (1.2, 1.1, 1.1, "buy"), (1.0, 1.1, 1.1, "sell"),
        (1.1, 1.0, float("inf"), "unknown"),
    ],
)  # fmt: skip
def test_the_quote_tells_the_side(price: float, bid: float | None, ask: float | None, side: str) -> None:
    quote = pl.DataFrame(
        {"price": [price], "bid": [bid], "ask": [ask]}, schema=dict.fromkeys(("price", "bid", "ask"), pl.Float64)
    )
    assert quote.select(side_by_quote()).item() == side


ticks = st.integers(0, 400).map(lambda cents: cents / 100)


@given(ticks, ticks, ticks)
def test_the_side_turns_with_the_price_and_mirrors_with_the_quote(price: float, bid: float, ask: float) -> None:
    frame = pl.DataFrame({"price": [price, bid + ask - price], "bid": [bid] * 2, "ask": [ask] * 2})
    side, mirrored = frame.select(side=side_by_quote())["side"]
    assert {side, mirrored} in ({"buy", "sell"}, {"unknown"})
    if bid <= ask and ask > 0 and side != "unknown":
        assert (side == "buy") == (price > (bid + ask) / 2)
        assert price < ask or side == "buy"
        assert price > bid or side == "sell"


def test_a_stated_side_is_a_word_or_a_number_and_may_be_empty() -> None:
    mapping = MAPPING + '[words]\nbuy = ["1"]\nsell = ["-1"]\n'
    rows = [number(ROW.replace("buy", side), place) for place, side in enumerate(("1", "-1", "", "UNKNOWN", "buy"))]
    found = read(file(*rows), mapping)
    assert found.trades["taker_side"].to_list() == ["buy", "sell", "unknown", "unknown"]
    assert reasons(found) == {"unreadable_side": 1}


# What counts once


def test_a_trade_counts_once_by_its_id_and_was_known_when_first_seen() -> None:
    mapping = MAPPING + '[known]\ncolumn = "k"\nunit = "ms"\n'
    rows = [f"{ROW},{AT + 9000}", f"{ROW},{AT + 1000}", f"{ROW},{AT + 5000}", f"{number(ROW, 8)},{AT - 1}"]
    rows.append(f"{ROW.replace(',2.5,', ',3,')},{AT + 2000}")
    found = read(file(*rows, header=HEADER + ",k"), mapping)
    assert found.trades.select("trade_id", "known_at").rows() == [("7", START + timedelta(seconds=1)), ("8", START)]
    assert found.rows_duplicate == 2
    assert reasons(found) == {"conflicting_duplicate": 1}


def test_a_number_within_the_contract_tells_trades_apart_as_well() -> None:
    mapping = MAPPING.replace("trade_id", "trade_seq")
    found = read(file(ROW, ROW, ROW.replace("-C,", "-P,"), number(ROW, 8)), mapping)
    assert (found.trades["trade_seq"].to_list(), found.rows_duplicate) == ([7, 8, 7], 1)
    both = MAPPING.replace('trade_id = "id"\n', 'trade_id = "id"\ntrade_seq = "n"\n')
    rows = [
        number(ROW, "") + ",1",
        number(ROW, "") + ",2",
        number(ROW, "") + ",2",
        number(ROW, "") + ",",
        number(ROW, 1) + ",1.5",
    ]
    found = read(file(*rows, header=HEADER + ",n"), both)
    assert (found.trades["trade_seq"].to_list(), found.rows_duplicate) == ([1, 2], 1)
    assert reasons(found) == {"no_trade_id": 1, "not_a_trade_seq": 1}


def test_without_numbers_the_owner_says_what_equal_rows_are() -> None:
    assert us(US_ROW, US_ROW).trades.height == 2
    found = us(US_ROW, US_ROW, mapping=US_MAPPING.replace('"trades"\nexpiry', '"repeats"\nexpiry'))
    assert (found.trades.height, found.rows_duplicate) == (1, 1)


# Classes


def test_the_first_flag_there_is_decides_the_class() -> None:
    flags = 'liquidation = "l"\nrfq_id = "r"\nblock_id = "b"\ncombo_id = "c"\n'
    mapping = MAPPING.replace(SCREEN, "").replace(COLUMNS, COLUMNS + flags)
    marks = ["M,1,B,C", "T,,,", "MT,,B,", ",1,B,C", ",,B,C", ",,,C", ",,,", "maybe,,,"]
    rows = [number(ROW, place) + "," + mark for place, mark in enumerate(marks)]
    found = read(file(*rows, header=HEADER + ",l,r,b,c"), mapping)
    assert found.trades.select("flow_class", "liquidated_side", "block_id", "combo_id").rows() == [
        ("liquidation", "M", "B", "C"), ("liquidation", "T", None, None), ("liquidation", "MT", "B", None),
        ("block_rfq", None, "B", "C"), ("block", None, "B", "C"), ("combo", None, None, "C"),
        ("screen", None, None, None),
    ]  # fmt: skip
    assert reasons(found) == {"unreadable_flow_class": 1}


def test_a_class_may_be_a_column_of_words() -> None:
    mapping = (
        MAPPING.replace(SCREEN, "").replace(COLUMNS, COLUMNS + 'flow_class = "c"\n') + '[words]\ncombo = ["MLET"]\n'
    )
    rows = [number(ROW, place) + "," + word for place, word in enumerate(("mlet", "BLOCK", "", "combo"))]
    found = read(file(*rows, header=HEADER + ",c"), mapping)
    assert found.trades["flow_class"].to_list() == ["combo", "block", "screen"]
    assert reasons(found) == {"unreadable_flow_class": 1}


# What is set aside


def test_a_trade_is_kept_though_its_volatility_is_odd() -> None:
    rows = [number(ROW.replace(",45,", f",{iv},"), place) for place, iv in enumerate((0, 500, "", 45))]
    assert read(file(*rows)).trades["vendor_iv_frac"].to_list() == [None, None, None, 0.45]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.replace(",0.05,", ",,"), "unreadable_number"),
        (ROW.replace(",0.05,", ",-1,"), "negative_price"),
        (ROW.replace(",2.5,", ",0,"), "quantity_not_positive"),
        (ROW.replace(",2.5,", ",-1,"), "negative_quantity"),
        (ROW.replace(",2.5,", ",inf,"), "not_finite"),
        (ROW.replace(",95000,", ",x,"), "unreadable_number"),
        (ROW.replace("BTC-26", "BTC-99"), "unreadable_symbol"),
        (ROW.replace(str(AT), ""), "unreadable_time"),
        (ROW + ",", "wrong_column_count"),
    ],
)
def test_a_broken_row_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    found = read(file(number(ROW, 8), row, ROW.replace("BTC-26JUN26-100000-C", "BTC-PERPETUAL")))
    assert found.rejected.select("row_number", "reason", "kind").rows() == [(3, reason, "trade")]
    assert found.rows_passed == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (US_ROW.replace(",10,", ",1.5,"), "not_a_quantity"),
        (US_ROW.replace(",100,", ",0,"), "strike_not_positive"),
        (US_ROW.replace(",100,", ",100.0005,"), "strike_not_in_thousandths"),
        (US_ROW.replace("ABC", "AB1"), "unreadable_underlying"),
        (US_ROW.replace("ABC", ""), "unreadable_symbol"),
        (US_ROW.replace(",1.0,", ",x,"), "unreadable_number"),
    ],
)
def test_a_broken_us_row_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    assert reasons(us(US_ROW, row)) == {reason: 1}


# Which spans are complete

DAYS = '[coverage]\ncomplete = "days"\n'
WHOLE = '[coverage]\ncomplete = "file"\n'
DAY = 86_400_000


def spans(found: CoinFile) -> list[tuple[object, ...]]:
    return list(found.coverage.iter_rows())


def test_nothing_is_complete_unless_the_owner_says_so() -> None:
    assert read(file(ROW)).coverage.is_empty()


def test_a_file_is_complete_from_its_first_to_its_last_trade_day_by_day() -> None:
    rows = [later(ROW, 5000), number(later(ROW, DAY * 2 + 7000), 8), number(later(ROW, 6000), 9).replace("BTC", "ETH")]
    second, third = START + timedelta(days=1), START + timedelta(days=2)
    last = third + timedelta(seconds=7, microseconds=1)
    days = [(START + timedelta(seconds=5), second, second), (second, third, third), (third, last, last)]
    assert spans(read(file(*rows), MAPPING + WHOLE)) == [(name, *day) for name in ("BTC", "ETH") for day in days]


def test_days_are_complete_where_the_file_has_a_trade_and_known_when_they_end() -> None:
    rows = [later(ROW, 5000), number(later(ROW, DAY * 2), 8)]
    second, third, fourth = (START + timedelta(days=days) for days in (1, 2, 3))
    assert spans(read(file(*rows), MAPPING + DAYS)) == [("BTC", START, second, second), ("BTC", third, fourth, fourth)]


def test_a_session_is_complete_until_the_next_begins() -> None:
    rows = [US_ROW, US_ROW.replace("2024-06-17", "2024-06-18"), US_ROW.replace("2024-06-17", "2024-06-21")]
    found = us(*rows, mapping=US_MAPPING + DAYS)
    midnights = {day: datetime(2024, 6, day, 4) for day in (17, 18, 19, 20, 21, 22, 24)}
    assert spans(found) == [  # the 19th is a holiday, the 22nd a Saturday
        ("ABC", midnights[17], midnights[18], midnights[18]),
        ("ABC", midnights[18], midnights[20], midnights[19]),
        ("ABC", midnights[21], midnights[24], midnights[22]),
    ]


def test_a_row_that_is_set_aside_takes_the_word_for_its_day_back() -> None:
    rows = [
        ROW,
        number(later(ROW, DAY), 8),
        number(ROW, 9).replace("BTC", "ETH"),
        number(later(ROW, DAY), 10).replace("BTC", "ETH"),
    ]
    bad = number(later(ROW, DAY), 11).replace(",2.5,", ",0,")
    covered = read(file(*rows, bad), MAPPING + DAYS).coverage
    assert covered.select("underlying", "from_ts").rows() == [
        ("BTC", START), ("ETH", START), ("ETH", START + timedelta(days=1))
    ]  # fmt: skip
    assert read(file(*rows, bad.replace(str(AT + DAY), "")), MAPPING + DAYS).coverage["underlying"].to_list() == [
        "ETH",
        "ETH",
    ]
    assert read(file(*rows, "damaged"), MAPPING + DAYS).coverage.is_empty()
    conflicting = ROW.replace(",2.5,", ",3,")
    assert read(file(*rows, conflicting), MAPPING + DAYS).coverage.height == 4


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=12), st.sampled_from([WHOLE, DAYS]))
def test_spans_neither_overlap_nor_leave_a_trade_out(hours: list[int], claim: str) -> None:
    rows = [US_ROW.replace("2024-06-17 09:30:01.250", f"{datetime(2024, 6, 17) + timedelta(hours=h)}.0") for h in hours]
    found = us(*rows, mapping=US_MAPPING + claim)
    ends = found.coverage.select("from_ts", "until_ts").rows()
    assert all(start < until for start, until in ends)
    if claim == WHOLE:
        assert all(before[1] == after[0] for before, after in pairwise(ends))
    sessions = us_sessions()
    of_sessions = [
        ts for ts in found.trades["trade_ts"] if claim == WHOLE or sessions.is_session((ts - timedelta(hours=4)).date())
    ]
    assert all(any(start <= ts < until for start, until in ends) for ts in of_sessions)
    known = found.coverage.select(
        (pl.col("known_at") <= pl.col("until_ts")).all() & (pl.col("known_at") > pl.col("from_ts")).all()
    )
    assert known.item()


cells = st.sampled_from(
    ["", "1", "-1", "0", "x", "inf", "sell", "BTC-PERPETUAL", "ETH-5JAN26-1d5-P", str(AT), "9" * 30, ","]
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 7), cells), max_size=8))
def test_no_row_is_lost_whatever_stands_in_its_cells(changes: list[tuple[int, str]]) -> None:
    rows = [ROW]
    for place, cell in changes:
        parts = ROW.split(",")
        parts[place] = cell
        rows.append(",".join(parts))
    assert read(file(*rows), MAPPING + DAYS).rows_in == len(rows)


def test_a_file_without_trades_is_refused() -> None:
    assert "none of 0 rows" in refusal(file())
    assert "none of 1 rows can be read (quantity_not_positive)" in refusal(file(ROW.replace(",2.5,", ",0,")))


# As printed


def test_the_documents_tape_reads_as_printed() -> None:
    text, mapping = example("tape")
    found = read(text.encode(), mapping)
    assert found.trades.select("trade_id", "taker_side", "flow_class", "liquidated_side").rows() == [
        ("901", "buy", "screen", None), ("902", "buy", "liquidation", "T"), ("903", "sell", "block", None)
    ]  # fmt: skip
    assert (found.rows_duplicate, spans(found)) == (1, [("BTC", START, *[START + timedelta(days=1)] * 2)])


def test_the_documents_prints_read_as_printed() -> None:
    text, mapping = example("prints")
    found = read(text.encode(), mapping)
    assert found.trades["taker_side"].to_list() == ["buy", "sell", "unknown"]
    assert found.trades["contract_id"].to_list()[2] == "XMPL240719P00095000"
