"""Which expiries belong to a scope, and which dates are monthly."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.conventions import COIN_DEALER_MODELS, FLOW_MODELS, DealerModel
from models.scopes import monthly_expiry_dates, next_daily_expiry_date, scope_members, scope_status

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


@pytest.mark.parametrize("model", COIN_DEALER_MODELS)
def test_only_the_zero_dte_scope_can_be_after_expiry(model: DealerModel):
    facts = {"has_live_contracts": False, "has_positions": False, "has_expired_session_contracts": True}
    assert scope_status("0dte", model, **facts) == "after_expiry"
    assert scope_status("weekly", model, **facts) == "empty"


@pytest.mark.parametrize("model", COIN_DEALER_MODELS)
def test_a_live_scope_without_positions_says_what_is_missing(model: DealerModel):
    live = {"has_live_contracts": True, "has_expired_session_contracts": True}
    assert scope_status("0dte", model, **live, has_positions=True) == "ok"
    missing = "no_positions" if model in FLOW_MODELS else "no_open_interest"
    assert scope_status("0dte", model, **live, has_positions=False) == missing


def test_zero_dte_may_be_another_date_than_the_sessions():
    dates = np.array(["2026-01-14", "2026-01-15", "2026-01-21"], dtype="datetime64[D]")
    found = scope_members(dates, date(2026, 1, 14), [], date(2026, 1, 15))
    assert found["0dte"].tolist() == [False, True, False]
    assert found["weekly"].tolist() == [True, True, True]


def test_monthly_coin_options_expire_on_last_fridays():
    found = monthly_expiry_dates(date(2026, 1, 1), date(2026, 6, 30), is_closed=lambda _: False, rule="last_friday")
    assert found == [date(2026, m, d) for m, d in ((1, 30), (2, 27), (3, 27), (4, 24), (5, 29), (6, 26))]


@given(st.dates(date(2016, 1, 1), date(2040, 1, 1)))
def test_the_last_friday_is_a_friday_and_the_next_one_lies_in_another_month(day: date):
    first, last = day.replace(day=1), day.replace(day=28) + timedelta(days=4)
    (found,) = [
        found
        for found in monthly_expiry_dates(first, last, is_closed=lambda _: False, rule="last_friday")
        if found.month == day.month
    ]
    assert found.weekday() == 4
    assert (found + timedelta(days=7)).month != day.month


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2026, 1, 14, 7, 59, 59), date(2026, 1, 14)),
        (datetime(2026, 1, 14, 8), date(2026, 1, 15)),
        (datetime(2026, 1, 14), date(2026, 1, 14)),
        (datetime(2026, 1, 31, 23, 59), date(2026, 2, 1)),
    ],
)
def test_the_next_daily_expiry_is_the_next_eight_oclock(instant: datetime, expected: date):
    assert next_daily_expiry_date(instant) == expected
