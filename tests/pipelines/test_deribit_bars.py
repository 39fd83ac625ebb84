from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.coin_file import COIN_BAR_SCHEMA, DELIVERY_SCHEMA
from tests.pipelines.deribit_made import NOON, line, ms, read, reasons

TEN = timedelta(minutes=10)
_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)


def candles(starts=(NOON - 2 * TEN, NOON - TEN), *, at=NOON, name="BTC-PERPETUAL", resolution="10", **changed) -> str:
    count = len(starts)
    result = {
        "status": "ok", "ticks": [ms(start) for start in starts], "open": [10.0] * count, "high": [12.0] * count,
        "low": [9.0] * count, "close": [11.0] * count, "volume": [2.5] * count, "cost": [1.0] * count,
    }  # fmt: skip
    return line(
        "get_tradingview_chart_data", result | changed, at, instrument_name=name, resolution=resolution
    )  # fmt: skip


def volatility(*rows, at=NOON, currency="BTC", resolution=3600) -> str:
    result = {"data": list(rows), "continuation": None}
    return line("get_volatility_index_data", result, at, currency=currency, resolution=resolution)


def delivered(*rows, at=NOON, index="btc_usd") -> str:
    return line("get_delivery_prices", {"data": list(rows), "records_total": 9}, at, index_name=index)


class TestCandles:
    def test_a_candle_is_named_by_its_end(self):
        bars = read(candles()).bars
        assert bars.schema == COIN_BAR_SCHEMA
        assert bars.rows()[0] == ("BTC-PERPETUAL", "10m", NOON - TEN, NOON, 10.0, 12.0, 9.0, 11.0, 2.5)
        assert bars["bar_ts"].to_list() == [NOON - TEN, NOON]

    @pytest.mark.parametrize(
        ("resolution", "interval", "length"),
        [("1", "1m", 60), (10, "10m", 600), ("60", "1h", 3600), (720, "12h", 43200), ("1D", "1d", 86400)],
    )
    def test_the_interval_is_what_was_asked_for(self, resolution, interval, length):
        start = NOON - timedelta(days=2)
        row = read(candles([start], resolution=resolution)).bars.row(0, named=True)
        assert (row["interval"], row["bar_ts"]) == (interval, start + timedelta(seconds=length))

    def test_a_candle_that_has_not_ended_is_passed(self):
        file = read(candles([NOON - TEN, NOON - TEN / 2, NOON]))
        assert (file.bars.height, file.rows_passed) == (1, 2)

    def test_no_data_is_no_error(self):
        assert read(candles([], status="no_data", ticks=[])).rows_in == 0

    def test_columns_of_different_length_are_no_candles(self):
        assert reasons(read(candles(close=[1.0]))) == ["unexpected_result"]
        assert reasons(read(candles(high=None))) == ["unexpected_result"]

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [({"resolution": 7}, "unreadable_interval"), ({"resolution": None}, "unreadable_interval"),
         ({"name": None}, "unreadable_symbol"), ({"name": "../BTC"}, "unreadable_symbol"),
         ({"name": ["B"]}, "unreadable_symbol")],
    )  # fmt: skip
    def test_without_knowing_of_what_they_are_there_are_no_bars(self, asked, reason):
        assert reasons(read(candles(**asked))) == [reason]

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [({"close": [None, 11.0]}, "no_close"), ({"open": ["x", 1.0]}, "unreadable_number"),
         ({"low": [0, 1]}, "price_not_positive"),
         ({"volume": [-1, 0]}, "negative_quantity"), ({"high": [float("nan"), 1.0]}, "not_finite"),
         ({"ticks": [None, ms(NOON - TEN)]}, "unreadable_clock")],
    )  # fmt: skip
    def test_a_candle_that_does_not_hold_together_is_set_aside(self, changed, reason):
        file = read(candles(**changed))
        assert reasons(file) == [reason] and file.bars.height == 1
        assert (file.rejected["kind"][0], file.rejected["underlying"][0]) == ("bar", "BTC")

    def test_a_range_that_does_not_hold_the_close_is_no_range(self):
        row = read(candles([NOON - TEN], high=[10.5])).bars.row(0, named=True)
        assert (row["open"], row["high"], row["low"], row["close"]) == (None, None, None, 11.0)

    def test_bars_fetched_again_count_once_and_again_where_they_settled_late(self):
        file = read(
            candles(), candles(close=[11.0, 11.5], at=NOON + TEN), candles(close=[11.0, 11.5], at=NOON + 2 * TEN)
        )
        assert (file.bars.height, file.rows_duplicate, reasons(file)) == (3, 3, [])
        assert file.bars.select("close", "known_at").rows() == [(11.0, NOON), (11.0, NOON), (11.5, NOON + TEN)]

    def test_one_capture_that_states_a_bar_in_two_ways_is_a_conflict(self):
        assert reasons(read(candles(), candles(close=[11.0, 11.5]))) == ["conflicting_duplicate"]


