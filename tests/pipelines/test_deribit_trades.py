import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.coin_file import FLOW_CLASSES, TRADE_SCHEMA
from tests.pipelines.deribit_made import CALL, NOON, PUT, line, ms, read, reasons, trade, trades

LEG = {"combo_id": "BTC-CS-29MAY26-70000_75000", "combo_trade_id": "415305270"}
_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.just(10**400) | st.just("9" * 300)
    | st.lists(st.integers(), max_size=2) | st.just({"a": [None]}) | st.just("\ud800") | st.sampled_from([CALL, "sell"])
)  # fmt: skip


def one(**changed) -> dict:
    return read(trades(trade(**changed))).trades.row(0, named=True)


def test_every_field_lands_in_our_units():
    assert one() == {
        "row_number": 1, "trade_ts": NOON - timedelta(milliseconds=4999),
        "known_at": NOON - timedelta(milliseconds=4999), "contract_id": CALL,
        "underlying": "BTC", "root": "BTC", "expiry_date": (NOON + timedelta(days=11)).date(),
        "expiry_ts": NOON + timedelta(days=10, hours=20), "strike": 70000.0, "option_type": "call", "is_inverse": True,
        "trade_id": "415305279", "trade_seq": 1, "taker_side": "buy", "price": 0.051, "quantity": 0.5,
        "index_price": 77000.5, "vendor_iv_frac": pytest.approx(0.462), "flow_class": "screen", "liquidated_side": None,
        "block_id": None, "combo_id": None,
    }  # fmt: skip
    assert read(trades(trade())).trades.schema == TRADE_SCHEMA


@pytest.mark.parametrize(
    "method", [f"get_last_trades_by_{by}{span}" for by in ("currency", "instrument") for span in ("", "_and_time")]
)
def test_every_method_of_public_trades_is_read(method):
    assert read(line(method, {"trades": [trade()], "has_more": True})).trades.height == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, "screen"), (LEG, "combo"), ({"combo_trade_id": 43}, "combo"), ({"block_trade_id": "BLOCK-282155"}, "block"),
     ({"block_trade_id": "BLOCK-1", "block_trade_leg_count": 2} | LEG, "block"), ({"block_rfq_id": 7}, "block_rfq"),
     ({"block_trade_id": "BLOCK-1", "block_rfq_id": 7} | LEG, "block_rfq"), ({"liquidation": "M"}, "liquidation"),
     ({"liquidation": "T", "block_trade_id": "BLOCK-1", "block_rfq_id": 7} | LEG, "liquidation"),
     ({"liquidation": "none"}, "screen"), ({"liquidation": None, "combo_id": None, "block_rfq_id": None}, "screen")],
)  # fmt: skip
def test_the_class_of_a_trade_is_the_first_that_applies(changed, expected):
    assert one(**changed)["flow_class"] == expected and expected in FLOW_CLASSES


@pytest.mark.parametrize(("stated", "side"), [("M", "M"), ("T", "T"), ("MT", "MT"), ("TM", "MT"), ("X", None)])
def test_who_was_liquidated_is_told(stated, side):
    row = one(liquidation=stated)
    assert (row["liquidated_side"], row["flow_class"]) == (side, "liquidation")


def test_identifiers_are_text_also_where_they_are_numbers():
    row = one(trade_id=9007199254740993, combo_id=17, block_trade_id="BLOCK-282155")
    assert (row["trade_id"], row["combo_id"], row["block_id"]) == ("9007199254740993", "17", "BLOCK-282155")


def test_old_trades_lack_fields_and_new_ones_have_more():
    row = trade(mark_price=None, starbase_timestamp=1779105600000000001, starbase_match_id="x")
    del row["contracts"], row["iv"], row["index_price"], row["trade_seq"], row["direction"]
    found = read(trades(row)).trades.row(0, named=True)
    assert [found[name] for name in ("index_price", "vendor_iv_frac", "trade_seq")] == [None] * 3
    assert (found["quantity"], found["taker_side"]) == (0.5, "unknown")


@pytest.mark.parametrize(
    ("percent", "frac"), [(0, None), (-1, None), (500, None), (400, 4.0), (math.inf, None), (0.01, 1e-4), (None, None)]
)
def test_a_volatility_that_is_none_does_not_cost_the_trade(percent, frac):
    assert one(iv=percent)["vendor_iv_frac"] == (None if frac is None else pytest.approx(frac))


def test_quantities_are_coins_whatever_a_contract_holds():
    assert one(instrument_name="SOL_USDC-29MAY26-90-P", amount=30.0, contracts=3.0)["quantity"] == 30.0
    assert one(contracts="junk")["quantity"] == 0.5


def test_the_combo_itself_is_passed_and_its_legs_are_trades():
    parent = trade(instrument_name="BTC-CS-29MAY26-70000_75000", legs=[trade(2), trade(3)])
    file = read(trades(parent, trade(2, **LEG), trade(3, PUT, direction="sell", **LEG)))
    assert (file.trades.height, file.rows_passed) == (2, 1)
    assert file.trades["taker_side"].to_list() == ["buy", "sell"]
    assert file.trades["combo_id"].unique().to_list() == [LEG["combo_id"]]


