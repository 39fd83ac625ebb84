"""Sums of contracts by strike in NumPy: what `models.kernels.strikes` computes."""

from __future__ import annotations

import numpy as np

from models.conventions import Bools, Floats, Ints


def fill_side_sums(row: Ints, is_call: Bools, values: Floats, sums: Floats, known: Floats) -> None:
    """Add each row of `values` (values, contracts) to its contracts' strikes, as far as it is not NaN.

    `row`: the place of each contract's strike. `sums` and `known`, the number of values added, are (3, values,
    strikes) for calls, puts and both, and come as zeros.
    """
    strikes = sums.shape[2]
    for side, chosen in enumerate((is_call, ~is_call, np.ones_like(is_call))):
        place = row[chosen]
        for k, of_all in enumerate(values):
            own = of_all[chosen]
            is_known = ~np.isnan(own)
            sums[side, k] += np.bincount(place, weights=np.where(is_known, own, 0.0), minlength=strikes)
            known[side, k] += np.bincount(place[is_known], minlength=strikes)
