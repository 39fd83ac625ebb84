"""Numbers and findings read as a person would say them, and nothing unknown reads as a number."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.looking import words

Row = dict[str, Any]


def row(**said: Any) -> Row:
    ordinary: Row = {
        "market": "us", "session_date": date(2024, 6, 25), "snapshot_ts": datetime(2024, 6, 25, 20),
        "scope_status": "ok", "spot": 5430.76, "gamma_flip": 5453.94,
        "gamma_flip_status": "ok", "gamma_flip_search_low": 4344.6, "gamma_flip_search_high": 6516.9,
        "net_gex_usd_per_1pct": -8.33e9, "distance_to_flip_pct": -0.42,
    }  # fmt: skip
    return ordinary | said


def test_negative_gamma_below_the_flip_amplifies_there() -> None:
    assert words.finding(row()) == "dealers amplify moves below 5,454"


def test_positive_gamma_above_the_flip_damps_there() -> None:
    assert words.finding(row(spot=5500.0, net_gex_usd_per_1pct=2e9)) == "dealers damp moves above 5,454"


def test_a_curve_that_falls_through_zero_is_told_as_it_is() -> None:
    assert words.finding(row(net_gex_usd_per_1pct=2e9)) == "dealers damp moves below 5,454"
    assert words.finding(row(spot=5500.0)) == "dealers amplify moves above 5,454"


def test_a_low_price_keeps_its_cents() -> None:
    assert words.finding(row(spot=17.3, gamma_flip=16.354)) == "dealers amplify moves above 16.35"


def test_one_of_several_flips_is_called_the_nearest() -> None:
    assert words.finding(row(gamma_flip_status="several")).endswith("below 5,454, the nearest of several flips")


def test_without_a_flip_the_finding_names_the_bounds_of_the_search() -> None:
    told = words.finding(row(gamma_flip=None, gamma_flip_status="no_sign_change"))
    assert told == "dealers amplify moves everywhere from 4,345 to 6,517"


def test_too_few_strikes_are_told_in_words() -> None:
    told = words.finding(row(gamma_flip=None, gamma_flip_status="insufficient_data"))
    assert told == "dealers amplify moves; too few live strikes for a flip"


@pytest.mark.parametrize("status", ["empty", "after_expiry", "no_open_interest"])
def test_a_scope_without_figures_says_why_and_shows_no_number(status: str) -> None:
    bare = row(scope_status=status, net_gex_usd_per_1pct=None, gamma_flip=None, gamma_flip_status=None)
    assert words.finding(bare) == words.SCOPE_STATUS[status]
    assert not any(letter.isdigit() for letter in words.finding(bare) + words.flip_words(bare) + words.distance(bare))


def test_an_unknown_status_is_shown_as_it_stands() -> None:
    assert words.finding(row(scope_status="something_new")) == "something_new"
    assert words.flip_words(row(gamma_flip_status="odd")) == "5,453.94 (odd)"


def test_unknown_net_gamma_takes_no_side() -> None:
    assert words.finding(row(net_gex_usd_per_1pct=None)) == "net gamma is not known"
    assert words.finding(row(net_gex_usd_per_1pct=0.0)) == "dealers neither damp nor amplify moves"


def test_a_change_of_sign_is_dated_by_its_first_session() -> None:
    rows = [
        row(session_date=date(2024, 6, 20), net_gex_usd_per_1pct=3e9, spot=5500.0),
        row(session_date=date(2024, 6, 24), net_gex_usd_per_1pct=-1e9),
        row(session_date=date(2024, 6, 25)),
    ]
    assert words.course(rows) == "since 24 Jun dealers amplify moves below 5,454"
    assert words.course(rows[1:]) == "throughout, dealers amplify moves below 5,454"
    assert words.course(rows[2:]) == "dealers amplify moves below 5,454"


def test_a_snapshot_without_figures_does_not_break_the_course() -> None:
    gap = row(session_date=date(2024, 6, 21), net_gex_usd_per_1pct=None, scope_status="no_open_interest")
    assert words.course([row(), gap, row()]) == "throughout, dealers amplify moves below 5,454"
    told = words.course([row(), gap])
    assert told == f"{words.SCOPE_STATUS['no_open_interest']}; on 25 Jun at 16:00, dealers amplify moves below 5,454"
    assert words.course([gap, gap]) == words.SCOPE_STATUS["no_open_interest"]


@pytest.mark.parametrize(
    ("value", "told"),
    [(-8.33e9, "−8.33 bn"), (2.5e6, "+2.50 mn"), (1500.0, "+1.50 thousand"), (0.0, "+0.00"), (None, "not known")],
)
def test_exposures_carry_their_sign_and_scale(value: float | None, told: str) -> None:
    assert words.dollars(value).replace("\u00a0", " ") == told


def test_numbers_of_a_column_share_its_unit() -> None:
    assert [words.in_unit(value, 1e9) for value in (9.12e9, -0.9e9, None)] == ["+9.12", "−0.90", "not known"]


@pytest.mark.parametrize(
    ("value", "exact", "rough"),
    [(5453.937, "5,453.94", "5,454"), (5500.0, "5,500", "5,500"), (542.7, "542.70", "542.70"), (None, "none", "none")],
)
def test_prices_are_written_with_cents_or_roughly(value: float | None, exact: str, rough: str) -> None:
    assert words.price(value) == exact
    assert words.price(value, is_rough=True) == rough


def test_instants_are_told_in_new_york_and_the_small_print_in_utc() -> None:
    instant = datetime(2024, 6, 25, 20, 0)
    assert words.clock(instant) == "16:00"
    assert words.moment(instant) == "25 Jun 2024 20:00 UTC"


def test_a_period_names_the_year_once_unless_it_changes() -> None:
    assert words.period(date(2024, 6, 17), date(2024, 6, 25)) == "17 Jun to 25 Jun 2024"
    assert words.period(date(2022, 12, 12), date(2023, 4, 17)) == "12 Dec 2022 to 17 Apr 2023"
    assert words.period(date(2024, 6, 25), date(2024, 6, 25)) == "25 Jun 2024"


@given(st.lists(st.floats(-1e13, 1e13), min_size=1))
def test_a_scale_leaves_the_largest_value_between_one_and_a_thousand(values: list[float]) -> None:
    size, _ = words.scale_of(values)
    largest = max(abs(value) for value in values)
    assert largest / size < 1000 or size == 1e9
    assert largest / size >= 1 or size == 1.0


@given(st.floats(-1e13, 1e13))
def test_what_is_drawn_is_true_to_four_digits(value: float) -> None:
    shown = words.scaled(value, 1e9)
    assert shown is not None
    assert shown * 1e9 == pytest.approx(value, rel=6e-4, abs=1e-300)


def test_what_is_not_a_number_is_not_drawn() -> None:
    assert words.scaled(None, 1.0) is None
    assert words.scaled(float("nan"), 1.0) is None
    assert words.scaled(float("inf"), 1.0) is None
