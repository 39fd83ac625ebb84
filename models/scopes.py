"""Which expiries belong to which scope (METHODS 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models import conventions as c
from models.conventions import Bools, DealerModel, Scope
from models.positioning import rests_on_open_interest

ScopeStatus = Literal["ok", "no_open_interest", "no_positions", "empty", "after_expiry"]
MonthlyRule = Literal["third_friday", "last_friday", "vix"]
_FRIDAY = 4
_COIN_EXPIRY = time(c.COIN_EXPIRY_HOUR)
_VIX_LEAD_DAYS = 30
_LONGEST_CLOSURE_DAYS = 10


def scope_members(
    expiry_dates: NDArray[np.datetime64],
    session_date: date,
    monthly_expiries: Collection[date],
    zero_dte_date: date | None = None,
) -> dict[Scope, Bools]:
    """For every scope, which of the live expiry dates (datetime64[D], any length, repeats allowed) belong to it.

    `monthly_expiries`: the dates on which the underlying's monthly contracts expire. `zero_dte_date`: the expiry date
    of scope 0dte, None for the session date. `next_expiry` is the earliest date given. Days are calendar days from the
    session date to the expiry date.
    """
    dates = expiry_dates.astype("datetime64[D]")
    days = (dates - np.datetime64(session_date, "D")).astype(np.int64)
    today = np.datetime64(session_date if zero_dte_date is None else zero_dte_date, "D")
    monthly = np.array(sorted(monthly_expiries), dtype="datetime64[D]")
    return {
        "all": np.ones(dates.size, dtype=bool),
        "0dte": dates == today,
        "weekly": days <= c.WEEKLY_DAYS,
        "monthly": np.isin(dates, monthly),
        "le_30d": days <= c.LE_30D_DAYS,
        "next_expiry": dates == (dates.min() if dates.size else np.datetime64("NaT", "D")),
    }


def scope_status(
    scope: Scope,
    dealer_model: DealerModel,
    *,
    has_live_contracts: bool,
    has_positions: bool,
    has_expired_session_contracts: bool,
) -> ScopeStatus:
    """With live contracts `ok`, or why no position of any of them is known: `no_open_interest` for a model that rests
    on it, else `no_positions`; without any `empty`, or `after_expiry` for 0dte if the page lists contracts that expired
    this session."""
    if has_live_contracts:
        missing: ScopeStatus = "no_open_interest" if rests_on_open_interest(dealer_model) else "no_positions"
        return "ok" if has_positions else missing
    return "after_expiry" if scope == "0dte" and has_expired_session_contracts else "empty"


def next_daily_expiry_date(instant: datetime) -> date:
    """Date of the next 08:00 UTC after an instant (naive UTC), when coin options expire; at 08:00 the day after."""
    return instant.date() + timedelta(days=int(instant.time() >= _COIN_EXPIRY))


def monthly_expiry_dates(
    first: date,
    last: date,
    *,
    is_closed: Callable[[date], bool],
    rule: MonthlyRule = "third_friday",
) -> list[date]:
    """Monthly expiry dates from `first` to `last`, both included, ascending.

    `third_friday`: the third Friday, and the session before it when the exchange is closed that day (contracts listed
    years ahead still carry the Friday, so both dates count). `last_friday`: the last Friday, likewise (Deribit, which
    never closes). `vix`: 30 days before the next month's holiday-shifted third Friday, shifted likewise. `is_closed`
    says whether the exchange is shut on a weekday; weekends need no answer.
    """
    found: set[date] = set()
    year, month = first.year, first.month
    while date(year, month, 1) <= last:
        ahead_year, ahead_month = _month_after(year, month)
        match rule:
            case "third_friday":
                nominal = _third_friday(year, month)
            case "last_friday":
                nominal = _friday_before(date(ahead_year, ahead_month, 1))
            case "vix":
                nominal = _shifted(_third_friday(ahead_year, ahead_month), is_closed) - timedelta(days=_VIX_LEAD_DAYS)
        found |= {nominal, _shifted(nominal, is_closed)}
        year, month = ahead_year, ahead_month
    return sorted(day for day in found if first <= day <= last)


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)


def _friday_before(day: date) -> date:
    """The last Friday that lies before `day`."""
    return day - timedelta(days=(day.weekday() - _FRIDAY - 1) % 7 + 1)


def _shifted(day: date, is_closed: Callable[[date], bool]) -> date:
    """The last session on or before `day`."""
    for _ in range(_LONGEST_CLOSURE_DAYS):
        if day.weekday() < 5 and not is_closed(day):
            return day
        day -= timedelta(days=1)
    raise ValueError(f"no session in the {_LONGEST_CLOSURE_DAYS} days after {day}")
