"""Sums of normal densities over legs, compiled: at many spots for every dealer model and series, or at one spot.

Each cell, a leg at a spot, is computed once and weighted for every dealer model. Spots are the lanes of the vectors, so
that every sum runs over the legs in one order, wherever the spots are cut between threads.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.conventions import Floats, Ints
from models.kernels.bell import BELL_SCALE, bell
from models.kernels.compiled import Integers, Numbers, Out, kernel
from models.kernels.memory import LANES, zeros_on_lines
from models.kernels.threads import spread

_LEGS = 8  # at once, which the kernel spells out
_SPOTS = 128  # in a block, whose cells stay in the nearest cache
_PIECE_CELLS = 1 << 20


def fill_profile(slope: Floats, offset: Floats, sizes: Floats, starts: Ints, log_spots: Floats, out: Floats) -> None:
    """Write sum of size exp(-(slope log_spot + offset)^2/2) over the legs of each series into `out`.

    `sizes`: (models, legs); `starts`: the first leg of each series and the number of legs; `out`: (models, series,
    spots).
    """
    legs, groups = _by_groups(slope, offset, sizes, starts)
    vectors = -(-log_spots.size // LANES)  # whole ones, for the rest of a loop would be computed one by one
    sums, spots = zeros_on_lines(*out.shape[:2], vectors * LANES), zeros_on_lines(vectors * LANES)
    spots[: log_spots.size] = log_spots

    def task(start: int, end: int) -> None:
        cells, size = zeros_on_lines(_LEGS * _SPOTS), (spots.size, *out.shape[:2], legs.shape[1])
        _profile(start * LANES, end * LANES, *size, groups, *legs[:2], legs[2:], spots, cells, sums)

    spread(task, vectors, piece=max(1, _PIECE_CELLS // max(1, LANES * legs.shape[1])))
    out[...] = sums[..., : log_spots.size]


def fill_terms(slope: Floats, offset: Floats, size: Floats, log_spot: float, out: Floats) -> None:
    """Write size exp(-(slope log_spot + offset)^2/2) of each leg into `out`."""
    _terms(slope.size, slope, offset, size, log_spot, out)


def _by_groups(slope: Floats, offset: Floats, sizes: Floats, starts: Ints) -> tuple[Floats, Ints]:
    """Rows slope, offset and sizes with legs of no size added, so that each series is whole groups of legs; and the
    first group of each series and the number of groups."""
    groups = np.concatenate(([0], np.cumsum(-(-np.diff(starts) // _LEGS))))
    legs = np.zeros((2 + sizes.shape[0], _LEGS * int(groups[-1])))
    for to, (start, end) in zip((_LEGS * groups[:-1]).tolist(), pairwise(starts.tolist()), strict=True):
        own = slice(to, to + end - start)
        legs[0, own], legs[1, own], legs[2:, own] = slope[start:end], offset[start:end], sizes[:, start:end]
    legs[:2] *= BELL_SCALE
    return legs, groups


@kernel
def _profile(
    first: int, last: int, spots: int, models: int, series_count: int, legs: int, groups: Integers,
    slope: Numbers, offset: Numbers, sizes: Numbers, log_spots: Numbers, cells: Out, sums: Out,
) -> None:  # fmt: skip
    for series in range(series_count):
        for group in range(groups[series], groups[series + 1]):
            i = group * _LEGS
            a0, a1, a2, a3 = slope[i], slope[i + 1], slope[i + 2], slope[i + 3]
            a4, a5, a6, a7 = slope[i + 4], slope[i + 5], slope[i + 6], slope[i + 7]
            b0, b1, b2, b3 = offset[i], offset[i + 1], offset[i + 2], offset[i + 3]
            b4, b5, b6, b7 = offset[i + 4], offset[i + 5], offset[i + 6], offset[i + 7]
            for at in range(first, last, _SPOTS):
                width = min(_SPOTS, last - at)
                for j in range(width):
                    x = log_spots[at + j]
                    cells[j] = bell(a0 * x + b0)
                    cells[j + _SPOTS] = bell(a1 * x + b1)
                    cells[j + 2 * _SPOTS] = bell(a2 * x + b2)
                    cells[j + 3 * _SPOTS] = bell(a3 * x + b3)
                    cells[j + 4 * _SPOTS] = bell(a4 * x + b4)
                    cells[j + 5 * _SPOTS] = bell(a5 * x + b5)
                    cells[j + 6 * _SPOTS] = bell(a6 * x + b6)
                    cells[j + 7 * _SPOTS] = bell(a7 * x + b7)
                for model in range(models):
                    k = model * legs + i
                    w0, w1, w2, w3 = sizes[k], sizes[k + 1], sizes[k + 2], sizes[k + 3]
                    w4, w5, w6, w7 = sizes[k + 4], sizes[k + 5], sizes[k + 6], sizes[k + 7]
                    to = (model * series_count + series) * spots + at
                    for j in range(width):
                        front = (w0 * cells[j] + w1 * cells[j + _SPOTS]) + (
                            w2 * cells[j + 2 * _SPOTS] + w3 * cells[j + 3 * _SPOTS]
                        )
                        back = (w4 * cells[j + 4 * _SPOTS] + w5 * cells[j + 5 * _SPOTS]) + (
                            w6 * cells[j + 6 * _SPOTS] + w7 * cells[j + 7 * _SPOTS]
                        )
                        sums[to + j] += front + back


@kernel
def _terms(count: int, slope: Numbers, offset: Numbers, size: Numbers, log_spot: float, out: Out) -> None:
    for i in range(count):
        out[i] = size[i] * bell((slope[i] * log_spot + offset[i]) * BELL_SCALE)
