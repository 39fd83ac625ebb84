"""How much gamma disappears at each expiry date (METHODS 6)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl


def opex_rolloff(strikes: pl.DataFrame, *, session_date: date, monthly_expiries: Collection[date]) -> pl.DataFrame:
    """Gross and net gamma by dealer model and expiry date, with the share of the dealer model's gross gamma.

    `strikes`: the frame(s) of `strike_exposures`. is_opex marks monthly expiries. The share is null when the total is
    0; an expiry date without any volatility or open interest has nulls.
    """
    sides = (pl.col(f"{side}_gex_usd_per_1pct").abs() for side in ("call", "put"))
    gross = pl.when(pl.col("net_gex_usd_per_1pct").is_not_null()).then(pl.sum_horizontal(*sides))
    by_date = (
        strikes.sort("dealer_model", "expiry_ts", "root", "strike")
        .group_by("dealer_model", "expiry_date", maintain_order=True)
        .agg(
            gross_gex_usd_per_1pct=gross.sum(),
            net_gex_usd_per_1pct=pl.col("net_gex_usd_per_1pct").sum(),
            has_volatility=pl.col("net_gex_usd_per_1pct").is_not_null().any(),
        )
    )
    known = pl.col("has_volatility")
    total = pl.col("gross_gex_usd_per_1pct").sum().over("dealer_model")
    dates = pl.Series(sorted(monthly_expiries), dtype=pl.Date)
    return (
        by_date.with_columns(
            days_to_expiry=(pl.col("expiry_date") - session_date).dt.total_days(),
            gross_share_frac=pl.when(known & (total > 0)).then(pl.col("gross_gex_usd_per_1pct") / total),
            gross_gex_usd_per_1pct=pl.when(known).then("gross_gex_usd_per_1pct"),
            net_gex_usd_per_1pct=pl.when(known).then("net_gex_usd_per_1pct"),
            is_opex=pl.col("expiry_date").is_in(dates.implode()),
        )
        .select(
            "dealer_model", "expiry_date", "days_to_expiry", "gross_gex_usd_per_1pct", "net_gex_usd_per_1pct",
            "gross_share_frac", "is_opex",
        )
        .sort("dealer_model", "expiry_date")
    )  # fmt: skip
