"""Sums of normal densities over legs in NumPy: what `models.kernels.profile` computes, block by block in place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.conventions import Floats, Ints

_BLOCK = 256  # legs whose cells on a grid stay in the processor's cache; whatever the spots, for the order of sums
_LEAST = -707.3567  # ln 2^-1020.5, below which a cell is 0: far legs give sums no sign


def fill_profile(slope: Floats, offset: Floats, sizes: Floats, starts: Ints, log_spots: Floats, out: Floats) -> None:
    """Write sum of size exp(-(slope log_spot + offset)^2/2) over the legs of each series into `out`.

    `sizes`: (models, legs); `starts`: the first leg of each series and the number of legs; `out`: (models, series,
    spots).
    """
    spots = np.append(log_spots, 0.0)  # a column that stands alone would be added up in another order
    out[...] = 0.0
    for series, (start, end) in enumerate(pairwise(starts.tolist())):
        for first in range(start, end, _BLOCK):
            part = slice(first, min(first + _BLOCK, end))
            cells = np.multiply.outer(slope[part], spots)
            cells += offset[part, None]
            _to_densities(cells)
            out[:, series] += np.einsum("ml,lp->mp", sizes[:, part], cells)[:, : log_spots.size]


def fill_terms(slope: Floats, offset: Floats, size: Floats, log_spot: float, out: Floats) -> None:
    """Write size exp(-(slope log_spot + offset)^2/2) of each leg into `out`."""
    np.multiply(slope, log_spot, out=out)
    out += offset
    _to_densities(out)
    out *= size


def _to_densities(cells: Floats) -> None:
    """exp(-cell^2/2) in place."""
    with np.errstate(over="ignore"):
        np.multiply(cells, cells, out=cells)
    cells *= -0.5
    if cells.min(initial=0.0) < _LEAST:
        cells[cells < _LEAST] = -np.inf
    np.exp(cells, out=cells)
