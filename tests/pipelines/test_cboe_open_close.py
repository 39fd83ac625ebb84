"""Cboe's open-close files: whose trades, which series, and which rows cannot be right."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import sources
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports import cboe_open_close
from pipelines.sources.reports.open_close_rows import COUNTS, checked_exchange
from pipelines.sources.reports.report import ReportFile, report_schema
from pipelines.tables.clearing import ORIGIN_COLUMNS
from tests.pipelines.open_close_files import HEADER, VOLUMES, filled, series, written

C1 = Declared(exchange="C1")


def read(*rows: dict[str, str]) -> ReportFile:
    return cboe_open_close.report(written(rows), C1)


def test_a_file_is_recognised_by_its_columns_in_any_order() -> None:
    for columns in (HEADER, HEADER[::-1]):
        assert sources.recognise(written([filled(1, 2)], columns)) is cboe_open_close
    assert not cboe_open_close.recognise(b"quote_date,underlying_symbol,root,expiration\n")


def test_a_series_is_read_with_every_origin() -> None:
    row = filled(
        30, 10, option_symbol="SPXW", underlying_symbol="^SPX", open_interest=70, call_put_flag="P", strike_price="5400"
    )
    file = read(row)
    assert dict(file.rows.schema) == report_schema("open_close_volume")
    (found,) = file.rows.to_dicts()
    assert (found["session_date"], found["part"], found["published_date"]) == (date(2024, 6, 17), "SPX", None)
    assert (found["underlying"], found["exchange"], found["root"]) == ("SPX", "C1", "SPXW")
    assert (found["contract_id"], found["strike"], found["option_type"]) == ("SPXW240719P05400000", 5400.0, "put")
    assert (found["expiry_date"], found["expiry_ts"]) == (date(2024, 7, 19), datetime(2024, 7, 19, 20))
    assert (found["market_maker_buy_contracts"], found["market_maker_sell_contracts"]) == (30.0, 10.0)
    assert (found["customer_open_sell_contracts"], found["customer_open_buy_contracts"]) == (30.0, 10.0)
    assert (found["exchange_volume_contracts"], found["industry_volume_contracts"]) == (40.0, 40.0)
    assert (found["open_interest"], found["is_standard"]) == (70.0, True)


def test_an_am_series_expires_at_the_opening() -> None:
    (found,) = read(filled(1, 1, option_symbol="SPX", underlying_symbol="SPX")).rows.to_dicts()
    assert found["expiry_ts"] == datetime(2024, 7, 19, 13, 30)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=len(VOLUMES), max_size=len(VOLUMES)))
def test_the_sizes_of_orders_are_added_and_nothing_is_lost(volumes: list[int]) -> None:
    said = dict(zip(VOLUMES, volumes, strict=True))
    bought, sold = (sum(n for name, n in said.items() if f"_{side}_" in name) for side in ("buy", "sell"))
    said["mm_buy_vol"] += max(0, sold - bought)
    said["mm_sell_vol"] += max(0, bought - sold)
    (found,) = read(series(**said)).rows.to_dicts()
    counts = [*ORIGIN_COLUMNS, "market_maker_buy_contracts", "market_maker_sell_contracts"]
    assert sum(found[name] for name in counts) == sum(said.values())
    sizes = [said[f"procust_{size}_close_sell_vol"] for size in ("lt_100", "100_199", "gt_199")]
    assert found["professional_close_sell_contracts"] == sum(sizes)
    assert found["broker_dealer_open_buy_contracts"] == said["bd_open_buy_vol"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"quote_date": "17 June"}, "unreadable_date"),
        ({"quote_date": "2024-06-16"}, "not_a_session"),
        ({"underlying_symbol": "../x/9"}, "unreadable_underlying"),
        ({"mm_buy_vol": "many"}, "unreadable_number"),
        ({"mm_buy_vol": ""}, "unreadable_number"),
        ({"cust_100_199_open_buy_vol": ""}, "unreadable_number"),
        ({"open_interest": "x"}, "unreadable_number"),
        ({"mm_buy_vol": "inf"}, "not_finite"),
        ({"mm_buy_vol": "-1"}, "negative_quantity"),
        ({"cust_lt_100_open_buy_vol": "-5", "cust_gt_199_open_buy_vol": "5"}, "negative_quantity"),
        ({"mm_buy_vol": "1.5", "mm_sell_vol": "1.5"}, "not_a_quantity"),
        ({"mm_buy_vol": "1e13", "mm_sell_vol": "1e13"}, "not_a_quantity"),
        ({"strike_price": "0"}, "strike_not_positive"),
        ({"strike_price": "nan"}, "strike_not_positive"),
        ({"strike_price": ""}, "unreadable_number"),
        ({"call_put_flag": "B"}, "unreadable_symbol"),
        ({"option_symbol": ""}, "unreadable_symbol"),
        ({"expiration_date": "soon"}, "unreadable_symbol"),
        ({"expiration_date": "2199-07-19"}, "expiry_out_of_range"),
        ({"expiration_date": "2024-06-14"}, "expiry_before_session"),
        ({"series_type": "Q"}, "unreadable_series_type"),
        ({"mm_buy_vol": "11"}, "sides_do_not_balance"),
    ],
)
def test_a_row_that_does_not_hold_together_is_set_aside(said: dict[str, str], reason: str) -> None:
    file = read(filled(5, 5), filled(10, 3, strike_price=105) | said)
    assert file.rows.height == 1
    assert file.rejected["reason"].to_list() == [reason]
    assert file.rejected["row_number"].to_list() == [3]
    assert file.rows_in == 2


def test_several_days_and_underlyings_may_stand_in_one_file() -> None:
    file = read(filled(1, 1), filled(2, 2, quote_date="2024-06-18"), filled(3, 3, underlying_symbol="ABC"))
    assert set(file.rows.select("session_date", "part").iter_rows()) == {
        (date(2024, 6, 17), "XMPL"), (date(2024, 6, 18), "XMPL"), (date(2024, 6, 17), "ABC"),
    }  # fmt: skip


def test_repeats_count_once_and_contradictions_are_set_aside() -> None:
    file = read(filled(1, 1), filled(1, 1), filled(2, 2))
    assert (file.rows.height, file.rows_duplicate, file.rows_in) == (1, 1, 3)
    assert file.rejected["reason"].to_list() == ["conflicting_duplicate"]


def test_columns_that_not_every_file_has_are_null() -> None:
    optional = {"total_industry_vol", "total_exchange_vol", "open_interest", "security_type", "series_type", "open"}
    columns = [name for name in HEADER if name not in optional]
    rows = [filled(1, 1), filled(1, 1, option_symbol="XMPL1")]
    file = cboe_open_close.report(written(rows, columns, end="\r\n"), C1)
    nulls = ("exchange_volume_contracts", "industry_volume_contracts", "open_interest")
    assert file.rows.select(nulls).null_count().row(0) == (2, 2, 2)
    assert dict(file.rows.select("root", "is_standard").iter_rows()) == {"XMPL": True, "XMPL1": False}
    assert file.rows.select(pl.col(COUNTS[0]).is_not_null().all()).item()


def test_a_series_that_is_not_standard_says_so() -> None:
    assert not read(filled(1, 1, series_type="N")).rows["is_standard"].item()


@pytest.mark.parametrize(
    ("data", "declared", "message"),
    [
        (written([filled(1, 1)]), Declared(), "--exchange NAME"),
        (written([filled(1, 1)]), Declared(exchange="the big one"), "short upper-case word"),
        (written([filled(1, 1)]).replace(b"quote_date", b"quote_datetime", 1), C1, "intervals within a day"),
        (written([filled(1, 1)]).replace(b"underlying_symbol", b"ticker", 1), C1, "intervals within a day"),
        (written([filled(1, 1)]).replace(b",cust_lt_100_open_buy_vol", b",unknown", 1), C1, "no column 'cust_lt_100"),
        (written([]), C1, "none of 0 rows"),
        (written([filled(1, 2) | {"mm_buy_vol": "9"}]), C1, "sides_do_not_balance"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(data: bytes, declared: Declared, message: str) -> None:
    assert cboe_open_close.recognise(data)
    with pytest.raises(Unreadable, match=message):
        cboe_open_close.report(data, declared)


def test_a_row_of_another_length_is_set_aside() -> None:
    file = cboe_open_close.report(written([filled(1, 1)]) + b"2024-06-17,XMPL\n", C1)
    assert file.rejected["reason"].to_list() == ["wrong_column_count"]
    assert (file.rows.height, file.rows_in) == (1, 2)


def test_the_owner_names_an_exchange_by_a_short_upper_case_word() -> None:
    assert [checked_exchange(name) for name in ("C1", "BZX", "PHLX")] == ["C1", "BZX", "PHLX"]
    for name in ("", "c1", "C 1", "../C1", "ABCDEFGHIJKL", "1C"):
        with pytest.raises(Unreadable, match="short upper-case word"):
            checked_exchange(name)