def test_overlapping_pages_count_each_trade_once():
    pages = [trades(*(trade(number) for number in numbers)) for numbers in (range(1, 6), range(3, 9), range(8, 0, -1))]
    file = read(*pages)
    assert file.trades["trade_seq"].to_list() == list(range(1, 9))
    assert (file.rows_in, file.rows_duplicate) == (19, 11)


def test_a_trade_is_known_when_it_took_place_however_late_it_was_asked_for():
    file = read(trades(trade()), trades(trade(), at=NOON + timedelta(minutes=10)))
    assert file.trades["known_at"].to_list() == file.trades["trade_ts"].to_list()


def test_the_same_trade_stated_differently_is_set_aside():
    file = read(trades(trade()), trades(trade(amount=0.6), trade(name=PUT)))
    assert reasons(file) == ["conflicting_duplicate"] * 2 and file.trades["quantity"].to_list() == [0.5]
    assert file.rejected["kind"].unique().to_list() == ["trade"]


def test_numbers_of_trades_are_unique_by_underlying_only():
    assert read(trades(trade(), trade(name="ETH-29MAY26-3000-C"))).trades.height == 2


def test_trades_outside_what_was_asked_are_trades_all_the_same():
    old = trade(timestamp=ms(NOON) - 10**10)
    assert read(trades(old, trade(2))).trades.height == 2


def test_several_trades_in_one_millisecond_are_all_kept_in_a_fixed_order():
    rows = [trade(number, timestamp=ms(NOON) - 5) for number in (3, 1, 2)]
    forth, back = read(trades(*rows)).trades, read(trades(*reversed(rows))).trades
    assert forth["trade_seq"].to_list() == [1, 2, 3] == back["trade_seq"].to_list()


def test_a_slow_capture_clock_makes_no_trade_known_before_it_happened():
    row = one(timestamp=ms(NOON) + 60_000)
    assert row["known_at"] == row["trade_ts"] == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"price": None}, "unreadable_number"), ({"price": "0.05"}, "unreadable_number"),
     ({"price": -0.01}, "negative_price"),
     ({"amount": None}, "unreadable_number"), ({"amount": 0}, "quantity_not_positive"),
     ({"amount": -1}, "negative_quantity"),
     ({"amount": math.nan}, "not_finite"), ({"price": math.inf}, "not_finite"), ({"amount": 10**400}, "not_finite"),
     ({"price": 2e12}, "not_a_price"), ({"amount": 2e12}, "not_a_quantity"), ({"direction": "BUY"}, "unreadable_side"),
     ({"direction": 5}, "unreadable_side"), ({"timestamp": None}, "unreadable_clock"),
     ({"timestamp": 5}, "unreadable_clock"),
     ({"timestamp": ms(NOON) + 10**8}, "clock_ahead_of_capture"), ({"trade_id": None}, "no_trade_id"),
     ({"trade_id": ""}, "no_trade_id"), ({"trade_id": [1]}, "unreadable_text"),
     ({"trade_id": "x" * 101}, "unreadable_text"),
     ({"trade_seq": 1.5}, "unreadable_number"), ({"trade_seq": 2**63}, "unreadable_number"),
     ({"instrument_name": "BTC-32MAY26-70000-C"}, "unreadable_symbol"), ({"index_price": -1}, "negative_price"),
     ({"iv": "high"}, "unreadable_number"), ({"combo_id": {}}, "unreadable_text"),
     ({"block_rfq_id": 1.5}, "unreadable_text")],
)  # fmt: skip
def test_a_trade_that_does_not_hold_together_is_set_aside(changed, reason):
    file = read(trades(trade(**changed), trade(2)))
    assert reasons(file) == [reason] and file.trades["trade_seq"].to_list() == [2]
    assert file.rejected["kind"][0] == "trade"


def test_a_trade_set_aside_stands_where_it_belongs():
    bad = read(trades(trade(amount=-1, timestamp=ms(NOON) - 10**9))).rejected.row(0, named=True)
    assert (bad["underlying"], bad["day_ts"]) == ("BTC", NOON - timedelta(seconds=10**6))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from([*sorted(trade()), *LEG, "liquidation", "block_rfq_id"]), _values, max_size=5))
def test_one_odd_trade_never_costs_the_others(changed):
    file = read(trades(trade(5, PUT, trade_id="a"), trade() | changed, trade(6, PUT, trade_id="b")))
    assert {"a", "b"} <= set(file.trades["trade_id"])
    assert file.trades["price"].is_finite().all() and (file.trades["quantity"] > 0).all()
    assert file.trades["flow_class"].is_in(FLOW_CLASSES).all()


def test_a_number_below_one_is_none():
    assert one(trade_seq=0)["trade_seq"] is None
