"""What a coin venue owes: every ten-minute snapshot and every trade, told day by day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.daily.coin_cadence import (
    EVERY,
    GRACE,
    TICKS_A_DAY,
    Hole,
    Lack,
    instant_of,
    late_by,
    missing_snapshots,
    missing_trades,
    start_of,
    tick_of,
    ticks_due,
    trades_due,
    uncovered,
)

DAY = date(2026, 1, 14)
LATER = datetime(2030, 1, 1)


def at(clock: str, day: date = DAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock))


def run(start: str, stop: str, day: date = DAY) -> range:
    return range(tick_of(at(start, day)), tick_of(at(stop, day)))


def missing(*runs: range, first: int = 0, due: int | None = None) -> list[Lack]:
    return missing_snapshots("BTC", runs, first, tick_of(LATER) if due is None else due)


def test_a_snapshot_stands_for_the_tick_before_it_and_for_the_next_one_when_it_is_a_little_early() -> None:
    assert instant_of(tick_of(at("10:10:00.5"))) == at("10:10")
    assert instant_of(tick_of(at("10:18:59"))) == at("10:10")
    assert instant_of(tick_of(at("10:09:30"))) == at("10:10")  # clocks differ
    assert instant_of(tick_of(at("10:10"))) == at("10:10")  # recorded on the grid


def test_a_tick_is_due_ten_minutes_later() -> None:
    assert instant_of(ticks_due(at("10:19:59"))) == at("10:10")
    assert instant_of(ticks_due(at("10:20"))) == at("10:20")


def test_a_day_says_how_many_are_missing_and_from_when_to_when_the_longest_hole_is() -> None:
    (lack,) = missing(run("02:10", "03:40"), run("07:00", "08:20"))
    assert lack.reason == "17 of 144 snapshots missing, longest 02:10-03:40"
    assert (lack.part, lack.session_date, lack.due_ts) == ("BTC", DAY, at("02:20"))


def test_a_hole_over_midnight_is_told_by_each_of_its_days() -> None:
    over = range(tick_of(at("23:30")), tick_of(at("23:30", DAY + timedelta(days=2))))
    told = [(lack.session_date.day, lack.reason) for lack in missing(over)]
    assert told == [
        (14, "3 of 144 snapshots missing, longest 23:30-24:00"),
        (15, "144 of 144 snapshots missing"),
        (16, "141 of 144 snapshots missing, longest 00:00-23:30"),
    ]


def test_nothing_is_owed_before_the_first_snapshot_nor_before_it_is_due() -> None:
    hole = run("02:00", "04:00")
    assert missing(hole, first=tick_of(at("05:00"))) == []
    assert missing(hole, due=ticks_due(at("02:09"))) == []
    assert missing(hole, due=ticks_due(at("02:10")))[0].reason.startswith("1 of 144")


@given(
    served=st.sets(st.integers(0, 5 * TICKS_A_DAY), min_size=1),
    late=st.integers(0, 6 * TICKS_A_DAY * 600),
    shift=st.integers(-59, 539),
)
def test_every_due_tick_is_either_served_or_told_as_missing(served: set[int], late: int, shift: int) -> None:
    zero = tick_of(at("00:00"))
    instants = [instant_of(zero + tick) + timedelta(seconds=shift) for tick in served]
    ticks = sorted(map(tick_of, instants))
    now = at("00:00") + timedelta(seconds=late)
    due = ticks_due(now)
    runs = [range(a + 1, b) for a, b in zip(ticks, [*ticks[1:], due], strict=True)]
    told = missing(*runs, first=ticks[0], due=due)
    counted = sum(int(lack.reason.split()[0]) for lack in told)
    owed = range(ticks[0], due)
    assert counted == len(set(owed) - set(ticks))
    assert [lack.session_date for lack in told] == sorted({lack.session_date for lack in told})
    for lack in told:
        assert start_of(lack.session_date) + GRACE <= lack.due_ts <= now
        assert lack.due_ts - GRACE == min(
            instant_of(tick) for tick in owed if tick not in ticks and instant_of(tick).date() == lack.session_date
        )


def test_trades_are_due_two_whole_hours_later() -> None:
    assert trades_due(at("10:59")) == at("08:00")
    assert trades_due(at("11:00")) == at("09:00")


def test_what_no_claim_covers_is_named_and_a_hole_by_number_with_its_contract() -> None:
    spans = uncovered([(at("00:00"), at("04:00")), (at("05:00"), at("12:00")), (at("02:00"), at("03:00"))], at("12:00"))
    assert spans == [(at("04:00"), at("05:00"))]
    holes = {DAY: [Hole("BTC-27MAR26-90000-C", 33, 35), Hole("BTC-27MAR26-90000-P", 7, 7)]}
    (lack,) = missing_trades("BTC", spans, holes, LATER)
    assert lack.reason == (
        "4 trades missing by trade_seq in 2 contracts, first BTC-27MAR26-90000-C: 33 to 35; uncovered 04:00-05:00"
    )
    assert lack.due_ts == at("06:00")


def test_a_single_trade_is_told_as_one() -> None:
    (lack,) = missing_trades("SOL", [], {DAY: [Hole("SOL_USDC-27MAR26-90-P", 7, 7)]}, LATER)
    assert lack.reason == "1 trade missing by trade_seq in 1 contract, first SOL_USDC-27MAR26-90-P: 7"


def test_holes_of_a_day_are_told_when_it_is_over() -> None:
    holes = {DAY: [Hole("BTC-27MAR26-90000-C", 33, 35)]}
    assert missing_trades("BTC", [], holes, at("23:59")) == []
    assert len(missing_trades("BTC", [], holes, datetime(2026, 1, 15))) == 1


def test_many_uncovered_spans_are_a_few_and_a_count() -> None:
    spans = [(at(f"{hour:02}:00"), at(f"{hour:02}:30")) for hour in range(5)]
    (lack,) = missing_trades("BTC", spans, {}, LATER)
    assert lack.reason == "uncovered 00:00-00:30, 01:00-01:30, 02:00-02:30 and 2 more"


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50)), min_size=1, max_size=12), st.integers(0, 400))
def test_each_hour_is_covered_before_the_first_or_uncovered(pieces: list[tuple[int, int]], until: int) -> None:
    zero, hour = at("00:00"), timedelta(hours=1)
    spans = [(zero + start * hour, zero + (start + length) * hour) for start, length in pieces]
    end = zero + until * hour
    told = uncovered(spans, end)
    first = min(start for start, _ in spans)
    for number in range(until):
        here = zero + number * hour
        is_covered = any(start <= here < stop for start, stop in spans)
        is_told = any(start <= here < stop for start, stop in told)
        assert is_told == (here >= first and not is_covered)
    lacks = missing_trades("BTC", told, {}, LATER)
    days = {(zero + n * hour).date() for n in range(until) if any(a <= zero + n * hour < b for a, b in told)}
    assert {lack.session_date for lack in lacks} == days


def test_a_visit_is_late_by_what_has_passed_since_its_tick() -> None:
    assert late_by([at("10:10:04"), at("10:17"), at("10:19:40")]) == [
        timedelta(seconds=4),
        timedelta(minutes=7),
        timedelta(0),
    ]


@pytest.mark.parametrize("tick", [0, 1, 2_950_000])
def test_ticks_and_instants_are_one_to_one(tick: int) -> None:
    assert tick_of(instant_of(tick)) == tick
    assert instant_of(tick + 1) - instant_of(tick) == EVERY
