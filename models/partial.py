"""Whether a page holds the whole chain or a part of it (METHODS 11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from models import conventions as c

PartialReason = Literal["no_live_contracts", "strikes_do_not_span_spot", "few_rows"]


def partial_reason(
    live: pl.DataFrame,
    *,
    spot: float,
    rows_in: int,
    earlier_rows_in: Sequence[int],
    has_narrow_expiries: bool = False,
) -> PartialReason | None:
    """Why a page counts as partial; None for a whole page.

    Parameters: `live` the live contracts (expiry_date, strike); S in USD; the page's rows; the rows of up to 20 earlier
    pages of the same underlying and source, empty for the first; whether the venue lists short expiries with a few
    strikes around the money only. A page is partial when the strikes of the nearest live expiry date (of all, on such
    venues) do not span S +-5 %, or it has fewer than half the median rows of the earlier pages.
    """
    if live.is_empty():
        return "no_live_contracts"
    is_telling = pl.lit(value=True) if has_narrow_expiries else pl.col("expiry_date") == pl.col("expiry_date").min()
    strikes = live.filter(is_telling)["strike"].to_numpy()
    low, high = spot * (1.0 - c.PARTIAL_SPAN_FRAC), spot * (1.0 + c.PARTIAL_SPAN_FRAC)
    if strikes.min() > low or strikes.max() < high:
        return "strikes_do_not_span_spot"
    if len(earlier_rows_in) and rows_in < c.PARTIAL_ROWS_FRAC * float(np.median(earlier_rows_in)):
        return "few_rows"
    return None
