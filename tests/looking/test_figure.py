"""The parts that figures share: the time axis, labels that do not cover one another, text from data."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.looking.figure import Columns, dated, plain, spread, thinned


def columns(*moments: datetime) -> Columns:
    return Columns(moments, [moment.date() for moment in moments])


def closes(count: int, start: date = date(2024, 1, 2)) -> Columns:
    return columns(*(datetime(start.year, start.month, start.day, 21) + timedelta(days=n) for n in range(count)))


INTRADAY = columns(*(datetime(2024, 6, 21, 14) + timedelta(minutes=30 * n) for n in range(12)))
MIXED = columns(
    datetime(2024, 6, 20, 20), datetime(2024, 6, 21, 14), datetime(2024, 6, 21, 20), datetime(2024, 6, 24, 20)
)
GAP = columns(datetime(2022, 12, 12, 21), datetime(2023, 4, 5, 20), datetime(2023, 4, 6, 20))


@given(st.lists(st.floats(-1e4, 1e4), max_size=8), st.floats(0.1, 100))
def test_labels_are_moved_apart_and_keep_their_order(values: list[float], gap: float) -> None:
    moved = spread(values, gap)
    order = sorted(range(len(values)), key=lambda n: values[n])
    assert all(moved[b] - moved[a] >= 0.8 * gap for a, b in pairwise(order))


def test_labels_far_apart_stay_where_they_are() -> None:
    assert spread([3.0, 1.0, 9.0], 1.0) == [3.0, 1.0, 9.0]


@pytest.mark.parametrize("axis", [closes(1), closes(3), closes(250), INTRADAY, MIXED, GAP])
@pytest.mark.parametrize("most", [4, 12])
def test_labels_of_the_time_axis_are_few_and_inside(axis: Columns, most: int) -> None:
    places, texts = axis.ticks(most)
    assert 1 <= len(places) == len(texts) <= most
    assert all(-0.5 <= place <= len(axis) - 0.5 for place in places)
    assert places == sorted(places)


def test_a_session_with_several_snapshots_is_labelled_once_in_its_middle() -> None:
    places, texts = MIXED.ticks(12)
    assert places == [0.0, 1.5, 3.0]
    assert texts == ["20 Jun<br>2024", "21 Jun", "24 Jun"]


def test_one_session_alone_is_labelled_by_the_hour_in_new_york() -> None:
    _, texts = INTRADAY.ticks(12)
    assert texts[0] == "10:00" and texts[-1] == "15:30"


def test_nights_and_weekends_take_no_room() -> None:
    assert MIXED.line([1.0, 2.0, 3.0, 4.0])["x"] == [0.0, 1.0, 2.0, 3.0]


def test_no_line_crosses_a_long_break() -> None:
    assert GAP.breaks == [1]
    assert GAP.line([1.0, 2.0, 3.0])["y"] == [1.0, None, 2.0, 3.0]
    assert [note["text"] for note in GAP.break_notes()] == ["114 days"]
    assert MIXED.breaks == []


def test_a_level_is_lifted_where_it_changes_and_holds_over_its_column() -> None:
    points = MIXED.steps([5.0, 5.0, 7.0, None])
    assert points["x"] == [-0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 2.5, 2.5, 2.5, 3.5]
    assert points["y"] == [5.0, 5.0, 5.0, 5.0, None, 7.0, 7.0, None, None, None]


def test_a_single_snapshot_still_shows_its_levels() -> None:
    assert closes(1).steps([5.0]) == {"x": [-0.5, 0.5], "y": [5.0, 5.0], "connectgaps": False}


def test_sessions_are_parted_by_lines_and_long_breaks_by_dashes() -> None:
    dashes = [line["line"].get("dash") for line in GAP.separators()]
    assert dashes == ["dash", None]
    assert len(closes(250).separators()) == 0
    assert INTRADAY.separators() == []


@given(st.integers(1, 400), st.integers(1, 20))
def test_thinning_keeps_the_last_and_even_distances(count: int, most: int) -> None:
    kept = thinned(list(range(count)), most)
    assert len(kept) <= most and kept[-1] == count - 1
    assert len({b - a for a, b in pairwise(kept)}) <= 1


def test_nothing_thins_to_nothing() -> None:
    assert thinned([], 5) == []
    assert dated([]) == []


def test_the_year_is_named_where_it_is_new() -> None:
    days = [date(2023, 12, 28), date(2023, 12, 29), date(2024, 1, 2)]
    assert dated(days) == ["28 Dec<br>2023", "29 Dec", "2 Jan<br>2024"]


def test_text_from_data_holds_no_markup() -> None:
    assert "<" not in plain("<a href='https://example.com'>x</a>")
