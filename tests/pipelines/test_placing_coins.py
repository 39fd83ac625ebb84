"""Where the rows of a coin venue's file belong: day, underlying and moment."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.catalogue import Sighting
from pipelines.placing import Origin
from pipelines.placing_coins import end_of_hour, place_coins, session_of
from pipelines.sources.coin_file import (
    COIN_BAR_SCHEMA,
    COIN_CHAIN_SCHEMA,
    COIN_REJECTED_SCHEMA,
    COVERAGE_SCHEMA,
    DELIVERY_SCHEMA,
    TRADE_SCHEMA,
    CoinFile,
)
from pipelines.sources.page import Declared, Unreadable

MIDNIGHT = datetime(2026, 1, 15)
TICK = timedelta(microseconds=1)
instants = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1))


def rows(schema: dict[str, pl.DataType], *given_rows: dict[str, object]) -> pl.DataFrame:
    """Rows of a schema with what is given, the rest null."""
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in given_rows], schema=schema)


def chain(*moments: datetime, underlying: str = "BTC") -> pl.DataFrame:
    return rows(COIN_CHAIN_SCHEMA, *({"underlying": underlying, "snapshot_ts": at, "known_at": at} for at in moments))


def traded(*moments: datetime, underlying: str = "BTC") -> pl.DataFrame:
    return rows(TRADE_SCHEMA, *({"underlying": underlying, "trade_ts": at, "known_at": at} for at in moments))


def covered(*spans: tuple[datetime, datetime], underlying: str = "BTC") -> pl.DataFrame:
    given_rows = ({"underlying": underlying, "from_ts": a, "until_ts": b, "known_at": b} for a, b in spans)
    return rows(COVERAGE_SCHEMA, *given_rows)


def placed(file: CoinFile, source: str = "deribit_responses", captured_at: datetime | None = None) -> list[Sighting]:
    return place_coins(file, Origin(source, "ab", Declared(), None, captured_at)).sightings


def places(sightings: list[Sighting]) -> list[tuple[str, date, str]]:
    return [(one.source, one.key.session_date, one.key.part) for one in sightings]


@given(instants)
def test_the_hour_of_a_sighting_ends_at_or_after_it_and_less_than_an_hour_later(instant: datetime) -> None:
    end = end_of_hour(instant)
    assert (end.minute, end.second, end.microsecond) == (0, 0, 0)
    assert timedelta() <= end - instant < timedelta(hours=1)


@given(instants)
def test_a_trade_belongs_to_the_day_of_its_instant_and_a_state_to_that_of_the_moment_before(instant: datetime) -> None:
    frame = pl.DataFrame({"trade_ts": [instant], "snapshot_ts": [instant]})
    assert frame.select(session_of("trades")).item() == instant.date()
    assert frame.select(session_of("chains")).item() == (instant - TICK).date()


def test_at_midnight_a_chain_ends_the_day_and_a_trade_begins_one() -> None:
    file = CoinFile(chains=chain(MIDNIGHT, MIDNIGHT + TICK), trades=traded(MIDNIGHT - TICK, MIDNIGHT), rows_in=4)
    before, after = date(2026, 1, 14), date(2026, 1, 15)
    assert places(placed(file)) == [
        ("deribit_chain", before, "BTC"), ("deribit_chain", after, "BTC"),
        ("deribit_trades", before, "BTC"), ("deribit_trades", after, "BTC"),
    ]  # fmt: skip


def test_each_underlying_has_its_own_and_other_sources_keep_their_name() -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    both = pl.concat([chain(noon, underlying="ETH"), chain(noon, underlying="BTC_USDC")])
    found = placed(CoinFile(chains=both, rows_in=2), "tardis_chain")
    assert places(found) == [("tardis_chain", noon.date(), "BTC_USDC"), ("tardis_chain", noon.date(), "ETH")]


def test_days_on_which_nothing_was_traded_are_known_by_what_is_covered() -> None:
    spans = covered((MIDNIGHT - timedelta(hours=1), MIDNIGHT + timedelta(days=2)), (MIDNIGHT, MIDNIGHT))
    found = placed(CoinFile(coverage=spans, trades=traded(MIDNIGHT + timedelta(hours=3)), rows_in=1))
    assert [one.key.session_date for one in found] == [date(2026, 1, day) for day in (14, 15, 16)]


def test_a_place_is_known_when_its_last_row_is_and_live_where_it_was_captured() -> None:
    moments = [MIDNIGHT + timedelta(hours=hour) for hour in (1, 5, 30)]
    file = CoinFile(chains=chain(*moments), rows_in=3)
    found = placed(file)
    assert [(one.known_at, one.known_at_basis) for one in found] == [
        (moments[1], "header_clock"), (moments[2], "header_clock")
    ]  # fmt: skip
    assert json.loads(found[0].detail)["snapshots"] == [f"{moment}.000000" for moment in moments[:2]]
    assert {one.known_at_basis for one in placed(file, captured_at=moments[2])} == {"captured_live"}


def test_bars_stand_under_their_symbol_and_prices_under_their_underlying() -> None:
    bars = rows(COIN_BAR_SCHEMA, {"symbol": "BTC-PERPETUAL", "bar_ts": MIDNIGHT, "known_at": MIDNIGHT})
    prices = rows(
        DELIVERY_SCHEMA, {"underlying": "BTC", "delivery_ts": MIDNIGHT + timedelta(hours=8), "known_at": MIDNIGHT}
    )
    assert places(placed(CoinFile(bars=bars, deliveries=prices, rows_in=2))) == [
        ("deribit_bars", date(2026, 1, 14), "BTC-PERPETUAL.bars"),
            ("deribit_deliveries", date(2026, 1, 15), "BTC.deliveries"),
    ]  # fmt: skip


def test_rows_set_aside_stand_with_the_first_place_alone_and_everything_is_counted() -> None:
    rejected = rows(COIN_REJECTED_SCHEMA, {"row_number": 3, "reason": "unreadable_number"})
    file = CoinFile(chains=chain(MIDNIGHT, MIDNIGHT + TICK), rejected=rejected, rows_in=7, rows_duplicate=4)
    result = place_coins(file, Origin("deribit_responses", "ab", Declared()))
    assert ["has_rejected" in json.loads(one.detail) for one in result.sightings] == [True, False]
    assert (result.rows_in, result.rows_landed, result.rows_quarantined, result.rows_duplicate) == (7, 2, 1, 4)
    assert (result.part, result.session_date, result.snapshot_ts) == ("BTC", date(2026, 1, 15), MIDNIGHT + TICK)


@pytest.mark.parametrize(
    ("file", "declared", "reason"),
    [
        (CoinFile(rows_in=3), Declared(), "none of 3 rows is a chain, a trade or a bar"),
        (CoinFile(chains=chain(MIDNIGHT), rows_in=1), Declared(session=MIDNIGHT.date()), "states its own days"),
        (CoinFile(chains=chain(datetime(1970, 1, 2)), rows_in=1), Declared(), "clocks run from 1970-01-01"),
        (CoinFile(trades=traded(datetime(2011, 1, 1), MIDNIGHT), rows_in=2), Declared(), "clocks run from 2011-01-01"),
    ],
)
def test_what_has_no_place_is_refused(file: CoinFile, declared: Declared, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        place_coins(file, Origin("deribit_responses", "ab", declared))
