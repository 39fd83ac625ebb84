"""Rows of trades that came are counted by what they say, so that one which is lost shows."""

from __future__ import annotations

import math
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.gates import GateRefused, check_conservation
from pipelines.sources.coin_file import TRADE_SCHEMA
from pipelines.stages.trades import account_of, trades_of

AT = datetime(2024, 6, 27, 1)
Row = tuple[str, int | None, str | None, str, float]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.none() | st.integers(1, 3),
        st.none() | st.sampled_from(["1", "2", "3"]),
        st.sampled_from(["buy", "sell", "unknown"]),
        st.sampled_from([1.0, 2.0]),
    ),
    max_size=12,
)


def heard(rows: list[Row]) -> pl.DataFrame:
    names = ("contract_id", "trade_seq", "trade_id", "taker_side", "quantity")
    told = pl.DataFrame(rows, schema={name: TRADE_SCHEMA[name] for name in names}, orient="row")
    fixed = {
        "row_number": 1, "trade_ts": AT, "known_at": AT, "underlying": "BTC", "root": "BTC", "expiry_date": AT.date(),
        "expiry_ts": AT, "strike": 1.0, "option_type": "call", "is_inverse": True, "price": 0.1, "flow_class": "screen",
    }  # fmt: skip
    full = told.with_columns(pl.lit(fixed.get(n)).cast(t).alias(n) for n, t in TRADE_SCHEMA.items() if n not in names)
    return full.select(list(TRADE_SCHEMA)).with_columns(source=pl.lit("x"), raw_sha256=pl.lit("y"))


def account(*files: list[Row]) -> dict[str, float]:
    frames = [heard(rows) for rows in files]
    found = account_of(frames, trades_of(frames))
    check_conservation({"trades": found})
    return found


def test_what_files_say_again_is_apart_from_what_they_contradict() -> None:
    one: list[Row] = [("A", 1, "1", "buy", 1.0), ("A", 2, "2", "sell", 1.0), ("A", None, "9", "buy", 1.0)]
    other: list[Row] = [("A", 1, "1", "buy", 1.0), ("A", None, "2", "sell", 2.0), ("A", 1, None, "unknown", 1.0)]
    assert account(one, other) == {"in": 6, "landed": 3, "repeated": 2, "contradicting": 1}
    assert account() == account([]) == {"in": 0, "landed": 0}


def test_a_trade_that_is_lost_does_not_balance() -> None:
    frames = [heard([("A", 1, "1", "buy", 1.0), ("A", 2, "2", "buy", 1.0), ("A", 2, "2", "buy", 1.0)])]
    with pytest.raises(GateRefused):
        check_conservation({"trades": account_of(frames, trades_of(frames).head(1))})


@given(ROWS, ROWS)
def test_every_row_lands_repeats_or_contradicts(one: list[Row], other: list[Row]) -> None:
    found = account(one, other)
    assert math.isclose(found["in"], len(one) + len(other))
    assert min(found.values()) >= 0
