"""What a parser of daily bars hands on."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

BAR_SCHEMA = {
    "underlying": pl.String(), "bar_date": pl.Date(), "open": pl.Float64(), "high": pl.Float64(),
    "low": pl.Float64(), "close": pl.Float64(), "volume": pl.Float64(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BarFile:
    """Daily bars of one or several symbols (BAR_SCHEMA: USD and shares; null where not stated).

    rejected: REJECTED_SCHEMA. rows_in = bars + rejected + rows_duplicate.
    """

    bars: pl.DataFrame
    rejected: pl.DataFrame
    rows_in: int
    rows_duplicate: int
