"""Sums of contracts by strike, compiled: calls, puts and both in one walk over the contracts."""

from __future__ import annotations

from models.conventions import Bools, Floats, Ints
from models.kernels.compiled import Flags, Integers, Numbers, Out, kernel


def fill_side_sums(row: Ints, is_call: Bools, values: Floats, sums: Floats, known: Floats) -> None:
    """Add each row of `values` (values, contracts) to its contracts' strikes, as far as it is not NaN.

    `row`: the place of each contract's strike. `sums` and `known`, the number of values added, are (3, values,
    strikes) for calls, puts and both, and come as zeros.
    """
    _side_sums(row.size, *sums.shape[1:], row, is_call, values, sums, known)


@kernel
def _side_sums(
    contracts: int, count: int, strikes: int, row: Integers, is_call: Flags, values: Numbers, sums: Out, known: Out
) -> None:
    for k in range(count):
        for i in range(contracts):
            value = values[k * contracts + i]
            is_known = value == value  # noqa: PLR0124 - not NaN
            added, one = (value, 1.0) if is_known else (0.0, 0.0)
            side = 0 if is_call[i] != 0 else 1
            own, both = (side * count + k) * strikes + row[i], (2 * count + k) * strikes + row[i]
            sums[own] += added
            sums[both] += added
            known[own] += one
            known[both] += one
