"""Sums of contracts by strike against sums one by one, with both engines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engine import implementation

pytestmark = pytest.mark.usefixtures("engine")
NUMBERS = st.one_of(st.floats(-1e12, 1e12), st.just(math.nan), st.sampled_from([0.0, -0.0, 0.1, 1e300]))
CONTRACTS = st.lists(st.tuples(st.integers(0, 4), st.booleans(), NUMBERS, NUMBERS), max_size=40)


def sums_of(row: np.ndarray, is_call: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sums, known = np.zeros((2, 3, values.shape[0], 5))
    implementation("strikes").fill_side_sums(row, is_call, values, sums, known)
    return sums, known


@settings(deadline=None, max_examples=200)
@given(CONTRACTS)
def test_known_values_are_added_one_by_one_in_the_order_of_the_contracts(contracts):
    contracts = sorted(contracts, key=lambda contract: contract[0])
    row = np.array([contract[0] for contract in contracts], dtype=np.int64)
    is_call = np.array([contract[1] for contract in contracts], dtype=bool)
    values = np.ascontiguousarray(np.array([contract[2:] for contract in contracts], dtype=float).reshape(-1, 2).T)
    sums, known = sums_of(row, is_call, values)
    for side, chosen in enumerate((is_call, ~is_call, np.ones_like(is_call))):
        for k in range(2):
            for strike in range(5):
                own = [v for v in values[k][chosen & (row == strike)].tolist() if not math.isnan(v)]
                total = 0.0
                for value in own:
                    total += value
                assert known[side, k, strike] == len(own)
                assert math.copysign(1.0, sums[side, k, strike]) * abs(sums[side, k, strike]) == total
                assert math.copysign(1.0, sums[side, k, strike]) == math.copysign(1.0, total)


def test_infinities_are_known_and_stay():
    sums, known = sums_of(np.array([0, 0]), np.array([True, False]), np.array([[np.inf, 1.0]]))
    assert sums[:, 0, 0].tolist() == [np.inf, 1.0, np.inf]
    assert known[:, 0, 0].tolist() == [1, 1, 2]
