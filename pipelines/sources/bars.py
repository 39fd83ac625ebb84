"""What a parser of daily bars hands on, and what makes a bar."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.page import REJECTED_SCHEMA, Unreadable

BAR_SCHEMA = {
    "underlying": pl.String(), "bar_date": pl.Date(), "open": pl.Float64(), "high": pl.Float64(),
    "low": pl.Float64(), "close": pl.Float64(), "volume": pl.Float64(),
}  # fmt: skip
PRICES = ("open", "high", "low", "close")
_NUMBERS = (*PRICES, "volume")
_FIRST_YEAR, _LAST_YEAR = 1950, 2045
_SYMBOL = r"^[A-Z][A-Z0-9.]{0,9}$"
_ROUNDING = 1e-6  # a high that was rounded may lie below the close


@dataclass(frozen=True, slots=True)
class BarFile:
    """Daily bars of one or several symbols (BAR_SCHEMA: USD and shares; null where not stated).

    rejected: REJECTED_SCHEMA. rows_in = bars + rejected + rows_duplicate.
    """

    bars: pl.DataFrame
    rejected: pl.DataFrame
    rows_in: int
    rows_duplicate: int


def range_or_null() -> list[pl.Expr]:
    """Open, high and low, null where the range does not hold open and close: one of the four is wrong.

    Cboe's own history of VIX has 45 such days. The close is kept, for it is what vendors take care of.
    """
    is_low_high = pl.col("high") < pl.max_horizontal(*PRICES) * (1 - _ROUNDING)
    is_high_low = pl.col("low") > pl.min_horizontal(*PRICES) * (1 + _ROUNDING)
    is_wrong = is_low_high.fill_null(value=False) | is_high_low.fill_null(value=False)
    return [pl.when(~is_wrong).then(name).alias(name) for name in PRICES if name != "close"]


def judge_bars(typed: pl.DataFrame, unreadable: pl.DataFrame) -> BarFile:
    """The bars among typed rows; a day counts once: an exact repeat is a duplicate, a differing one is rejected.

    `typed`: BAR_SCHEMA, `row_number`, `row_text` and `is_unreadable` (a cell says something that is no number; null in
    its column). `unreadable`: rows that could not be typed.
    """
    rows_in = typed.height + unreadable.height
    finite = pl.all_horizontal(pl.col(name).is_finite().fill_null(value=True) for name in _NUMBERS)
    reasons = [
        (pl.col("bar_date").is_null(), "unreadable_date"),
        (~pl.col("bar_date").dt.year().is_between(_FIRST_YEAR, _LAST_YEAR), "date_out_of_range"),
        (~pl.col("underlying").str.contains(_SYMBOL).fill_null(value=False), "unreadable_symbol"),
        (pl.col("is_unreadable"), "unreadable_number"),
        (~finite, "not_finite"),
        (pl.any_horizontal(pl.col(name) <= 0 for name in PRICES), "price_not_positive"),
        (pl.any_horizontal(pl.col(name) > LARGEST_NUMBER for name in _NUMBERS), "not_a_price"),
        (pl.col("volume") < 0, "negative_quantity"),
        (pl.col("close").is_null(), "no_close"),
    ]
    judged = typed.with_columns(
        reason=pl.coalesce(*(pl.when(wrong.fill_null(value=False)).then(pl.lit(name)) for wrong, name in reasons)),
        row_part=pl.lit("row"),
    )
    sound = judged.filter(pl.col("reason").is_null()).with_columns(range_or_null())
    distinct = sound.unique(list(BAR_SCHEMA), keep="first", maintain_order=True)
    is_first = distinct.select(pl.struct("underlying", "bar_date").is_first_distinct()).to_series()
    conflicting = distinct.filter(~is_first).with_columns(reason=pl.lit("conflicting_duplicate"))
    found = [
        frame.select(list(REJECTED_SCHEMA)) for frame in (judged.filter(pl.col("reason").is_not_null()), conflicting)
    ]
    rejected = pl.concat([unreadable, *found]).sort("row_number")
    bars = distinct.filter(is_first).select(list(BAR_SCHEMA)).sort("underlying", "bar_date")
    if bars.is_empty():
        reason = rejected["reason"][0] if rejected.height else "there are none"
        raise Unreadable(f"none of {rows_in} rows is a bar ({reason})")
    return BarFile(bars, rejected, rows_in, sound.height - distinct.height)
