"""Which expiries belong to a scope, and which dates are monthly."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.scopes import monthly_expiry_dates, scope_members, scope_status

CLOSED = {date(2019, 4, 19), date(2024, 6, 19), date(2026, 6, 19)}


def closed(day: date) -> bool:
    return day in CLOSED


def test_scopes_count_calendar_days_from_the_session():
    dates = np.array(["2023-04-14", "2023-04-21", "2023-04-22", "2023-05-14", "2023-05-15"], dtype="datetime64[D]")
    found = scope_members(dates, date(2023, 4, 14), [date(2023, 4, 21)])
    assert {scope: flags.tolist() for scope, flags in found.items()} == {
        "all": [True] * 5,
        "0dte": [True, False, False, False, False],
        "weekly": [True, True, False, False, False],
        "monthly": [False, True, False, False, False],
        "le_30d": [True, True, True, True, False],
        "next_expiry": [True, False, False, False, False],
    }


def test_no_expiries_belong_to_no_scope():
    found = scope_members(np.array([], dtype="datetime64[D]"), date(2023, 4, 14), [])
    assert all(flags.size == 0 for flags in found.values())


def test_monthly_contracts_expire_on_third_fridays():
    found = monthly_expiry_dates(date(2023, 3, 1), date(2023, 5, 31), is_closed=closed)
    assert found == [date(2023, 3, 17), date(2023, 4, 21), date(2023, 5, 19)]


def test_a_closed_third_friday_also_makes_the_session_before_it_monthly():
    found = monthly_expiry_dates(date(2019, 4, 1), date(2019, 4, 30), is_closed=closed)
    assert found == [date(2019, 4, 18), date(2019, 4, 19)]


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ((2023, 5), [date(2023, 5, 17)]),
        ((2019, 3), [date(2019, 3, 19)]),  # thirty days before the Thursday that stands in for Good Friday
        ((2024, 6), [date(2024, 6, 18), date(2024, 6, 19)]),
    ],
)
def test_volatility_index_contracts_expire_thirty_days_before_the_next_third_friday(month: tuple[int, int], expected):
    first = date(*month, 1)
    assert monthly_expiry_dates(first, first.replace(day=28), is_closed=closed, rule="vix") == expected


def test_only_the_zero_dte_scope_can_be_after_expiry():
    facts = {"has_live_contracts": False, "has_open_interest": False, "has_expired_session_contracts": True}
    assert scope_status("0dte", **facts) == "after_expiry"
    assert scope_status("weekly", **facts) == "empty"
    live = {"has_live_contracts": True, "has_expired_session_contracts": True}
    assert scope_status("0dte", **live, has_open_interest=True) == "ok"
    assert scope_status("0dte", **live, has_open_interest=False) == "no_open_interest"
