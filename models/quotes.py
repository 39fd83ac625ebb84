"""Which quotes say something about a price (METHODS 2)."""

from __future__ import annotations

import polars as pl


def is_usable() -> pl.Expr:
    """True where bid > 0 and ask >= bid, both finite; false, never null, otherwise. Columns: bid, ask in USD."""
    bid, ask = pl.col("bid").fill_nan(None), pl.col("ask").fill_nan(None)
    return ((bid > 0) & (ask >= bid) & ask.is_finite()).fill_null(value=False)


def mid() -> pl.Expr:
    """Mean of bid and ask in USD; meaningful where `is_usable`."""
    return (pl.col("bid") + pl.col("ask")) / 2
