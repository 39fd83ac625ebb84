"""How much of what is cleared is cleared for market makers, and what they hold if open interest is split likewise."""

from __future__ import annotations

import polars as pl

from models.conventions import Bools, Floats
from models.positioning import dealer_quantity

ACCOUNTS = ("customer", "firm", "market_maker", "other")


def market_maker_shares(cleared: pl.DataFrame) -> pl.DataFrame:
    """M/(C+F+M): market makers' share of the contracts cleared, by underlying and side.

    `cleared`: underlying, option_type, account_type (one of ACCOUNTS) and cleared_contracts, any number of rows of any
    number of sessions. Returns one row per underlying and option_type, sorted by both: the sums under
    `{account}_contracts` (0 where an account has no row), and market_maker_share_frac, null where customers, firms and
    market makers have none. Other accounts are shown and stand outside the share. Source: METHODS 5.
    """
    contracts = pl.col("cleared_contracts")
    sums = cleared.group_by("underlying", "option_type", maintain_order=True).agg(
        contracts.filter(pl.col("account_type") == account).sum().alias(f"{account}_contracts") for account in ACCOUNTS
    )
    whole = pl.sum_horizontal(f"{account}_contracts" for account in ACCOUNTS[:3])
    share = pl.when(whole > 0).then(pl.col("market_maker_contracts") / whole)
    return sums.with_columns(market_maker_share_frac=share).sort("underlying", "option_type")


def clearing_adjusted_quantity(
    open_interest: Floats, is_call: Bools, *, call_share_frac: float, put_share_frac: float
) -> Floats:
    """Dealers' position under `clearing_adjusted`: that of `calls_long_puts_short` times market makers' share of the
    contract's side. Unit and shape of the open interest, NaN where it is NaN. Source: METHODS 5.
    """
    naive = dealer_quantity(open_interest, is_call, "calls_long_puts_short")
    return naive * (is_call * call_share_frac + ~is_call * put_share_frac)
