"""Tardis' trades: the taker's side and coins, what a file covers, rows told twice and damaged ones."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import tardis_chain
from pipelines.sources import tardis_trades as source
from pipelines.sources.coin_file import COVERAGE_SCHEMA, TRADE_SCHEMA, CoinFile
from pipelines.sources.page import NOTHING_DECLARED, Unreadable
from tests.pipelines.tardis_files import CALL, DAY, TRADE_COLUMNS, chain_csv, packed, trade, trades_csv
from tests.samples import needs_samples, sample

PUT = "BTC-3FEB26-80000-P"
ETH = "ETH-3FEB26-3000-C"
LATE = timedelta(milliseconds=5)  # by which the recorder hears of a trade, in these files


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def read(*rows: str) -> CoinFile:
    return source.coin_file(trades_csv(*rows), NOTHING_DECLARED)


def spans(file: CoinFile) -> list[tuple[str, datetime, datetime]]:
    assert file.coverage.schema == COVERAGE_SCHEMA
    assert file.coverage["known_at"].equals(file.coverage["until_ts"])
    return file.coverage.drop("known_at").rows()


def is_accounted_for(file: CoinFile) -> bool:
    parts = file.trades.height + file.rejected.height + file.rows_duplicate + file.rows_passed
    return file.rows_in == parts and file.rows_passed >= 0


def test_a_trade_reads_with_the_taker_s_side_in_coins_and_nothing_that_the_layout_lacks() -> None:
    file = read(trade(at(1), 77, "XRP_USDC-3FEB26-0D625-P", side="sell", price=0.031, amount=2000))
    row = file.trades.row(0, named=True)
    assert file.trades.schema == TRADE_SCHEMA
    assert (row["contract_id"], row["underlying"], row["is_inverse"]) == ("XRP_USDC-3FEB26-0d625-P", "XRP", False)
    assert (row["trade_ts"], row["known_at"], row["trade_id"], row["trade_seq"]) == (at(1), at(1), "77", None)
    assert (row["taker_side"], row["price"], row["quantity"], row["flow_class"]) == ("sell", 0.031, 2000.0, "screen")
    nothing = ("index_price", "vendor_iv_frac", "liquidated_side", "block_id", "combo_id")
    assert [row[name] for name in nothing] == [None] * 5


def test_trades_come_in_order_of_time_however_they_were_recorded() -> None:
    file = read(trade(at(2), "b"), trade(at(1), "c", ETH), trade(at(1), "a"), trade(at(2), "a2"))
    assert file.trades["trade_id"].to_list() == ["a", "a2", "b", "c"]


@pytest.mark.parametrize("side", ["buy", "sell", "unknown"])
def test_a_taker_s_side_may_be_unknown(side: str) -> None:
    assert read(trade(at(1), 1, side=side)).trades["taker_side"].to_list() == [side]


# --- what a file covers


def day_of(*, begins: float, ends: float) -> list[str]:
    steps = [begins + k * 0.9 for k in range(int((ends - begins) / 0.9) + 1)] + [ends]
    return [trade(at(hour), f"{k}", (CALL, PUT, ETH)[k % 3]) for k, hour in enumerate(steps)]


def test_a_file_that_runs_from_midnight_to_midnight_covers_the_day() -> None:
    assert spans(read(*day_of(begins=0.05, ends=23.95))) == [("BTC", at(0), at(24)), ("ETH", at(0), at(24))]


def test_days_one_after_the_other_leave_no_hole() -> None:
    first, second = day_of(begins=0.05, ends=23.95), day_of(begins=24.1, ends=47.9)
    (_, _, until), (_, since, _) = spans(read(*first))[0], spans(read(*second))[0]
    assert until == since == at(24)


def test_a_part_of_a_day_covers_from_its_first_trade_to_its_last() -> None:
    assert spans(read(*day_of(begins=3, ends=9.5)))[0] == ("BTC", at(3) + LATE, at(9.5) + LATE)


def test_a_silence_of_more_than_an_hour_is_not_covered() -> None:
    rows = [trade(at(hour), k, (CALL, PUT)[k % 2]) for k, hour in enumerate((3, 3.5, 4.4, 5.5, 6.4, 9))]
    assert spans(read(*rows)) == [("BTC", at(3) + LATE, at(4.4) + LATE), ("BTC", at(5.5) + LATE, at(6.4) + LATE)]


@pytest.mark.parametrize(
    "broken", ["deribit,BTC", trade(at(12), "x", price="?"), trade(at(12), "x", local_timestamp="")]
)
def test_the_time_around_a_row_that_was_set_aside_is_not_covered(broken: str) -> None:
    rows = day_of(begins=0.05, ends=23.95)
    (_, since, until), (_, since_again, until_again) = spans(read(*rows[:14], broken, *rows[14:]))[:2]
    assert (since, until, since_again, until_again) == (at(0), at(11.75) + LATE, at(12.65) + LATE, at(24))
    assert spans(read(broken, *rows))[0] == ("BTC", at(0.05) + LATE, at(24))
    assert spans(read(*rows, broken))[0] == ("BTC", at(0), at(23.95) + LATE)


def test_a_file_of_one_contract_covers_nothing() -> None:
    assert spans(read(*(trade(at(k / 2), k) for k in range(1, 48)))) == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2 * 1440), st.sampled_from((CALL, PUT, ETH))), min_size=1, max_size=60))
def test_spans_never_touch_or_overlap(rows: list[tuple[int, str]]) -> None:
    file = read(*(trade(at(minute / 60), k, symbol) for k, (minute, symbol) in enumerate(rows)))
    for _, spans_of in file.coverage.group_by("underlying"):
        ordered = spans_of.sort("from_ts")
        assert (ordered["from_ts"] < ordered["until_ts"]).all()
        assert (ordered["from_ts"].shift(-1) > ordered["until_ts"]).fill_null(value=True).all()
    assert is_accounted_for(file)


# --- rows that are not taken


def test_a_trade_told_twice_counts_once_and_one_told_otherwise_is_set_aside() -> None:
    file = read(trade(at(1), 1), trade(at(1), 1), trade(at(1), 1, price=0.02), trade(at(1), 1, PUT))
    assert (file.trades.height, file.rows_duplicate) == (2, 1)
    assert file.rejected.select("row_number", "reason").rows() == [(4, "conflicting_duplicate")]
    assert is_accounted_for(file)


def test_other_instruments_and_exchanges_pass_counted() -> None:
    others = [trade(at(1), 1, "BTC-PERPETUAL"), trade(at(1), 2, exchange="bybit-options")]
    file = read(*others, trade(at(1), 3))
    assert (file.trades.height, file.rows_passed, file.rows_in) == (1, 2, 3)
    with pytest.raises(Unreadable, match="no trades of options of deribit in 2 rows"):
        read(*others)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"symbol": "BTC-30FEB26-80000-C"}, "unreadable_symbol"),
        ({"timestamp": ""}, "unreadable_clock"),
        ({"timestamp": "1767225600000000000"}, "unreadable_clock"),
        ({"local_timestamp": ""}, "unreadable_clock"),
        ({"local_timestamp": "later"}, "unreadable_clock"),
        ({"price": "x"}, "unreadable_number"),
        ({"price": ""}, "required_cell_missing"),
        ({"id": ""}, "required_cell_missing"),
        ({"price": -1}, "negative_price"),
        ({"amount": -1}, "negative_quantity"),
        ({"amount": 0}, "quantity_not_positive"),
        ({"amount": "inf"}, "not_finite"),
        ({"amount": "1e13"}, "not_a_quantity"),
        ({"side": "both"}, "unreadable_side"),
        ({"side": ""}, "unreadable_side"),
    ],
)
def test_a_trade_that_does_not_hold_together_is_set_aside(cells: dict[str, object], reason: str) -> None:
    file = read(trade(at(1), 1), trade(at(2), 2, **cells))
    assert Counter(file.rejected["reason"]) == {reason: 1}
    assert file.rejected.select("row_number", "kind").row(0) == (3, "trades")
    assert file.trades.height == 1 and is_accounted_for(file)


def test_broken_lines_are_set_aside_beside_the_trades() -> None:
    file = source.coin_file(packed(trades_csv(trade(at(1), 1), "deribit,BTC", trade(at(1), 2))), NOTHING_DECLARED)
    assert file.rejected.select("row_number", "reason", "kind").rows() == [(3, "wrong_column_count", "trades")]
    assert file.trades["row_number"].to_list() == [2, 4] and is_accounted_for(file)


def test_more_trades_than_can_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_MOST_TRADES", 3)
    with pytest.raises(Unreadable, match="split the file"):
        read(*(trade(at(1), k) for k in range(4)))


def test_the_layout_is_known_packed_or_not() -> None:
    data = trades_csv(trade(at(1), 1))
    assert source.recognise(data) and source.recognise(packed(data)) and not tardis_chain.recognise(data)
    assert not source.recognise(chain_csv()) and not source.recognise(data.replace(b"amount", b"size"))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_damaged_file_is_accounted_for_or_refused(data: st.DataObject) -> None:
    whole = bytearray(trades_csv(*[trade(at(k / 10), k % 20, (CALL, PUT)[k % 2]) for k in range(25)]))
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(len(TRADE_COLUMNS) + 1, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 100))] = data.draw(st.binary(max_size=5))
    try:
        file = source.coin_file(bytes(whole), NOTHING_DECLARED)
    except Unreadable:
        return
    assert is_accounted_for(file)
    assert file.trades.select(pl.struct("contract_id", "trade_id").is_unique().all()).item()


@needs_samples
@pytest.mark.samples
def test_trades_of_another_exchange_are_none_of_ours() -> None:
    data = sample("tardis/trades_1.csv").read_bytes()
    assert source.recognise(data)
    with pytest.raises(Unreadable, match="no trades of options of deribit"):
        source.coin_file(data, NOTHING_DECLARED)
