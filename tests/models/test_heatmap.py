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
