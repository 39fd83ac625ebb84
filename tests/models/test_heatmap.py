"""Changes by strike, and which of them count as jumps."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from models.heatmap import exposure_heatmap

SESSION = date(2023, 4, 14)
EARLIER = datetime(2023, 4, 13, 20)


def strikes(net: dict[float, float | None], count: float | None = 5.0, expiry: date = SESSION) -> pl.DataFrame:
    rows = [
        {
            "dealer_model": "short_all", "root": "X", "strike": strike, "net_gex_usd_per_1pct": value,
            "expiry_date": expiry, "expiry_ts": datetime(expiry.year, expiry.month, expiry.day, 20),
            "call_open_interest": count, "put_open_interest": 5.0,
        }
        for strike, value in net.items()
    ]  # fmt: skip
    return pl.DataFrame(
        rows, schema_overrides={"net_gex_usd_per_1pct": pl.Float64(), "call_open_interest": pl.Float64()}
    )


def heatmap(
    net: dict[float, float | None],
    previous: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    *,
    gross: float = 100.0,
    count: float | None = 5.0,
) -> pl.DataFrame:
    summary = pl.DataFrame(
        {"dealer_model": ["short_all"] * 2, "scope": ["all", "0dte"], "gross_gex_usd_per_1pct": [gross] * 2}
    )
    found = exposure_heatmap(
        strikes(net, count), summary, zero_dte_date=SESSION, previous=previous,
        previous_snapshot_ts=EARLIER if previous is not None else None, history=history,
    )  # fmt: skip
    return found.filter(pl.col("scope") == "all")


def past(changes: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "dealer_model": "short_all", "scope": "all", "strike": 100.0,
            "snapshot_ts": [EARLIER - timedelta(days=i) for i in range(len(changes))],
            "net_gex_change_usd_per_1pct": changes,
        }
    )  # fmt: skip


def test_a_first_snapshot_has_no_changes():
    found = heatmap({100.0: 7.0})
    changes = ("net_gex_change_usd_per_1pct", "open_interest_change", "previous_snapshot_ts", "is_jump")
    assert found.select(changes).row(0) == (None,) * 4


def test_changes_are_taken_from_the_previous_snapshot_and_new_strikes_start_at_zero():
    found = heatmap({100.0: 7.0, 105.0: 2.0}, previous=heatmap({100.0: 4.0}), count=6.0)
    assert found["net_gex_change_usd_per_1pct"].to_list() == [3.0, 2.0]
    assert found["open_interest_change"].to_list() == [1.0, 11.0]
    assert found["previous_snapshot_ts"].to_list() == [EARLIER] * 2


def test_a_strike_without_volatility_has_open_interest_but_no_gamma_and_no_change():
    found = heatmap({100.0: None}, previous=heatmap({100.0: 4.0}))
    columns = ("net_gex_usd_per_1pct", "net_gex_change_usd_per_1pct", "open_interest_change")
    assert found.select(columns).row(0) == (None, None, 0.0)


@pytest.mark.parametrize("is_missing_now", [True, False])
def test_open_interest_that_is_missing_now_or_then_leaves_no_change(is_missing_now: bool):
    full, partly = heatmap({100.0: 4.0}), heatmap({100.0: 7.0}, count=None)
    assert partly.select("net_gex_usd_per_1pct", "open_interest").row(0) == (7.0, None)
    found = heatmap({100.0: 7.0}, full, count=None) if is_missing_now else heatmap({100.0: 4.0}, partly)
    changes = ("net_gex_change_usd_per_1pct", "open_interest_change", "is_jump", "previous_snapshot_ts")
    assert found.select(changes).row(0) == (None, None, None, EARLIER)


@pytest.mark.parametrize(
    ("change", "gross", "is_jump"),
    [(9.0, 100.0, True), (8.8, 100.0, False), (-9.0, 100.0, True), (9.0, 500.0, False)],
)
def test_a_jump_is_unusual_for_its_strike_and_large_for_the_book(change: float, gross: float, is_jump: bool):
    usual = [1.0, -1.0] * 10  # median 0, median distance 1: six deviations are 8.9
    found = heatmap({100.0: change}, previous=heatmap({100.0: 0.0}), history=past(usual), gross=gross)
    assert found["is_jump"].to_list() == [is_jump]


def test_nineteen_snapshots_are_too_few_to_call_a_jump():
    found = heatmap({100.0: 50.0}, previous=heatmap({100.0: 0.0}), history=past([1.0] * 19))
    assert found["is_jump"].to_list() == [None]


def test_the_zero_dte_map_holds_only_what_expires_today():
    both = pl.concat([strikes({100.0: 1.0}), strikes({105.0: 2.0}, expiry=SESSION + timedelta(days=7))])
    summary = pl.DataFrame({"dealer_model": ["short_all"], "scope": ["all"], "gross_gex_usd_per_1pct": [1.0]})
    found = exposure_heatmap(
        both, summary, zero_dte_date=SESSION, previous=None, previous_snapshot_ts=None, history=None
    )
    assert found.select("scope", "strike").rows() == [("0dte", 100.0), ("all", 100.0), ("all", 105.0)]


def traded(*rows: tuple[float, float | None, int], expiry: date = SESSION) -> pl.DataFrame:
    """Rows of (strike, net quantity, trades), all of one expiry."""
    return pl.DataFrame(
        {
            "expiry_date": [expiry] * len(rows), "strike": [row[0] for row in rows],
            "taker_net_quantity": [row[1] for row in rows], "trades": [row[2] for row in rows],
        },
        schema_overrides={
            "expiry_date": pl.Date(), "strike": pl.Float64(), "taker_net_quantity": pl.Float64(), "trades": pl.Int64()
        },
    )  # fmt: skip


def map_with_trades(trades: pl.DataFrame | None, *, has_previous: bool = True) -> pl.DataFrame:
    """Strikes 100 and 105 expire today, 105 next week too."""
    listed = pl.concat([strikes({100.0: 1.0, 105.0: 1.0}), strikes({105.0: 2.0}, expiry=SESSION + timedelta(days=7))])
    summary = pl.DataFrame({"dealer_model": ["short_all"], "scope": ["all"], "gross_gex_usd_per_1pct": [1.0]})
    found = exposure_heatmap(
        listed, summary, zero_dte_date=SESSION, previous=None, previous_snapshot_ts=None, history=None
    )
    return exposure_heatmap(
        listed, summary, zero_dte_date=SESSION, previous=found if has_previous else None,
        previous_snapshot_ts=EARLIER if has_previous else None, history=None, trades=trades,
    )  # fmt: skip


TRADED = ("scope", "strike", "taker_net_quantity", "trades")


def test_trades_behind_a_change_are_summed_over_the_expiries_of_the_scope():
    later = traded((105.0, -4.0, 1), expiry=SESSION + timedelta(days=7))
    found = map_with_trades(pl.concat([traded((105.0, 1.5, 2), (105.0, 0.5, 1), (110.0, 9.0, 9)), later]))
    assert found.select(TRADED).rows() == [
        ("0dte", 100.0, 0.0, 0), ("0dte", 105.0, 2.0, 3), ("all", 100.0, 0.0, 0), ("all", 105.0, -2.0, 4)
    ]  # fmt: skip


def test_a_trade_whose_side_is_unknown_counts_and_leaves_no_net():
    found = map_with_trades(traded((105.0, 1.5, 2), (105.0, None, 1)))
    assert found.filter(pl.col("strike") == 105).select(TRADED[2:]).rows() == [(None, 3)] * 2


def test_no_trades_are_zero_and_unknown_trades_are_null():
    assert map_with_trades(traded()).select(TRADED[2:]).rows() == [(0.0, 0)] * 4
    assert map_with_trades(None).select(TRADED[2:]).rows() == [(None, None)] * 4


def test_trades_since_nothing_are_null():
    found = map_with_trades(traded((105.0, 1.5, 2)), has_previous=False)
    assert found.select(TRADED[2:]).rows() == [(None, None)] * 4
