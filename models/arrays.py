"""The boundary of the kernels: whatever array-likes come in, one-dimensional contiguous arrays of one length go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.conventions import Bools, Floats


def numbers(name: str, values: npt.ArrayLike) -> Floats:
    """64-bit floats, from whole numbers and other floats too; masked entries become NaN. TypeError for the rest."""
    array = np.asanyarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: real numbers are needed, not {array.dtype}")
    if np.ma.isMaskedArray(values):
        return np.asarray(np.ma.filled(array.astype(np.float64), np.nan))
    return np.asarray(array, dtype=np.float64)


def flags(name: str, values: npt.ArrayLike) -> Bools:
    """Booleans; TypeError for anything else, because 1 and 0 for calls and puts are somebody's other convention."""
    array = np.asarray(values)
    if np.ma.isMaskedArray(values):
        raise TypeError(f"{name}: True and False are needed, and nothing masked")
    if array.dtype.kind != "b":
        raise TypeError(f"{name}: True and False are needed, not {array.dtype}")
    return array


def aligned(columns: Mapping[str, Floats | Bools]) -> tuple[tuple[int, ...], list[Any]]:
    """The common shape, and every column broadcast to it, flat and contiguous. ValueError names what does not fit."""
    try:
        shape = np.broadcast_shapes(*(column.shape for column in columns.values()))
    except ValueError:
        told = ", ".join(f"{name} {column.shape}" for name, column in columns.items() if column.ndim)
        raise ValueError(f"arrays of different lengths: {told}") from None
    spread = (column if column.shape == shape else np.broadcast_to(column, shape) for column in columns.values())
    return shape, [
        (column if column.flags.c_contiguous and column.flags.aligned else column.copy("C")).reshape(-1)
        for column in spread
    ]


def places(chosen: Bools) -> slice | Bools:
    """What picks the chosen entries of an array: a slice, which copies nothing, where they are one run."""
    found = chosen.nonzero()[0]
    if not found.size:
        return slice(0, 0)
    run = slice(int(found[0]), int(found[-1]) + 1)
    return run if run.stop - run.start == found.size else chosen
