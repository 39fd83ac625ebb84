"""Delayed chains as JSON: what is taken, when the quotes are from, what is set aside or refused whole."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.calendar import us_sessions
from pipelines.sessions import place_by_quote_time
from pipelines.sources import cboe_delayed_json, recognise
from pipelines.sources.page import NOTHING_DECLARED, ChainPage, DailyBar, Unreadable
from tests.samples import needs_samples, sample

JUNE_17 = datetime(2024, 6, 17)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def option(strike: float = 100, letter: str = "C", root: str = "ABC", **changed: Any) -> dict[str, Any]:
    return {
        "option": f"{root}240719{letter}{round(strike * 1000):08d}",
        "bid": 1.0, "bid_size": 7.0, "ask": 1.2, "ask_size": 9.0, "iv": 0.2, "open_interest": 10.0, "volume": 5.0,
        "delta": 0.5, "gamma": 0.01, "vega": 0.1, "theta": -0.1, "rho": 0.1, "theo": 1.1, "change": 0.0, "open": 0.0,
        "high": 0.0, "low": 0.0, "tick": "up", "last_trade_price": 1.1, "last_trade_time": None,
        "percent_change": 0.0, "prev_day_close": 0.00499999988824129,
    } | changed  # fmt: skip


def envelope(
    options: list[Any] | None = None,
    *,
    timestamp: object = "2024-06-17 18:45:00",
    symbol: object = "ABC",
    **stated: Any,
) -> dict[str, Any]:
    listed = [option(strike, letter) for strike in range(95, 106) for letter in "CP"] if options is None else options
    data = {
        "symbol": symbol, "security_type": "stock", "current_price": 100.5, "bid": 100.4, "ask": 100.6, "open": 99.0,
        "high": 101.0, "low": 98.5, "close": 100.5, "prev_day_close": 99.5, "volume": 12345, "iv30": 17.0,
        "last_trade_time": "2024-06-17T14:29:58", "options": listed,
    } | stated  # fmt: skip
    return {"timestamp": timestamp, "data": data, "symbol": symbol}


def read(content: object) -> ChainPage:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (page,) = cboe_delayed_json.pages(data, NOTHING_DECLARED)
    return page


def shuffled(value: Any, order: random.Random) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    order.shuffle(keys)
    return {key: shuffled(value[key], order) for key in keys}


def reasons(page: ChainPage) -> Counter[str]:
    return Counter(page.rejected["reason"])


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_keys_changes_nothing(order: random.Random) -> None:
    data = json.dumps(shuffled(envelope(), order)).encode()
    assert recognise(data) is cboe_delayed_json
    page = read(data)
    assert page.rows.equals(read(envelope()).rows)
    assert page.body_sha256 == read(envelope()).body_sha256


def test_a_page_says_of_itself_what_the_envelope_states() -> None:
    page = read(envelope())
    assert (page.underlying, page.header_ts, page.open_interest_rule) == (
        "ABC",
        datetime(2024, 6, 17, 18, 45),
        "pulled",
    )
    assert (page.underlying_last, page.underlying_bid, page.underlying_ask) == (100.5, 100.4, 100.6)
    assert page.bar == DailyBar(99.0, 101.0, 98.5, 100.5, 12345.0)
    assert (page.rows_in, page.rows.height, page.first_expiry) == (22, 22, date(2024, 7, 19))


def test_a_contract_keeps_the_vendors_numbers_under_our_names() -> None:
    numbers = {"bid": 1, "ask": 1.25, "last_trade_price": 1.125, "volume": 3.0, "open_interest": 4, "iv": 0.0}
    page = read(envelope([option(100, "P", **numbers, delta=-0.5, gamma=0.0)]))
    names = ["row_number", "contract_id", "root", "expiry_date", "option_type", "strike", "bid", "ask", "last"]
    assert page.rows.select(names).row(0) == (
        1, "ABC240719P00100000", "ABC", date(2024, 7, 19), "put", 100.0, 1.0, 1.25, 1.125,
    )  # fmt: skip
    rest = ["volume", "open_interest", "vendor_iv_frac", "vendor_delta", "vendor_gamma", "is_adjusted", "multiplier"]
    assert page.rows.select(rest).row(0) == (3.0, 4.0, 0.0, -0.5, 0.0, False, None)


@pytest.mark.parametrize("none", [0, 0.0, None, "n/a", -1, float("nan"), float("inf"), True])
def test_what_an_index_does_not_have_is_none(none: object) -> None:
    page = read(envelope(current_price=none, bid=none, ask=none, volume=none))
    assert (page.underlying_last, page.underlying_bid, page.underlying_ask, page.underlying_volume) == (None,) * 4
    assert page.bar == DailyBar(99.0, 101.0, 98.5, 100.5, None)
    assert read(envelope(open=none, high=none, low=none, close=none, volume=none)).bar is None


@pytest.mark.parametrize(
    ("last_trade_time", "timestamp", "quote_ts"),
    [
        ("2024-06-17T14:29:58", "2024-06-17 18:45:00", JUNE_17.replace(hour=18, minute=30)),  # open, delayed
        ("2024-06-17T14:31:00", "2024-06-17 18:45:00", JUNE_17.replace(hour=18, minute=31)),
        ("2024-06-17T16:15:04", "2024-06-18 03:17:42", JUNE_17.replace(hour=20, minute=15, second=4)),  # evening
        ("2024-06-17T15:59:58", "2024-06-18 12:30:00", JUNE_17.replace(hour=20)),  # next morning, before the open
        ("2024-06-17T15:59:58", "2024-06-17 20:05:00", JUNE_17.replace(hour=19, minute=59, second=58)),
        ("2024-06-18T08:10:00", "2024-06-18 12:30:00", datetime(2024, 6, 18, 12, 10)),  # before the opening
        ("2024-07-03T12:30:00", "2024-07-03 23:00:00", datetime(2024, 7, 3, 17)),  # early close
        ("2024-06-15T10:00:00", "2024-06-15 18:00:00", datetime(2024, 6, 15, 14)),  # a Saturday
        (None, "2024-06-17 18:45:00", JUNE_17.replace(hour=18, minute=30)),
        ("yesterday", "2024-06-17 18:45:00", JUNE_17.replace(hour=18, minute=30)),
        ("2024-02-31T10:00:00", "2024-06-17 18:45:00", JUNE_17.replace(hour=18, minute=30)),
        ("2024-06-17T14:29:58", None, JUNE_17.replace(hour=18, minute=29, second=58)),
        ("2024-06-17T14:29:58", 1718650000, JUNE_17.replace(hour=18, minute=29, second=58)),
        (None, "2024-06-17", None),
    ],
)
def test_the_underlyings_last_trade_says_which_days_quotes_these_are(
    last_trade_time: object, timestamp: object, quote_ts: datetime | None
) -> None:
    page = read(envelope(last_trade_time=last_trade_time, timestamp=timestamp))
    assert page.quote_ts == quote_ts
    assert (page.header_ts is None) is (not isinstance(timestamp, str) or len(timestamp) < 19)


@given(st.integers(0, 60 * 60 * 17))
def test_pulls_from_the_close_to_the_next_opening_show_one_snapshot(seconds: int) -> None:
    close = JUNE_17.replace(hour=20)
    pulled = close + timedelta(minutes=15, seconds=seconds)
    page = read(envelope(last_trade_time="2024-06-17T15:59:58", timestamp=f"{pulled:%Y-%m-%d %H:%M:%S}"))
    assert page.quote_ts is not None
    placed = place_by_quote_time(page.quote_ts, page.header_ts, None, us_sessions())
    assert (placed.session_date, placed.snapshot_ts, placed.known_at) == (JUNE_17.date(), close, pulled)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (option(bid=None), "unreadable_number"),
        (option(open_interest="10"), "unreadable_number"),
        (option(volume=True), "unreadable_number"),
        (option(iv=[0.2]), "unreadable_number"),
        ({"option": "ABC240719C00100000"}, "unreadable_number"),
        (None, "unreadable_number"),
        ("ABC240719C00100000", "unreadable_number"),
        (option(gamma=float("nan")), "not_finite"),
        (option(ask=float("inf")), "not_finite"),
        (option(ask=10**400), "not_finite"),
        (option(bid=-1.0), "negative_price"),
        (option(open_interest=-1.0), "negative_quantity"),
        (option(open_interest=2.5), "not_a_quantity"),
        (option(iv=-0.2), "negative_volatility"),
        (option(0), "strike_not_positive"),
        (option(option=None), "unreadable_symbol"),
        (option(option=""), "unreadable_symbol"),
        (option(option=240719), "unreadable_symbol"),
        (option(option="ABC240719X00100000"), "unreadable_symbol"),
        (option(option="ABC241319C00100000"), "unreadable_symbol"),
        (option(option="AB\ud800240719C00100000"), "unreadable_symbol"),
    ],
)
def test_a_broken_contract_is_set_aside_with_its_reason_and_the_others_stand(broken: object, reason: str) -> None:
    page = read(envelope([option(95), option(96), broken, option(97)]))
    assert reasons(page) == {reason: 1}
    assert page.rejected["row_number"].to_list() == [3]
    assert page.rejected["row_text"][0] == json.dumps(broken)[:400]
    assert page.rows["row_number"].to_list() == [1, 2, 4]
    assert page.rows_in == 4


def test_an_exact_repeat_is_a_duplicate_and_a_differing_one_is_set_aside() -> None:
    page = read(envelope([option(100), option(105), option(100), option(105, bid=0.9)]))
    assert (page.rows.height, page.rows_duplicate, reasons(page)) == (2, 1, {"conflicting_duplicate": 1})


@pytest.mark.parametrize(
    ("symbol", "roots"),
    [("_SPX", ("SPX", "SPXW")), ("^SPX", ("SPX", "SPXW")), ("BRK.B", ("BRKB", "BRKB1")), (None, ("A",))],
)
def test_the_underlying_is_that_of_the_roots_however_the_vendor_spells_it(symbol: object, roots: tuple[str]) -> None:
    assert read(envelope([option(root=root) for root in roots], symbol=symbol)).underlying == roots[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html><html><body>Access denied</body></html>", "no whole JSON"),
        (json.dumps(envelope()).encode()[:900], "no whole JSON"),
        (b"", "no whole JSON"),
        (b"\xff\xfe{\x00", "no whole JSON"),
        (b'{"data": ' + b"9" * 5000 + b"}", "no whole JSON"),
        (b'{"data": {"options": ' + b"[" * 100_000, "nested more deeply"),
        (b'{"data": {"options": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "nested more deeply"),
        (b"[]", "no list data.options"),
        ({"timestamp": "2024-06-17 18:45:00", "data": [], "symbol": "ABC"}, "no list data.options"),
        (envelope() | {"data": {"symbol": "ABC", "options": {}}}, "no list data.options"),
        (envelope([]), "lists no contracts"),
        (envelope([option(bid=None), option(ask="")]), "none of 2 contracts can be read"),
        (envelope([option(), option(root="XYZ")]), "mixes underlyings: ABC, XYZ"),
        (envelope(symbol="XYZ"), "says 'XYZ' and lists contracts on ABC"),
        (envelope() | {"symbol": "_XYZ"}, "says '_XYZ' and lists contracts on ABC"),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_whole_is_refused_in_one_line(data: object, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_only_such_envelopes_are_recognised() -> None:
    ours = json.dumps(envelope(), indent=2).encode()
    assert cboe_delayed_json.recognise(ours)
    assert cboe_delayed_json.recognise(b"\xef\xbb\xbf\n" + ours)
    assert not cboe_delayed_json.recognise(b'{"jsonrpc": "2.0", "result": []}')
    assert not cboe_delayed_json.recognise(b'<html>{"data": {"options": []}}</html>')


def test_the_body_is_the_page_without_its_clock_and_nothing_else() -> None:
    body = read(envelope()).body_sha256
    assert read(envelope(timestamp="2024-06-18 03:00:00")).body_sha256 == body
    for changed in (envelope(seqno=1), envelope(last_trade_time="2024-06-17T14:29:59"), envelope() | {"more": 1}):
        assert read(changed).body_sha256 != body


@settings(max_examples=60)
@given(st.lists(JSON_VALUES | st.fixed_dictionaries(dict.fromkeys(option(), JSON_VALUES)), max_size=4), JSON_VALUES)
def test_no_json_breaks_the_reader_and_every_contract_is_accounted_for(options: list[Any], odd: Any) -> None:
    page = read(envelope([option(), *options], timestamp=odd, current_price=odd, last_trade_time=odd, high=odd))
    assert page.rows_in == 1 + len(options) == page.rows.height + page.rejected.height + page.rows_duplicate


@given(
    st.binary(max_size=80) | st.text(max_size=40).map(str.encode) | JSON_VALUES.map(lambda v: json.dumps(v).encode())
)
def test_whatever_is_no_chain_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data)


@needs_samples
@pytest.mark.samples
def test_a_whole_chain_of_the_vendor_is_read_to_the_last_contract() -> None:
    page = read(sample("cboe_json/rut_gflows_96e2267.json").read_bytes())
    assert (page.underlying, page.rows.height, page.rows_in) == ("RUT", 6680, 6680)
    assert (page.header_ts, page.quote_ts) == (datetime(2023, 9, 21, 3, 17, 42), datetime(2023, 9, 20, 20, 15, 4))
    assert (page.underlying_last, page.underlying_bid, page.underlying_volume) == (1806.1193, None, None)
    assert (page.rows["vendor_iv_frac"] == 0).sum() == 1015
    assert (page.rows["open_interest"] == 0).sum() == 3859


@needs_samples
@pytest.mark.samples
def test_an_excerpt_with_its_options_first_is_read() -> None:
    page = read(sample("cboe_json/AAPL_trimmed_20260807_reddit-signal-radar.json").read_bytes())
    assert (page.underlying, page.rows.height, page.underlying_last) == ("AAPL", 3, 312.0335)
    assert page.quote_ts == datetime(2026, 8, 7, 18, 43, 23)
