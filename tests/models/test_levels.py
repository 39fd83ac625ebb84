"""Walls, extremes, max pain and the rest: their rules, ties and nulls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import levels

STRIKES = np.array([90.0, 95.0, 100.0, 105.0, 110.0])
COUNTS = st.lists(st.integers(0, 50), min_size=5, max_size=5).map(lambda c: np.array(c, dtype=float))


def test_ties_go_to_the_strike_nearest_spot_then_to_the_lower():
    size = np.array([1.0, 3.0, 0.0, 3.0, 3.0])
    assert levels.strike_of_largest(size, STRIKES, 101.0) == 105.0
    assert levels.strike_of_largest(size, STRIKES, 100.0) == 95.0


def test_nothing_is_the_largest_of_nothing():
    assert levels.strike_of_largest(np.zeros(5), STRIKES, 100.0) is None
    assert levels.strike_of_largest(np.array([]), np.array([]), 100.0) is None
    assert levels.strike_of_largest(np.ones(5), STRIKES, 100.0, STRIKES > 200) is None


def test_walls_count_size_whatever_its_sign_and_may_be_held_to_their_side():
    call, put = np.array([9.0, 0, -1, 2, 1]), np.array([0.0, -1, 2, -5, 0])
    found = levels.walls(call, put, STRIKES, 100.0)
    assert found == {
        "call_wall": 90.0, "put_wall": 105.0, "call_wall_above_spot": 105.0, "put_wall_below_spot": 100.0,
    }  # fmt: skip


def test_a_strike_at_spot_belongs_to_both_sides():
    only = np.array([0.0, 0, 1, 0, 0])
    found = levels.walls(only, only, STRIKES, 100.0)
    assert set(found.values()) == {100.0}


def test_extremes_exist_only_where_their_sign_does():
    found = levels.gamma_extremes(np.full(5, 2.0), np.array([0.0, 0, -1, 0, 0]), STRIKES, 100.0)
    assert found == {"max_positive_gamma": 95.0, "max_negative_gamma": None, "absolute_gamma_strike": 100.0}


@given(COUNTS, COUNTS, st.floats(85, 115))
def test_max_pain_is_what_brute_force_finds(calls, puts, spot):
    pains = [
        float(np.sum(calls * np.maximum(k - STRIKES, 0)) + np.sum(puts * np.maximum(STRIKES - k, 0))) for k in STRIKES
    ]
    tied = STRIKES[np.array(pains) == min(pains)]
    expected = min(tied, key=lambda k: (abs(k - spot), k)) if calls.any() or puts.any() else None
    assert levels.max_pain(STRIKES, calls, puts, spot) == expected


def test_the_high_volatility_level_is_the_first_lowest_point_of_the_cumulated_gamma():
    assert levels.high_volatility_level(np.array([1.0, -2, 0, 0, 3]), STRIKES) == 95.0


@pytest.mark.parametrize("net", [[-1.0, 1, 1, 1, 1], [-1.0, -1, -1, -1, -1], []])
def test_a_lowest_point_at_either_end_is_no_level(net: list[float]):
    assert levels.high_volatility_level(np.array(net), STRIKES[: len(net)]) is None


def test_the_naive_flip_is_linear_between_strikes_and_nearest_to_spot():
    net = np.array([-1.0, 3.0, 0.0, -1.0, 2.0])
    assert levels.strike_crossing(net, STRIKES, 92.0) == pytest.approx(91.25)
    assert levels.strike_crossing(net, STRIKES, 105.0) == pytest.approx(105 + 5 / 3)


def test_the_cumulative_crossing_sums_from_the_lowest_strike():
    assert levels.cumulative_crossing(np.array([-4.0, 1, 1, 4, 0]), STRIKES, 100.0) == pytest.approx(105 - 5 / 2)
    assert levels.cumulative_crossing(np.ones(5), STRIKES, 100.0) is None
