"""Dealers' position from takers' trades, against a ledger kept by hand, and the laws that any ledger obeys."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.conventions import FLOW_MODELS
from models.taker_flow import (
    INVENTORY_SCHEMA,
    OPENING_SCHEMA,
    bucket_end,
    closing_state,
    positions_at,
    taker_inventory,
    trade_holes,
    unique_trades,
)

DAY, NEXT = datetime(2026, 1, 14), datetime(2026, 1, 15)
TEN = timedelta(minutes=10)
ENDS = [DAY + TEN * k for k in range(145)]
EXPIRIES = {"A": DAY + timedelta(hours=8), "B": NEXT + timedelta(hours=8), "C": DAY + timedelta(days=9, hours=8)}
OFF_SCREEN = {"block", "block_rfq", "liquidation"}
SCHEMA = {
    "trade_ts": pl.Datetime("us"), "known_at": pl.Datetime("us"), "trade_seq": pl.Int64(), "trade_id": pl.String(),
    "expiry_ts": pl.Datetime("us"), "quantity": pl.Float64(), "index_price": pl.Float64(), "block_id": pl.String(),
    "price": pl.Float64(), "vendor_iv_frac": pl.Float64(),
}  # fmt: skip


def trade(second: float, side: str | None = "buy", quantity: float = 1.0, **changed: Any) -> dict[str, Any]:
    contract = changed.pop("contract_id", "C")
    at = DAY + timedelta(seconds=second)
    row = {
        "contract_id": contract, "root": "BTC", "expiry_date": EXPIRIES[contract].date(),
        "expiry_ts": EXPIRIES[contract], "strike": 90_000.0, "option_type": "call", "is_inverse": True, "trade_ts": at,
        "known_at": at, "trade_seq": None, "trade_id": None, "taker_side": side, "price": 0.01, "quantity": quantity,
        "flow_class": "screen", "index_price": 90_000.0, "vendor_iv_frac": 0.5, "block_id": None,
    }  # fmt: skip
    return row | changed


def tape(*rows: dict[str, Any]) -> pl.DataFrame:
    whole = pl.DataFrame([trade(0), *rows], schema_overrides=SCHEMA)
    return whole[1:]


def run(trades: pl.DataFrame, opening: pl.DataFrame | None = None, start: datetime = DAY) -> pl.DataFrame:
    return taker_inventory(trades, opening, from_ts=start)


def model(rows: pl.DataFrame, name: str = "taker_flow") -> list[dict[str, Any]]:
    return rows.filter(pl.col("dealer_model") == name).to_dicts()


@st.composite
def tapes(draw: st.DrawFn) -> pl.DataFrame:
    """A day of three contracts, numbered in time with holes; one expires at 08:00."""
    seconds = draw(st.lists(st.integers(0, 86_399), max_size=40))
    seqs: dict[str, int] = defaultdict(int)
    rows = []
    for second in sorted(seconds):
        contract = draw(st.sampled_from("ABC"))
        seqs[contract] += draw(st.sampled_from([1, 1, 1, 1, 2, 5]))
        rows.append(
            trade(
                second, draw(st.sampled_from(["buy", "sell", "unknown", None])), draw(st.integers(1, 999)) / 10,
                contract_id=contract, trade_seq=seqs[contract],
                flow_class=draw(st.sampled_from(["screen", "combo", "block", "block_rfq", "liquidation"])),
            )
        )  # fmt: skip
    return tape(*rows)


def by_hand(trades: pl.DataFrame) -> dict[tuple[str, str, datetime], dict[str, Any]]:
    """Model, contract and bucket -> what the row should say, in exact fractions, trade by trade."""
    found: dict[tuple[str, str, datetime], dict[str, Any]] = {}
    for name in FLOW_MODELS:
        so_far: dict[str, dict[str, Any]] = {}
        for row in trades.sort("trade_ts", "trade_seq").to_dicts():
            end = DAY + TEN * ((row["trade_ts"] - DAY) // TEN + 1)
            if end >= row["expiry_ts"]:
                continue
            state = so_far.setdefault(row["contract_id"], {"inventory": Fraction(0), "unknown": 0, "seqs": set()})
            here = found.setdefault((name, row["contract_id"], end), {"net": Fraction(0), "trades": 0})
            state["seqs"].add(row["trade_seq"])
            if name == "taker_flow" or row["flow_class"] not in OFF_SCREEN:
                sign = {"buy": 1, "sell": -1}.get(row["taker_side"], 0)
                here["net"] += sign * Fraction(str(row["quantity"]))
                here["trades"] += 1
                state["inventory"] -= sign * Fraction(str(row["quantity"]))
                state["unknown"] += sign == 0
            missing = max(state["seqs"]) - len(state["seqs"])
            here |= {"inventory": state["inventory"], "unknown": state["unknown"], "last": max(state["seqs"]),
                     "missing": missing, "known_at": row["known_at"]}  # fmt: skip
    return found


@given(tapes())
@settings(max_examples=25)
def test_every_row_is_what_a_ledger_kept_by_hand_says(trades):
    rows, expected = run(trades), by_hand(trades)
    assert rows.schema == INVENTORY_SCHEMA
    assert len(expected) == rows.height
    for row in rows.to_dicts():
        here = expected[row["dealer_model"], row["contract_id"], row["bucket_ts"]]
        assert row["taker_net_quantity"] == float(here["net"])
        assert row["inventory_quantity"] == float(here["inventory"])
        told = ("trades", "trades_of_unknown_side", "last_trade_seq", "trades_missing", "known_at")
        assert [row[name] for name in told] == [here[n] for n in ("trades", "unknown", "last", "missing", "known_at")]
        assert row["is_history_complete"] is (here["missing"] == 0)


@given(tapes(), st.integers(0, 143))
@settings(max_examples=12)
def test_a_day_in_two_parts_ends_where_the_whole_day_does(trades, cut_at):
    cut = ENDS[cut_at]
    first, second = trades.filter(pl.col("trade_ts") < cut), trades.filter(pl.col("trade_ts") >= cut)
    whole, before = run(trades), run(first)
    opening = closing_state(before, cut)
    after = run(second, opening, cut)
    assert closing_state(after, NEXT).equals(closing_state(whole, NEXT))
    assert positions_at(after, opening, ENDS[cut_at:]).equals(positions_at(whole, None, ENDS[cut_at:]))
    moved = whole.filter(pl.col("bucket_ts") > cut)
    assert after.join(moved, on=["dealer_model", "contract_id", "bucket_ts"], how="semi").equals(moved)


@given(tapes(), st.randoms(use_true_random=False))
@settings(max_examples=12)
def test_the_order_of_the_input_changes_nothing(trades, random):
    order = list(range(trades.height))
    random.shuffle(order)
    assert run(trades[order]).equals(run(trades))
    assert trade_holes(trades[order], None).equals(trade_holes(trades, None))


@given(tapes())
@settings(max_examples=12)
def test_what_takers_bought_net_is_what_dealers_are_short_contract_by_contract(trades):
    rows = run(trades)
    sums = rows.sort("bucket_ts").group_by("dealer_model", "contract_id").agg(
        pl.col("taker_net_quantity").sum(), pl.col("inventory_quantity").last()
    )  # fmt: skip
    for _, _, net, inventory in sums.iter_rows():
        assert net == pytest.approx(-inventory, abs=1e-9)


@given(tapes())
@settings(max_examples=12)
def test_holes_and_trades_together_are_all_numbers_from_one(trades):
    holes = trade_holes(trades, None)
    numbers: dict[str, list[int]] = defaultdict(list)
    for contract, first, last in holes.iter_rows():
        numbers[contract].extend(range(first, last + 1))
    for contract, seq in trades.select("contract_id", "trade_seq").iter_rows():
        numbers[contract].append(seq)
    for contract, found in numbers.items():
        assert sorted(found) == list(range(1, len(found) + 1)), contract
    last = {row["contract_id"]: row["trades_missing"] for row in model(run(trades))}
    for contract in set(last) - {"A"}:  # of a contract that expires, the last bucket has no row
        hidden = holes.filter(pl.col("contract_id") == contract)
        assert last[contract] == int((hidden["to_seq"] - hidden["from_seq"] + 1).sum())


def test_a_bucket_holds_its_first_instant_and_not_its_last():
    made = tape(*(trade(s) for s in (0, 599.999, 600, 1199)))
    assert made.select(bucket_end()).to_series().to_list() == [ENDS[1], ENDS[1], ENDS[2], ENDS[2]]


def test_takers_who_buy_leave_dealers_short_and_tenths_add_up_exactly():
    made = tape(trade(1, "buy", 0.1), trade(2, "buy", 0.2), trade(3, "sell", 0.3), trade(700, "sell", 0.7))
    rows = model(run(made))
    assert [(r["bucket_ts"], r["taker_net_quantity"], r["inventory_quantity"]) for r in rows] == [
        (ENDS[1], 0.0, 0.0), (ENDS[2], -0.7, 0.7),
    ]  # fmt: skip


def test_the_screen_model_leaves_out_what_was_not_dealt_on_the_screen_but_knows_its_numbers():
    classes = ("screen", "combo", "block", "block_rfq", "liquidation")
    made = tape(*(trade(600 * k, trade_seq=k + 1, flow_class=name) for k, name in enumerate(classes)))
    rows = run(made)
    assert [r["inventory_quantity"] for r in model(rows)] == [-1, -2, -3, -4, -5]
    screen = model(rows, "taker_flow_screen")
    assert [r["inventory_quantity"] for r in screen] == [-1, -2, -2, -2, -2]
    assert [r["trades"] for r in screen] == [1, 1, 0, 0, 0]
    assert [r["last_trade_seq"] for r in screen] == [1, 2, 3, 4, 5]


def test_an_unknown_side_counts_nothing_and_is_counted_on_all_later_days():
    made = tape(trade(1, "unknown", 9.0), trade(2, None, 9.0), trade(3, "sell", 2.0))
    opening = closing_state(run(made), NEXT)
    (later,) = model(run(tape(), opening, NEXT))
    assert (later["inventory_quantity"], later["trades_of_unknown_side"], later["trades"]) == (2.0, 2, 0)
    assert later["bucket_ts"] == NEXT + TEN


def test_a_carried_contract_has_a_row_in_the_first_bucket_also_where_it_trades_in_it():
    opening = closing_state(run(tape(trade(1, "sell", 5.0, trade_seq=1))), NEXT)
    tomorrow = 86_400
    rows = model(run(tape(trade(tomorrow + 5, "buy", 2.0, trade_seq=2)), opening, NEXT))
    assert [(r["bucket_ts"], r["taker_net_quantity"], r["inventory_quantity"]) for r in rows] == [
        (NEXT + TEN, 2.0, 3.0)
    ]
    assert rows[0]["is_history_complete"] is True


def test_a_position_is_gone_at_expiry_and_the_bucket_that_ends_there_has_no_row():
    at_expiry = 8 * 3600
    made = tape(*(trade(s, contract_id="A") for s in (at_expiry - 601, at_expiry - 1, at_expiry + 5)))
    rows = run(made)
    assert set(rows["bucket_ts"]) == {EXPIRIES["A"] - TEN}
    assert closing_state(rows, EXPIRIES["A"] - TEN).height == 2
    assert closing_state(rows, EXPIRIES["A"]).is_empty()
    assert set(positions_at(rows, None, ENDS)["bucket_ts"]) == {EXPIRIES["A"] - TEN}
    carried = closing_state(rows, EXPIRIES["A"] - TEN)
    assert run(made.clear(), carried, EXPIRIES["A"] - TEN).is_empty()


def test_a_history_is_complete_until_its_first_hole_and_never_if_it_starts_late():
    made = tape(*(trade(600 * k, trade_seq=seq) for k, seq in enumerate([1, 2, 5, 6])))
    rows = model(run(made))
    assert [r["is_history_complete"] for r in rows] == [True, True, False, False]
    assert [r["trades_missing"] for r in rows] == [0, 0, 2, 2]
    assert trade_holes(made, None).rows() == [("C", 3, 4)]
    late = tape(trade(1, trade_seq=4))
    assert model(run(late))[0]["is_history_complete"] is False
    opening = closing_state(run(made), NEXT)
    assert trade_holes(tape(trade(1, trade_seq=9)), opening).rows() == [("C", 7, 8)]
    assert trade_holes(tape(trade(1, trade_seq=4), trade(2, trade_seq=7)), opening).is_empty()


def test_completeness_is_unknown_from_the_first_trade_without_a_number():
    made = tape(trade(1, trade_seq=1), trade(601), trade(1201, trade_seq=2))
    rows = model(run(made))
    assert [(r["is_history_complete"], r["trades_missing"]) for r in rows] == [(True, 0), (None, None), (None, None)]
    opening = closing_state(run(made), NEXT)
    (later,) = model(run(tape(), opening, NEXT))
    assert (later["is_history_complete"], later["trades_missing"], later["last_trade_seq"]) == (None, None, 2)


def test_positions_before_the_first_bucket_are_the_openings():
    opening = closing_state(run(tape(trade(1, "sell", 5.0))), NEXT)
    rows = run(tape(trade(86_400 + 700, "sell", 1.0)), opening, NEXT)
    found = positions_at(rows, opening, [NEXT, NEXT + TEN, NEXT + 2 * TEN])
    assert [r["inventory_quantity"] for r in model(found)] == [5.0, 5.0, 6.0]
    assert found.schema == pl.Schema({"bucket_ts": pl.Datetime("us"), **OPENING_SCHEMA})
    assert positions_at(rows, None, []).is_empty()


def test_nothing_gives_typed_nothing_and_a_trade_before_the_start_is_refused():
    assert run(tape()).schema == INVENTORY_SCHEMA
    assert closing_state(run(tape()), NEXT).schema == OPENING_SCHEMA
    assert trade_holes(tape(), None).is_empty()
    with pytest.raises(ValueError, match="before"):
        run(tape(trade(-1)))


def test_a_repeat_goes_by_number_else_by_name_and_the_fuller_row_stays():
    full = trade(1, trade_seq=1, trade_id="x", known_at=NEXT, flow_class="block")
    poor = full | {"trade_seq": None, "flow_class": "screen", "vendor_iv_frac": None, "known_at": DAY}
    nameless = trade(2)
    renamed = full | {"trade_id": "y", "index_price": None}
    made = tape(full, poor, nameless, nameless, renamed, trade(3, trade_id="z"), trade(3, trade_id="z"),
                trade(4, trade_seq=1, trade_id="x", contract_id="B"))  # fmt: skip
    for order in (made, made.reverse()):
        found = unique_trades(order)
        assert found["trade_ts"].to_list() == [made["trade_ts"][k] for k in (0, 2, 3, 5, 7)]
        assert found["flow_class"][0] == "block" and found["trade_id"][0] == "x"
        assert found.columns == made.columns


@given(tapes(), st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_overlapping_pages_leave_every_trade_once_and_doing_it_again_nothing_more(trades, random):
    pages = pl.concat([trades, trades.sample(fraction=0.5, seed=random.randint(0, 9)).with_columns(known_at=NEXT)])
    order = list(range(pages.height))
    random.shuffle(order)
    found = unique_trades(pages[order])
    assert found.equals(trades.sort("trade_ts", "contract_id", "trade_seq"))
    assert unique_trades(found).equals(found)


def test_numbers_that_begin_anew_every_day_prove_nothing_from_then_on() -> None:
    opening = None
    for day in range(3):
        start = DAY + timedelta(days=day)
        late = 86_400.0 * day
        made = tape(trade(late + 60, trade_seq=1), trade(late + 61, trade_seq=2 + 5 * (day == 2)))
        rows = taker_inventory(made, opening, from_ts=start)
        opening = closing_state(rows, start + timedelta(days=1))
        told = rows.filter(pl.col("dealer_model") == "taker_flow").row(-1, named=True)
        assert (told["is_history_complete"], told["trades_missing"]) == ((True, 0) if day == 0 else (False, None))
        assert told["inventory_quantity"] == -2.0 * (day + 1)
