"""Changes by strike, and which of them count as jumps."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models.heatmap import TRAIL_COLUMNS, exposure_heatmap

SESSION = date(2023, 4, 14)
EARLIER = datetime(2023, 4, 13, 20)
NOW = datetime(2023, 4, 14, 15)


def snapshots(*instants: datetime, partial: tuple[datetime, ...] = ()) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "snapshot_ts": instants, "is_partial": [instant in partial for instant in instants],
            "zero_dte_date": [SESSION] * len(instants),
        },
    )  # fmt: skip


def strikes(
    net: dict[float, float | None], count: float | None = 5.0, expiry: date = SESSION, at: datetime = NOW
) -> pl.DataFrame:
    rows = [
        {
            "snapshot_ts": at, "dealer_model": "short_all", "root": "X", "strike": strike,
            "net_gex_usd_per_1pct": value, "expiry_date": expiry,
            "expiry_ts": datetime(expiry.year, expiry.month, expiry.day, 20),
            "call_open_interest": count, "put_open_interest": 5.0,
        }
        for strike, value in net.items()
    ]  # fmt: skip
    return pl.DataFrame(
        rows, schema_overrides={"net_gex_usd_per_1pct": pl.Float64(), "call_open_interest": pl.Float64()}
    )


def summaries(*instants: datetime, gross: float = 100.0) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"snapshot_ts": at, "dealer_model": "short_all", "scope": scope, "gross_gex_usd_per_1pct": gross}
            for at in instants
            for scope in ("all", "0dte")
        ]
    )


def heatmap(
    net: dict[float, float | None],
    trail: pl.DataFrame | None = None,
    *,
    gross: float = 100.0,
    count: float | None = 5.0,
    at: datetime = NOW,
) -> pl.DataFrame:
    found = exposure_heatmap(strikes(net, count, at=at), summaries(at, gross=gross), snapshots(at), trail=trail)
    return found.filter(pl.col("scope") == "all")


def before(net: dict[float, float | None], count: float | None = 5.0) -> pl.DataFrame:
    """The trail of one earlier snapshot."""
    return heatmap(net, count=count, at=EARLIER).select(TRAIL_COLUMNS)


def past(changes: list[float]) -> pl.DataFrame:
    """A trail, newest first, in which strike 100 changed thus; it stands at 0."""
    return pl.DataFrame(
        {
            "snapshot_ts": [EARLIER - timedelta(days=i) for i in range(len(changes))],
            "dealer_model": "short_all", "scope": "all", "strike": 100.0, "net_gex_usd_per_1pct": 0.0,
            "net_gex_change_usd_per_1pct": changes, "open_interest": 10.0,
        }
    )  # fmt: skip


def test_a_first_snapshot_has_no_changes():
    found = heatmap({100.0: 7.0})
    changes = ("net_gex_change_usd_per_1pct", "open_interest_change", "previous_snapshot_ts", "is_jump")
    assert found.select(changes).row(0) == (None,) * 4


def test_changes_are_taken_from_the_previous_snapshot_and_new_strikes_start_at_zero():
    found = heatmap({100.0: 7.0, 105.0: 2.0}, before({100.0: 4.0}), count=6.0)
    assert found["net_gex_change_usd_per_1pct"].to_list() == [3.0, 2.0]
    assert found["open_interest_change"].to_list() == [1.0, 11.0]
    assert found["previous_snapshot_ts"].to_list() == [EARLIER] * 2


def test_a_strike_without_volatility_has_open_interest_but_no_gamma_and_no_change():
    found = heatmap({100.0: None}, before({100.0: 4.0}))
    columns = ("net_gex_usd_per_1pct", "net_gex_change_usd_per_1pct", "open_interest_change")
    assert found.select(columns).row(0) == (None, None, 0.0)


@pytest.mark.parametrize("is_missing_now", [True, False])
def test_open_interest_that_is_missing_now_or_then_leaves_no_change(is_missing_now: bool):
    full, partly = before({100.0: 4.0}), before({100.0: 7.0}, count=None)
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
    found = heatmap({100.0: change}, past(usual), gross=gross)
    assert found["is_jump"].to_list() == [is_jump]


def test_nineteen_snapshots_are_too_few_to_call_a_jump():
    assert heatmap({100.0: 50.0}, past([1.0] * 19))["is_jump"].to_list() == [None]


def test_only_the_sixty_snapshots_before_say_what_is_usual():
    calm_after_a_storm = [1.0, -1.0] * 30 + [1000.0, -1000.0] * 100  # newest first
    assert heatmap({100.0: 9.0}, past(calm_after_a_storm))["is_jump"].to_list() == [True]


def test_a_jump_is_told_from_the_median_distance_of_the_changes_before_it():
    made = np.random.default_rng(7)
    instants = [EARLIER + timedelta(minutes=10 * i) for i in range(90)]
    levels = made.standard_t(2, size=90).cumsum().round(2)
    changes = np.diff(levels)
    found = exposure_heatmap(
        pl.concat([strikes({100.0: net}, at=at) for at, net in zip(instants, levels.tolist(), strict=True)]),
        summaries(*instants, gross=1.0), snapshots(*instants),
    )  # fmt: skip
    expected: list[bool | None] = [None]
    for i, change in enumerate(changes):
        trail = changes[max(0, i - 60) : i]
        usual = np.median(np.abs(trail - np.median(trail))) * 1.482602218505602 if trail.size >= 20 else np.nan
        is_large = bool(abs(change) > 0.02)
        expected.append((bool(abs(change) > 6 * usual) if trail.size >= 20 else None) if is_large else False)
    assert found.filter(pl.col("scope") == "all")["is_jump"].to_list() == expected
    assert {True, False, None} == set(expected)


def test_a_partial_snapshot_has_changes_and_is_no_basis_of_others():
    instants = [NOW, NOW + timedelta(minutes=10), NOW + timedelta(minutes=20)]
    listed = [strikes({100.0: net}, at=at) for net, at in zip((1.0, 5.0, 8.0), instants, strict=True)]
    found = exposure_heatmap(pl.concat(listed), summaries(*instants), snapshots(*instants, partial=(instants[1],)))
    assert found.filter(pl.col("scope") == "all").select(
        "net_gex_change_usd_per_1pct", "previous_snapshot_ts"
    ).rows() == [(None, None), (4.0, NOW), (7.0, NOW)]  # fmt: skip


def test_a_snapshot_without_rows_is_no_basis():
    instants = [NOW, NOW + timedelta(minutes=10), NOW + timedelta(minutes=20)]
    listed = pl.concat([strikes({100.0: 1.0}, at=instants[0]), strikes({100.0: 3.0}, at=instants[2])])
    found = exposure_heatmap(listed, summaries(*instants), snapshots(*instants))
    assert found["previous_snapshot_ts"].to_list() == [None, None, NOW, NOW]


def test_a_dealer_model_that_the_previous_snapshot_lacks_has_no_change():
    other = before({100.0: 4.0}).with_columns(dealer_model=pl.lit("calls_long_puts_short"))
    assert heatmap({100.0: 7.0}, other).select("net_gex_change_usd_per_1pct", "previous_snapshot_ts").row(0) == (
        None, None
    )  # fmt: skip


def test_the_zero_dte_map_holds_only_what_expires_on_the_date_of_its_snapshot():
    tomorrow, later = SESSION + timedelta(days=1), NOW + timedelta(hours=12)
    listed = [
        strikes({strike: 1.0}, expiry=expiry, at=at)
        for at in (NOW, later)
        for strike, expiry in ((100.0, SESSION), (105.0, tomorrow))
    ]
    dated = snapshots(NOW, later).with_columns(zero_dte_date=pl.Series([SESSION, tomorrow]))
    found = exposure_heatmap(pl.concat(listed), summaries(NOW, later), dated)
    assert found.select("snapshot_ts", "scope", "strike").rows() == [
        (NOW, "0dte", 100.0), (NOW, "all", 100.0), (NOW, "all", 105.0),
        (later, "0dte", 105.0), (later, "all", 100.0), (later, "all", 105.0),
    ]  # fmt: skip


def traded(*rows: tuple[float, float | None, int], expiry: date = SESSION, at: datetime = EARLIER) -> pl.DataFrame:
    """Rows of (strike, net quantity, trades), all of one expiry."""
    return pl.DataFrame(
        {
            "trade_ts": [at] * len(rows), "expiry_date": [expiry] * len(rows), "strike": [row[0] for row in rows],
            "taker_net_quantity": [row[1] for row in rows], "trades": [row[2] for row in rows],
        },
        schema_overrides={
            "trade_ts": pl.Datetime("us"), "expiry_date": pl.Date(), "strike": pl.Float64(),
            "taker_net_quantity": pl.Float64(), "trades": pl.Int64(),
        },
    )  # fmt: skip


def map_with_trades(trades: pl.DataFrame | None, *, has_previous: bool = True, is_covered: bool = True) -> pl.DataFrame:
    """Strikes 100 and 105 expire today, 105 next week too."""

    def listed(at: datetime) -> pl.DataFrame:
        today = strikes({100.0: 1.0, 105.0: 1.0}, at=at)
        return pl.concat([today, strikes({105.0: 2.0}, expiry=SESSION + timedelta(days=7), at=at)])

    found = exposure_heatmap(listed(EARLIER), summaries(EARLIER), snapshots(EARLIER))
    return exposure_heatmap(
        listed(NOW), summaries(NOW), snapshots(NOW), trail=found.select(TRAIL_COLUMNS) if has_previous else None,
        trades=trades, is_covered=lambda after, until: is_covered and (after, until) == (EARLIER, NOW),
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
    some = traded((105.0, 1.5, 2))
    assert map_with_trades(some, is_covered=False).select(TRADED[2:]).rows() == [(None, None)] * 4


def test_trades_since_nothing_are_null():
    found = map_with_trades(traded((105.0, 1.5, 2)), has_previous=False)
    assert found.select(TRADED[2:]).rows() == [(None, None)] * 4


def test_a_trade_counts_from_the_snapshot_that_it_precedes_and_again_after_a_partial_one():
    instants = [NOW + timedelta(minutes=10 * i) for i in range(4)]
    listed = pl.concat([strikes({100.0: 1.0}, at=at) for at in instants])
    second = timedelta(seconds=1)
    trades = pl.concat(
        [
            traded((100.0, 1.0, 1), at=at)
            for at in (instants[3], instants[2] + second, instants[2], instants[1], instants[0] + second, instants[0])
        ]
    )
    found = exposure_heatmap(
        listed, summaries(*instants), snapshots(*instants, partial=(instants[1],)), trades=trades
    ).filter(pl.col("scope") == "all")
    assert found["trades"].to_list() == [None, 2, 3, 2]
    assert found["taker_net_quantity"].to_list() == [None, 2.0, 3.0, 2.0]


def test_scope_0dte_is_not_compared_with_another_expiry_where_its_date_rolls() -> None:
    def roll(before: date) -> pl.DataFrame:
        listed = pl.concat([strikes({100.0: value}, at=at) for at, value in ((EARLIER, 1.0), (NOW, 3.0))])
        return exposure_heatmap(
            listed, summaries(EARLIER, NOW), snapshots(EARLIER, NOW), trades=traded((100.0, 1.0, 1)),
            zero_dte_date_of=lambda at: before if at == EARLIER else SESSION,
        ).filter(pl.col("snapshot_ts") == NOW)  # fmt: skip

    told = ("net_gex_change_usd_per_1pct", "open_interest_change", "previous_snapshot_ts", "is_jump", "trades")
    same, rolled = roll(SESSION), roll(SESSION - timedelta(days=1))
    assert same.filter(scope="0dte").select(told[:3], "trades").null_count().sum_horizontal().item() == 0
    assert rolled.filter(scope="0dte").select(told).row(0) == (None,) * 5
    assert rolled.filter(scope="all").equals(same.filter(scope="all"))
