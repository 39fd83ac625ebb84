import math
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA, COIN_REJECTED_SCHEMA
from pipelines.sources.deribit_bundle import response_line
from tests.pipelines.deribit_made import (
    CALL,
    NOON,
    PUT,
    envelope,
    index,
    line,
    ms,
    parsed,
    read,
    reasons,
    summaries,
    summary,
    ticker,
)

SECOND = timedelta(seconds=1)
_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.just(10**400) | st.just("9" * 300)
    | st.lists(st.integers(), max_size=2) | st.just({"a": [None]}) | st.just("\ud800") | st.sampled_from([CALL, PUT])
)  # fmt: skip


def one(**changed):
    return read(summaries(summary(**changed)))


class TestBookSummaries:
    def test_every_field_lands_in_our_units(self):
        row = one().chains.row(0, named=True)
        assert row == {
            "row_number": 1, "snapshot_ts": NOON - timedelta(milliseconds=40), "known_at": NOON, "contract_id": CALL,
            "underlying": "BTC", "root": "BTC", "expiry_date": datetime(2026, 5, 29).date(),
            "expiry_ts": datetime(2026, 5, 29, 8), "strike": 70000.0, "option_type": "call", "is_inverse": True,
            "bid": 0.05, "ask": 0.0525, "last": 0.051, "mark": 0.05123456, "volume": 25.1, "open_interest": 312.4,
            "vendor_iv_frac": pytest.approx(0.4591), "vendor_delta": None, "vendor_gamma": None, "forward": 77100.25,
            "index_price": 77000.5,
        }  # fmt: skip

    def test_the_frame_has_the_declared_columns_and_types(self):
        assert one().chains.schema == COIN_CHAIN_SCHEMA
        assert one(bid_price=-1).rejected.schema == COIN_REJECTED_SCHEMA

    def test_a_mark_volatility_beyond_belief_is_none_and_costs_no_row(self):
        told = [one(mark_iv=iv).chains["vendor_iv_frac"].to_list() for iv in (400, 400.1, 999)]
        assert told == [[4.0], [None], [None]]

    def test_null_stays_null_zero_bids_stay_and_a_mark_volatility_of_zero_is_none(self):
        file = one(bid_price=None, ask_price=0.0, last=None, mark_iv=0.0, underlying_price=0, open_interest=0)
        row = file.chains.row(0, named=True)
        assert [row[name] for name in ("bid", "ask", "last", "vendor_iv_frac", "forward")] == [
            None,
            0,
            None,
            None,
            None,
        ]
        assert row["open_interest"] == 0

    def test_keys_that_are_missing_or_new_do_no_harm(self):
        rows = [{"instrument_name": CALL}, summary(PUT) | {"starbase_timestamp": 17, "legs": [{}]}]
        chains = read(summaries(*rows)).chains
        assert chains.height == 2 and chains["open_interest"].null_count() == 1

    def test_a_chain_stands_at_its_newest_row_and_is_known_when_captured(self):
        file = read(summaries(summary(), summary(PUT, creation_timestamp=ms(NOON) - 7)))
        assert file.chains["snapshot_ts"].unique().to_list() == [NOON - timedelta(milliseconds=7)]
        assert file.chains["known_at"].unique().to_list() == [NOON]

    def test_a_capture_clock_that_is_slow_makes_nothing_known_before_it_happened(self):
        file = read(summaries(summary(creation_timestamp=ms(NOON) + 3000)))
        assert file.chains["known_at"].to_list() == file.chains["snapshot_ts"].to_list() == [NOON + 3 * SECOND]

    def test_rows_without_a_clock_stand_with_their_chain_or_at_the_capture(self):
        assert one(creation_timestamp=None).chains["snapshot_ts"].to_list() == [NOON]

    @pytest.mark.parametrize("clock", [0, -5, "1779105600000", 1779105600, 1e30, True, 10**400, math.nan, math.inf])
    def test_an_impossible_clock_costs_its_row_and_not_the_chain(self, clock):
        file = read(summaries(summary(creation_timestamp=clock), summary(PUT)))
        assert reasons(file) == ["unreadable_clock"] and file.chains["contract_id"].to_list() == [PUT]

    def test_a_row_of_another_day_than_its_capture_does_not_move_the_chain(self):
        file = read(summaries(summary(creation_timestamp=ms(NOON) + 25 * 3600 * 1000), summary(PUT)))
        assert reasons(file) == ["clock_ahead_of_capture"] and file.chains["snapshot_ts"][0] < NOON

    def test_the_mixed_book_in_usdc_falls_apart_into_its_underlyings(self):
        rows = [
            summary("SOL_USDC-26JUN26-90-P"),
            summary("XRP_USDC-30JUN26-0d625-C", creation_timestamp=ms(NOON) - 900),
            summary("BTC_USDC-26JUN26-70000-P"),
            summary("AVAX_USDC-29MAY26-8D6-P"),
        ]
        chains = read(summaries(*rows, currency="USDC")).chains
        assert chains["underlying"].to_list() == ["AVAX", "BTC_USDC", "SOL", "XRP"]
        assert chains["contract_id"][0] == "AVAX_USDC-29MAY26-8d6-P" and chains["strike"].to_list()[-1] == 0.625
        assert not chains["is_inverse"].any()
        assert chains["snapshot_ts"][3] == NOON - timedelta(milliseconds=900)  # each stands at its own newest

    def test_futures_combos_and_spot_pairs_are_passed(self):
        names = ["BTC-PERPETUAL", "BTC-25DEC26", "SOL_USDC-PERPETUAL", "BTC_USDC", "BTC-CS-19MAY26-70000_75000",
                 "BTC-FS-25DEC26_PERP", "BTC-COMBO-1"]  # fmt: skip
        file = read(summaries(*map(summary, names), summary()))
        assert (file.chains.height, file.rows_passed, file.rejected.height) == (1, len(names), 0)

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [({"bid_price": -0.1}, "negative_price"), ({"mark_price": "0.05"}, "unreadable_number"),
         ({"open_interest": -1}, "negative_quantity"), ({"volume": 10**400}, "not_finite"),
         ({"ask_price": math.nan}, "not_finite"), ({"last": math.inf}, "not_finite"),
         ({"mark_iv": -4}, "negative_volatility"),
         ({"open_interest": 1e13}, "not_a_quantity"), ({"bid_price": 1e13}, "not_a_price"),
         ({"ask_price": [1]}, "unreadable_number"),
         ({"volume": True}, "unreadable_number"), ({"underlying_price": -1}, "negative_price")],
    )  # fmt: skip
    def test_a_row_that_does_not_hold_together_is_set_aside(self, changed, reason):
        file = read(summaries(summary(**changed), summary(PUT)))
        assert reasons(file) == [reason] and file.chains["contract_id"].to_list() == [PUT]
        bad = file.rejected.row(0, named=True)
        assert (bad["kind"], bad["underlying"], bad["row_part"], bad["row_number"]) == ("chain", "BTC", "call", 1)
        assert CALL in bad["row_text"] and bad["day_ts"].date() == NOON.date()

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("BTC-31FEB26-70000-C", "unreadable_symbol"), ("BTC-29MAY26-0-C", "strike_not_positive"),
         (None, "unreadable_symbol"),
         ("XRP_USDC-29MAY26-0d00-C", "strike_not_positive"), ("", "unreadable_symbol"), ({}, "unreadable_symbol"),
         ("BTC-29MAY26-70000-X", "unreadable_symbol"), ("B\u0422C-29MAY26-70000-C", "unreadable_symbol"),
         (5, "unreadable_symbol"),
         ("\ud800", "unreadable_symbol"), ("x" * 10_000_000, "unreadable_symbol"),
         ("BTC-29MAY26-70000-C\n", "unreadable_symbol")],
    )  # fmt: skip
    def test_a_name_of_no_option_is_set_aside(self, name, reason):
        file = one(instrument_name=name)
        assert reasons(file) == [reason] and len(file.rejected["row_text"][0]) <= 400

    def test_what_is_no_record_is_set_aside(self):
        assert reasons(read(summaries(None, 5, [summary()], "x", summary()))) == ["not_a_record"] * 4

    def test_the_same_answer_twice_is_a_duplicate_and_a_differing_one_a_conflict(self):
        again = read(summaries(summary(), summary(PUT)), summaries(summary(), summary(PUT), at=NOON + SECOND))
        assert (again.chains.height, again.rows_duplicate, again.rejected.height) == (2, 2, 0)
        assert again.chains["known_at"].unique().to_list() == [NOON]
        other = read(summaries(summary()), summaries(summary(open_interest=1.0)))
        assert reasons(other) == ["conflicting_duplicate"] and other.chains["open_interest"][0] == 312.4

    def test_each_visit_is_a_chain_of_its_own(self):
        visits = [NOON + timedelta(minutes=10 * count) for count in range(3)]
        file = read(*(summaries(summary(creation_timestamp=ms(at)), at=at) for at in visits))
        assert file.chains["snapshot_ts"].to_list() == visits

    @settings(max_examples=40, deadline=None)
    @given(st.dictionaries(st.sampled_from(sorted(summary())), _values, max_size=5))
    def test_one_odd_row_never_costs_the_others(self, changed):
        file = read(summaries(summary(PUT), summary() | changed, summary("BTC-26JUN26-70000-C")))
        assert {PUT, "BTC-26JUN26-70000-C"} <= set(file.chains["contract_id"])
        numbers = file.chains.select(pl.col(pl.Float64)).unpivot()["value"].drop_nulls()
        assert numbers.is_finite().all()