class TestVolatilityIndex:
    def test_it_is_a_symbol_of_its_own_in_points(self):
        start = NOON - timedelta(hours=1)
        row = read(volatility([ms(start), 45.1, 46.0, 44.9, 45.5])).bars.rows()
        assert row == [("BTC_DVOL", "1h", NOON, NOON, 45.1, 46.0, 44.9, 45.5, None)]

    def test_rows_that_are_short_or_none_are_set_aside(self):
        file = read(
            volatility([ms(NOON - 7 * TEN), 45.1], 5, None, [], [ms(NOON - 7 * TEN), 1, 1, 1, 1], resolution="3600")
        )
        assert (
            reasons(file) == ["no_close", "not_a_record", "not_a_record", "unreadable_clock"] and file.bars.height == 1
        )

    def test_resolutions_are_in_seconds(self):
        assert read(volatility([ms(NOON - TEN), 1, 1, 1, 1], resolution=60)).bars["interval"][0] == "1m"
        assert reasons(read(volatility(resolution=10))) == ["unreadable_interval"]


class TestDeliveries:
    def test_a_delivery_is_at_eight_of_its_day(self):
        file = read(delivered({"date": "2026-05-18", "delivery_price": 77012.3}))
        assert file.deliveries.schema == DELIVERY_SCHEMA
        assert file.deliveries.rows() == [("BTC", datetime(2026, 5, 18, 8), 77012.3, NOON)]

    @pytest.mark.parametrize(
        ("index", "underlying"),
        [("btc_usd", "BTC"), ("eth_usd", "ETH"), ("btc_usdc", "BTC_USDC"), ("sol_usdc", "SOL"), ("paxg_usdc", "PAXG"),
         ("sol_usd", None), ("btcdvol", None), ("x" * 10**6, None), ("", None), ("btc_usd\n", None)],
    )  # fmt: skip
    def test_the_index_tells_whose_it_is(self, index, underlying):
        file = read(delivered({"date": "2026-05-17", "delivery_price": 1.0}, index=index))
        assert file.deliveries["underlying"].to_list() == ([underlying] if underlying else [])
        assert file.rows_passed == (underlying is None)

    @pytest.mark.parametrize(
        ("row", "reason"),
        [({"date": "18 May", "delivery_price": 1.0}, "unreadable_date"),
         ({"date": None, "delivery_price": 1}, "unreadable_date"),
         ({"date": "2026-05-17"}, "unreadable_number"),
         ({"date": "2026-05-17", "delivery_price": "1"}, "unreadable_number"),
         ({"date": "2026-05-17", "delivery_price": 0}, "price_not_positive"), ([1], "not_a_record"),
         ({"date": "2026-05-20", "delivery_price": 1.0}, "clock_ahead_of_capture")],
    )  # fmt: skip
    def test_a_row_that_does_not_hold_together_is_set_aside(self, row, reason):
        file = read(delivered(row, {"date": "2026-05-16", "delivery_price": 5.0}))
        assert reasons(file) == [reason] and file.deliveries.height == 1

    def test_without_an_index_nothing_is_told(self):
        assert reasons(read(delivered({"date": "2026-05-17", "delivery_price": 1.0}, index=None))) == [
            "unreadable_symbol"
        ]

    def test_prices_fetched_again_count_once(self):
        day = {"date": "2026-05-17", "delivery_price": 1.0}
        file = read(delivered(day), delivered(day, at=NOON + TEN), delivered(day | {"delivery_price": 2.0}))
        assert (file.deliveries.height, file.rows_duplicate, reasons(file)) == (1, 1, ["conflicting_duplicate"])


@settings(max_examples=25, deadline=None)
@given(st.lists(_values, min_size=6, max_size=6))
def test_one_odd_candle_never_costs_the_others(values):
    keys = ("ticks", "open", "high", "low", "close", "volume")
    plain = (ms(NOON - TEN), 10.0, 12.0, 9.0, 11.0, 2.5)
    file = read(candles(**{key: [good, odd] for key, good, odd in zip(keys, plain, values, strict=True)}))
    assert NOON in set(file.bars["bar_ts"])
