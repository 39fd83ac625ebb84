"""To which session of the exchange a trade of an option counts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.calendar import us_sessions
from pipelines.placing import Origin
from pipelines.placing_trades import (
    part_of_trades,
    place_trades,
    place_venue_file,
    session_span,
    sessions_of,
    underlying_of_part,
)
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.page import Declared, Unreadable
from tests.pipelines.mapped_documents import example
from tests.pipelines.test_placing_coins import covered, traded

TICK = timedelta(microseconds=1)
FRIDAY, MONDAY = date(2024, 6, 14), date(2024, 6, 17)
ORIGIN = Origin("mapped_trades", "ab", Declared())
moments = st.lists(st.datetimes(datetime(2010, 1, 1), datetime(2025, 12, 31)), min_size=1, max_size=30)


@given(moments)
def test_every_instant_lies_within_the_span_of_its_session(instants: list[datetime]) -> None:
    for instant, session in zip(instants, sessions_of(pl.Series(instants, dtype=pl.Datetime("us"))), strict=True):
        start, end = session_span(session)
        assert start <= instant < end


def test_spans_of_sessions_follow_one_another_without_a_gap() -> None:
    sessions = us_sessions().between(date(2024, 1, 2), date(2024, 12, 30))
    spans = [session_span(session) for session in sessions]
    assert all(end == start for (_, end), (start, _) in pairwise(spans))
    assert {end.hour for _, end in spans} == {21, 22}  # summer and winter


def test_the_day_turns_at_five_in_new_york_and_nights_and_holidays_count_towards_the_next_session() -> None:
    expected = {
        datetime(2024, 6, 14, 20, 59, 59): FRIDAY, datetime(2024, 6, 14, 21): MONDAY, datetime(2024, 6, 16): MONDAY,
        datetime(2024, 6, 17, 21) - TICK: MONDAY, datetime(2024, 6, 19, 15): date(2024, 6, 20),
    }  # fmt: skip
    found = sessions_of(pl.Series([*expected], dtype=pl.Datetime("us")))
    assert found.to_list() == [*expected.values()]


def test_instants_that_are_null_have_no_session() -> None:
    found = sessions_of(pl.Series([None, datetime(2024, 6, 14, 15), None], dtype=pl.Datetime("us")))
    assert found.to_list() == [None, FRIDAY, None]
    assert sessions_of(pl.Series([None], dtype=pl.Datetime("us"))).to_list() == [None]


def test_trades_stand_in_parts_of_their_own_beside_the_chains() -> None:
    assert underlying_of_part(part_of_trades("BRK.B")) == "BRK.B"
    both = pl.concat([traded(datetime(2024, 6, 14, 15), underlying=name) for name in ("SPY", "QQQ")])
    found = place_trades(CoinFile(trades=both, rows_in=2), ORIGIN)
    assert [(one.key.market, one.key.part) for one in found.sightings] == [("us", "QQQ.trades"), ("us", "SPY.trades")]
    assert (found.part, found.session_date, found.rows_landed) == (None, FRIDAY, 2)


def test_what_is_covered_reaches_every_session_that_it_touches() -> None:
    """All of Friday's trades came after its session: that nothing was traded before is known all the same."""
    night = datetime(2024, 6, 14, 22)
    spans = covered((datetime(2024, 6, 14, 4), datetime(2024, 6, 17, 4)), underlying="SPY")
    file = CoinFile(trades=traded(night, underlying="SPY"), coverage=spans, rows_in=1)
    found = place_trades(file, ORIGIN).sightings
    assert [one.key.session_date for one in found] == [FRIDAY, MONDAY]


def test_a_file_goes_where_its_mapping_says_and_without_one_to_the_coins() -> None:
    file = CoinFile(trades=traded(datetime(2024, 6, 15, 15)), rows_in=1)
    mappings = (example("prints")[1], example("tape")[1], None)
    keys = [
        place_venue_file(file, Origin("mapped_trades", "ab", Declared(mapping=text))).sightings[0].key
        for text in mappings
    ]  # fmt: skip
    assert [(key.market, key.session_date) for key in keys] == [
        ("us", MONDAY), ("crypto", date(2024, 6, 15)), ("crypto", date(2024, 6, 15))
    ]  # fmt: skip


def test_a_file_without_a_trade_is_refused() -> None:
    with pytest.raises(Unreadable, match="none of the trades"):
        place_trades(CoinFile(rows_in=0), ORIGIN)