class TestIndexPrices:
    def price(self, *lines: str) -> float:
        return read(*lines).chains["index_price"][0]

    def test_the_nearest_index_within_a_minute_is_taken_else_the_estimated_delivery(self):
        far, near, other = (index(price, NOON + gap * SECOND) for price, gap in ((1.0, -50), (2.0, 20), (3.0, 61)))
        assert self.price(far, summaries(summary()), near) == 2.0
        assert self.price(far, summaries(summary())) == 1.0
        assert self.price(summaries(summary()), other) == 77000.5

    def test_an_index_of_another_coin_or_of_no_price_is_none(self):
        odd = [index(price) for price in (None, 0, -5, "77000", math.nan, math.inf, 10**400)]
        body = response_line(
            NOON, "public/get_index_price", {"index_name": ["btc_usd"]}, envelope({"index_price": 1.0})
        )
        file = read(*odd, index(5.0, name="eth_usd"), index(6.0, name="btc_usdc"), body, summaries(summary()))
        assert file.chains["index_price"][0] == 77000.5 and file.rows_passed == 10

    def test_linear_options_have_the_index_of_their_pair(self):
        for name, pair in (("SOL_USDC-26JUN26-90-P", "sol_usdc"), ("ETH_USDC-26JUN26-3000-P", "eth_usdc")):
            assert self.price(index(5.0, name=pair), summaries(summary(name))) == 5.0

    def test_without_any_there_is_none(self):
        assert one(estimated_delivery_price=None).chains["index_price"][0] is None


