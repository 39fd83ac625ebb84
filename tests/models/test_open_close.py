"""What market makers hold by what they bought and sold, against made-up histories whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.open_close import POSITION_COLUMNS, carried_positions

FIRST = date(2024, 6, 17)
DAYS = [FIRST + timedelta(days=n) for n in range(5)]
COUNTS = {"open_interest": pl.Float64, "exchange_volume_contracts": pl.Float64, "industry_volume_contracts": pl.Float64}


def close_of(day: date) -> datetime:
    return datetime.combine(day, time(20))


def row(name: str = "A", buy: float = 0, sell: float = 0, **also: Any) -> dict[str, Any]:
    """A contract's volume on one exchange; `expiry` is the day whose close it expires at."""
    expiry = also.pop("expiry", date(2030, 1, 18))
    return {
        "contract_id": name, "exchange": "C1", "underlying": "XMPL", "root": "XMPL", "expiry_date": expiry,
        "expiry_ts": close_of(expiry), "strike": 100.0, "option_type": "call", "is_standard": True,
        "market_maker_buy_contracts": float(buy), "market_maker_sell_contracts": float(sell),
        "open_interest": 0.0, "exchange_volume_contracts": None, "industry_volume_contracts": None,
    } | also  # fmt: skip


def history(sessions: dict[date, Sequence[dict[str, Any]]]) -> pl.DataFrame:
    """Positions at the last of the sessions, each carried from the one before; sessions left out have no file."""
    before: tuple[date, pl.DataFrame] | None = None
    for day, rows in sessions.items():
        traded = pl.DataFrame(list(rows), schema_overrides=COUNTS)
        positions = carried_positions(
            traded,
            None if before is None else before[1],
            session_date=day,
            close_ts=close_of(day),
            is_next_session=before is not None and before[0] == day - timedelta(days=1),
        )
        assert positions.columns == list(POSITION_COLUMNS)
        before = (day, positions)
    assert before is not None
    return before[1]


def of(positions: pl.DataFrame, name: str = "A") -> dict[str, Any]:
    return positions.row(by_predicate=pl.col("contract_id") == name, named=True)


TRADES = st.lists(
    st.tuples(
        st.sampled_from(DAYS), st.sampled_from("ABC"), st.sampled_from(["C1", "C2"]), st.integers(0, 9**6),
        st.integers(0, 9**6),
    ),
    min_size=1, max_size=25, unique_by=lambda trade: trade[:3],
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(TRADES, st.randoms())
def test_positions_are_all_that_was_ever_bought_less_all_that_was_sold(trades: list[Any], random: Any) -> None:
    random.shuffle(trades)
    sessions = {
        day: [row(name, buy, sell, exchange=exchange) for on, name, exchange, buy, sell in trades if on == day]
        for day in DAYS
        if any(on == day for on, *_ in trades)
    }
    found = dict(history(sessions).select("contract_id", "position_contracts").iter_rows())
    assert found == {
        name: sum(buy - sell for _, other, _, buy, sell in trades if other == name)
        for name in {name for _, name, *_ in trades}
    }


def test_a_contract_that_is_not_traded_keeps_its_position() -> None:
    found = of(history({DAYS[0]: [row(buy=30, sell=10)], DAYS[1]: [row("B", buy=1)], DAYS[2]: [row("B", sell=4)]}))
    assert found["position_contracts"] == 20
    assert found["market_maker_net_contracts"] == 0
    assert found["first_session_date"] == DAYS[0]
    assert found["is_history_complete"]


def test_expired_contracts_are_gone_at_the_close_of_their_last_session() -> None:
    sessions = {DAYS[0]: [row(buy=5, expiry=DAYS[1]), row("B", buy=1)], DAYS[1]: [row(sell=2, expiry=DAYS[1])]}
    assert history(sessions)["contract_id"].to_list() == ["B"]
    assert of(history({DAYS[0]: sessions[DAYS[0]]}))["position_contracts"] == 5


def test_a_contract_expires_over_sessions_without_files_too() -> None:
    sessions = {DAYS[0]: [row(buy=5, expiry=DAYS[1])], DAYS[3]: [row("B", buy=1)]}
    assert history(sessions)["contract_id"].to_list() == ["B"]


def test_a_history_is_complete_only_from_an_empty_beginning() -> None:
    rows = [row("A"), row("B", open_interest=7.0), row("C", open_interest=None)]
    found = history({DAYS[0]: rows, DAYS[1]: [row("A", open_interest=40.0), row("B", open_interest=0.0)]})
    assert found["is_history_complete"].to_list() == [True, False, False]


def test_a_session_without_a_file_breaks_the_history_of_all_that_was_there_before() -> None:
    found = history({DAYS[0]: [row("A", buy=3)], DAYS[2]: [row("A", buy=1), row("B", buy=2)]})
    assert found["is_history_complete"].to_list() == [False, True]
    assert found["position_contracts"].to_list() == [4, 2]
    later = history({DAYS[0]: [row("A", buy=3)], DAYS[2]: [row("B")], DAYS[3]: [row("A")]})
    assert not of(later)["is_history_complete"]


def test_an_exchange_that_comes_or_goes_breaks_it_too() -> None:
    one, both = [row(buy=1)], [row(buy=1), row(buy=1, exchange="C2")]
    for first, second in ((one, both), (both, one)):
        assert not of(history({DAYS[0]: first, DAYS[1]: second}))["is_history_complete"]
    found = of(history({DAYS[0]: both, DAYS[1]: both}))
    assert found["is_history_complete"]
    assert (found["position_contracts"], found["exchanges"]) == (4, 2)


def test_volume_on_exchanges_without_files_breaks_it_for_that_contract() -> None:
    elsewhere = {"exchange_volume_contracts": 10.0, "industry_volume_contracts": 11.0}
    whole = elsewhere | {"industry_volume_contracts": 10.0}
    rows = [row("A", **elsewhere), row("B", **whole)]
    assert history({DAYS[0]: rows})["is_history_complete"].to_list() == [False, True]
    found = history({DAYS[0]: [row("A", **whole), row("B", **whole)], DAYS[1]: rows, DAYS[2]: [row("A", **whole)]})
    assert found["is_history_complete"].to_list() == [False, True]
    two = [row("A", **whole), row("A", exchange="C2", **whole)]
    assert of(history({DAYS[0]: two}))["is_history_complete"]
