"""The root of a contract whose file names only underlying and expiry."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import polars as pl

from models.scopes import monthly_expiry_dates
from pipelines.calendar import FIRST_DAY, LAST_DAY, us_sessions
from pipelines.markets import root_of, underlying_of

# An index with two roots: the one of monthly dates, and the one of all others.
_MONTHLY_AND_OTHER = {"SPX": ("SPX", "SPXW"), "NDX": ("NDX", "NDXP"), "RUT": ("RUT", "RUTW"), "VIX": ("VIX", "VIXW")}
_ONE_DAY = timedelta(days=1)


def roots(underlying: pl.Series, expiry_date: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The only root that can expire then; and whether that is in doubt, for a second one may expire on the same date.

    Where it is in doubt the monthly root is named, so that the contract can be told to its owner. No root expires on
    dates beyond the calendar.
    """
    pairs = pl.DataFrame({"underlying": underlying, "expiry_date": expiry_date})
    known = pairs.unique().drop_nulls().filter(pl.col("expiry_date").is_between(FIRST_DAY, LAST_DAY))
    found = [_root(*pair) for pair in known.iter_rows()]
    known = known.with_columns(
        root=pl.Series([root for root, _ in found], dtype=pl.String),
        is_in_doubt=pl.Series([is_in_doubt for _, is_in_doubt in found], dtype=pl.Boolean),
    )
    answered = pairs.join(known, on=["underlying", "expiry_date"], how="left", maintain_order="left")
    return answered["root"], answered["is_in_doubt"]


def _root(underlying: str, expiry_date: date) -> tuple[str, bool]:
    if underlying not in _MONTHLY_AND_OTHER:
        return underlying, False
    monthly, other = _MONTHLY_AND_OTHER[underlying]
    if not _is_monthly(expiry_date, underlying_of(underlying).monthly_rule):
        return other, False
    return monthly, root_of(monthly).settlement != root_of(other).settlement


@lru_cache(maxsize=4096)
def _is_monthly(expiry_date: date, rule: str) -> bool:
    """Until 2015 monthly contracts carried the Saturday after their last day."""
    calendar = us_sessions()
    days = {expiry_date, expiry_date - _ONE_DAY} if expiry_date.weekday() == 5 else {expiry_date}
    found = monthly_expiry_dates(
        min(days),
        max(days),
        is_closed=lambda day: day.weekday() < 5 and day <= LAST_DAY and not calendar.is_session(day),
        rule="vix" if rule == "vix" else "third_friday",
    )
    return bool(days & set(found))
