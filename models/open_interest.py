"""Evidence for the date of a page's open interest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def share_of_changes_within_volume(
    earlier: NDArray[np.float64], later: NDArray[np.float64], volume: NDArray[np.float64]
) -> tuple[float, int]:
    """How far the changes of open interest fit the volume of the session between two pages.

    Open interest cannot change by more than was traded, so between pages whose open interest is one session apart
    nearly every change fits; between misaligned pages about half do (METHODS 1).

    Parameters: contracts-long arrays of open interest on the earlier and the later page and of the volume last
    reported for the session to whose close the later figure belongs, for the contracts that both pages list.
    Returns the share among contracts whose open interest changed, and their number; the share is NaN without any.
    Raises ValueError when the lengths differ.
    """
    if not earlier.shape == later.shape == volume.shape:
        raise ValueError(f"lengths differ: {earlier.shape}, {later.shape}, {volume.shape}")
    change = np.abs(later - earlier)
    changed = change > 0
    count = int(changed.sum())
    share = float((change[changed] <= volume[changed]).sum() / count) if count else float("nan")
    return share, count


def share_repeated(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> float:
    """Share of contracts whose open interest is the same on both pages; NaN when none is listed on both.

    Parameters: contracts-long arrays for the contracts that both pages list. Raises ValueError when lengths differ.
    """
    if earlier.shape != later.shape:
        raise ValueError(f"lengths differ: {earlier.shape}, {later.shape}")
    return float((earlier == later).mean()) if earlier.size else float("nan")