class TestTickers:
    def lines(self, *rows, step: timedelta = SECOND, start: datetime = NOON, method: str = "ticker") -> list[str]:
        return [
            line(method, row | {"timestamp": ms(start + place * step)}, start + place * step)
            for place, row in enumerate(rows)
        ]

    def test_every_field_lands_in_our_units(self):
        row = read(line("ticker", ticker())).chains.row(0, named=True)
        assert (row["vendor_delta"], row["vendor_gamma"]) == (0.81234, 0.00002)
        assert (row["volume"], row["index_price"], row["mark"], row["last"]) == (25.1, 77010.0, 0.0512, None)
        assert row["snapshot_ts"] == NOON - timedelta(milliseconds=30) and row["known_at"] == NOON

    def test_several_lines_are_one_chain_at_the_newest_of_them(self):
        file = read(*self.lines(ticker(), ticker(PUT), ticker("ETH-29MAY26-3000-C"), method="get_order_book"))
        assert file.chains["snapshot_ts"].to_list() == [NOON + SECOND] * 2 + [NOON + 2 * SECOND]
        assert file.chains["known_at"].to_list() == file.chains["snapshot_ts"].to_list()

    def test_an_instrument_that_comes_again_or_a_pause_begins_the_next_chain(self):
        again = self.lines(ticker(), ticker(PUT), ticker(), ticker(PUT))
        assert read(*again).chains["snapshot_ts"].n_unique() == 2
        paused = self.lines(ticker(), ticker(PUT), step=timedelta(seconds=61))
        assert read(*paused).chains["snapshot_ts"].n_unique() == 2

    def test_the_same_line_twice_is_a_duplicate(self):
        lines = self.lines(ticker(), ticker(PUT))
        file = read(*lines, lines[0])
        assert (file.chains.height, file.rows_duplicate) == (2, 1)

    def test_futures_are_passed_and_nested_junk_is_none(self):
        file = read(line("ticker", ticker("BTC-PERPETUAL")), line("ticker", ticker(greeks=None, stats=[1])))
        assert file.rows_passed == 1 and file.chains["vendor_delta"][0] is None
        assert reasons(read(line("ticker", ticker(greeks={"delta": "x"})))) == ["unreadable_number"]
        assert reasons(read(line("ticker", [1]))) == ["unexpected_result"]

    def test_one_by_itself_is_read(self):
        assert parsed(envelope(ticker(), usOut=ms(NOON) * 1000).encode()).chains["known_at"].to_list() == [NOON]

    def test_summaries_and_tickers_of_one_file_stand_side_by_side(self):
        file = read(summaries(summary()), line("ticker", ticker(PUT)))
        assert file.chains.height == 2 and file.chains["snapshot_ts"].n_unique() == 2

    @settings(max_examples=25, deadline=None)
    @given(st.dictionaries(st.sampled_from(sorted(ticker())), _values, max_size=4))
    def test_one_odd_line_never_costs_the_others(self, changed):
        file = read(line("ticker", ticker() | changed), line("ticker", ticker("BTC-26JUN26-1-P")))
        assert "BTC-26JUN26-1-P" in set(file.chains["contract_id"])


def test_a_long_archive_is_read_in_batches_as_it_would_be_at_once(monkeypatch):
    lines = [
        summaries(*(summary(f"BTC-26JUN26-{strike}-C", bid_price=bid, creation_timestamp=ms(at))
        for strike in (1, 2, 3)), at=at)
        for bid, at in ((0.1, NOON), ("x", NOON + SECOND), (0.3, NOON + 2 * SECOND))
    ]  # fmt: skip
    whole = read(*lines)
    monkeypatch.setattr("pipelines.sources.deribit_responses._BATCH", 2)
    batched = read(*lines)
    assert whole.chains.equals(batched.chains) and whole.rejected.equals(batched.rejected)
    assert all('"bid_price": "x"' in text for text in whole.rejected["row_text"]) and whole.rejected.height == 3
