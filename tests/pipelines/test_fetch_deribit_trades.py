"""Paging through Deribit's trades: whatever the exchange does wrong, all trades come, or a hole has a name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fetch.client import FetchFailed
from pipelines.fetch.deribit_ask import Host, Params, Reply, judge, reply_of
from pipelines.fetch.deribit_trades import DAY_MS, Hole, Span, every_trade
from tests.stand_in import Answer
from tests.stand_in.deribit import Exchange, Row, key, made_trades, ms_of

NOW = datetime(2026, 1, 14, 10, 10)
NOW_MS = ms_of(NOW)
OLD = Span("BTC", NOW_MS - 10 * DAY_MS, NOW_MS - 9 * DAY_MS)
FRESH = Span("BTC", NOW_MS - 600_000, NOW_MS - 2_000)


def spread(span: Span, count: int) -> list[int]:
    """Instants from end to end of a span, both bounds among them."""
    return [span.from_ms + place * (span.until_ms - 1 - span.from_ms) // (count - 1) for place in range(count)]


def exchange_of(times: list[int], currency: str = "BTC", **quirks: Any) -> Exchange:
    return Exchange(lambda: NOW, {currency: made_trades(currency, times)}, **quirks)


class Talk:
    """Questions to an exchange in this process, and every row that came."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.rows: dict[str, Row] = {}

    def __call__(self, host: Host, method: str, params: Params) -> Reply:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        answer = self.exchange.respond(f"/{host}/api/v2/{method}?{query}")
        judge(answer.status, answer.body)
        reply = reply_of(method, params, NOW, answer.body.decode())
        for row in reply.result["trades"] or []:
            self.rows[row["trade_id"]] = row
        return reply

    def hosts(self) -> list[str]:
        return [host for host, _, _ in self.exchange.asked]


def fetched(exchange: Exchange, span: Span, currency: str = "BTC") -> tuple[list[Row], list[Hole], Talk]:
    """The rows of the span that came, in the exchange's order."""
    talk = Talk(exchange)
    holes, _ = every_trade(talk, span, NOW_MS)
    came = [row for row in exchange.trades[currency] if row["trade_id"] in talk.rows]
    return [row for row in came if span.from_ms <= row["timestamp"] < span.until_ms], holes, talk


def whole(exchange: Exchange, span: Span, currency: str = "BTC") -> list[Row]:
    return [row for row in exchange.trades[currency] if span.from_ms <= row["timestamp"] < span.until_ms]


def require_all(exchange: Exchange, span: Span, currency: str = "BTC") -> Talk:
    rows, holes, talk = fetched(exchange, span, currency)
    assert rows == whole(exchange, span, currency) and rows
    assert holes == []
    return talk


@pytest.mark.parametrize("span", [OLD, FRESH])
@pytest.mark.parametrize("longest_page", [1, 2, 7, 40, 1000])
def test_every_trade_of_a_span_comes_whatever_a_page_holds(span: Span, longest_page: int) -> None:
    require_all(exchange_of(spread(span, 40), longest_page=longest_page), span)


def test_what_is_older_than_a_day_is_asked_from_history_and_the_last_day_from_the_live_host() -> None:
    assert set(require_all(exchange_of(spread(OLD, 30)), OLD).hosts()) == {"history"}
    assert set(require_all(exchange_of(spread(FRESH, 30)), FRESH).hosts()) == {"live"}


def test_a_span_that_reaches_from_history_to_now_is_asked_from_both() -> None:
    """The live host answers with nothing where the question is too old, and history knows nothing of the last hour."""
    span = Span("BTC", NOW_MS - 3 * DAY_MS, NOW_MS - 2_000)
    talk = require_all(exchange_of(spread(span, 300), longest_page=25), span)
    assert set(talk.hosts()) == {"live", "history"}
    live = [int(params["start_timestamp"]) for host, _, params in talk.exchange.asked if host == "live"]
    assert min(live) >= NOW_MS - DAY_MS + 600_000


def test_a_live_answer_to_too_old_a_question_proves_nothing() -> None:
    """The machine's clock is half a day behind, so the question is too old, and an empty success comes back."""
    span = Span("BTC", NOW_MS - DAY_MS - 3_600_000, NOW_MS - DAY_MS)
    exchange = exchange_of(spread(span, 30))
    with pytest.raises(FetchFailed, match="more than its last day"):
        every_trade(Talk(exchange), span, NOW_MS - DAY_MS // 2)


@pytest.mark.parametrize("has_more", ["true", True, False, None, "yes"])
@pytest.mark.parametrize("longest_page", [3, 1000])
def test_the_word_that_there_is_more_is_not_believed(has_more: Any, longest_page: int) -> None:
    for span in (OLD, FRESH):
        require_all(exchange_of(spread(span, 25), has_more=has_more, longest_page=longest_page), span)


@pytest.mark.parametrize("currency", ["BTC", "USDC"])
@pytest.mark.parametrize("has_more", ["true", True, False])
def test_more_trades_of_one_millisecond_than_a_page_holds_all_come(currency: str, has_more: Any) -> None:
    span = Span(currency, OLD.from_ms, OLD.until_ms)
    times = [*spread(span, 10)[:5], *[span.from_ms + 40_000_000] * 33, *spread(span, 10)[5:]]
    exchange = exchange_of(times, currency, longest_page=8, has_more=has_more)
    require_all(exchange, span, currency)


def test_a_span_that_begins_and_ends_in_a_crowded_millisecond_is_whole() -> None:
    times = [OLD.from_ms] * 30 + [OLD.until_ms - 1] * 30 + [OLD.until_ms] * 30
    require_all(exchange_of(times, longest_page=7), OLD)


def test_rows_outside_the_range_are_no_end_and_no_hole() -> None:
    before, after = made_trades("BTC", [OLD.from_ms - 10**9, OLD.until_ms + 10**7], seed=5, first_id=7_000_000)
    before["trade_seq"], after["trade_seq"] = 10_000, 900_000
    exchange = exchange_of(spread(OLD, 30), longest_page=6, leaks=[before, after])
    require_all(exchange, OLD)


def test_rows_out_of_order_are_all_taken() -> None:
    times = spread(OLD, 60)
    for place in range(0, 58, 3):  # neighbours in name that are not in time
        times[place], times[place + 1] = times[place] + 400, times[place]
    require_all(exchange_of(times, longest_page=5, is_shuffled=True), OLD)
    close = [OLD.from_ms + 100 * place + (350 if place % 4 == 1 else 0) for place in range(80)]
    require_all(exchange_of(close, longest_page=30, is_shuffled=True), OLD)


def test_a_missing_number_is_asked_for_by_its_instrument() -> None:
    exchange = exchange_of(spread(OLD, 60), longest_page=9)
    rows = inner(exchange.trades["BTC"])
    exchange.hidden = {key(rows[3]), key(rows[4]), key(rows[17])}
    talk = require_all(exchange, OLD)
    assert "get_last_trades_by_instrument" in {method for _, method, _ in exchange.asked}
    assert set(talk.hosts()) == {"history"}


def test_a_missing_number_of_the_last_day_is_asked_for_at_both_hosts() -> None:
    span = Span("BTC", NOW_MS - 20 * 3_600_000, NOW_MS - 2_000)
    exchange = exchange_of(spread(span, 60))
    lost = inner(exchange.trades["BTC"])[5]
    exchange.lost = {key(lost)}
    rows, holes, talk = fetched(exchange, span)
    assert holes == [Hole(lost["instrument_name"], lost["trade_seq"], lost["trade_seq"])]
    assert rows == [row for row in whole(exchange, span) if row is not lost]
    assert {host for host, method, _ in talk.exchange.asked if method.endswith("instrument")} == {"live", "history"}


def test_a_trade_that_is_missing_between_two_spans_is_missed_by_the_numbers_of_the_first() -> None:
    exchange = exchange_of(spread(OLD, 60), longest_page=9)
    rows = exchange.trades["BTC"]
    first = replace(OLD, until_ms=rows[30]["timestamp"])
    second = replace(OLD, from_ms=rows[30]["timestamp"])
    next_of = {row["instrument_name"]: row for row in reversed(rows[30:])}
    (one, other, *_) = next_of.values()
    exchange.hidden, exchange.lost = {key(one)}, {key(other)}
    talk = Talk(exchange)
    nothing_missed, last_seqs = every_trade(talk, first, NOW_MS)
    assert nothing_missed == []
    assert last_seqs == {row["instrument_name"]: row["trade_seq"] for row in rows[:30]}
    holes, _ = every_trade(talk, second, NOW_MS, last_seqs)
    assert holes == [Hole(*key(other), other["trade_seq"])]
    assert one["trade_id"] in talk.rows
    assert every_trade(Talk(exchange), second, NOW_MS).holes == []  # nobody knows of them


def test_numbers_that_never_come_are_named_holes() -> None:
    exchange = exchange_of(spread(OLD, 80), longest_page=20)
    name = exchange.trades["BTC"][0]["instrument_name"]
    of_name = [row for row in exchange.trades["BTC"] if row["instrument_name"] == name]
    exchange.lost = {key(of_name[2]), key(of_name[3]), key(of_name[6])}
    rows, holes, _ = fetched(exchange, OLD)
    assert holes == [Hole(name, 3, 4), Hole(name, 7, 7)]
    assert len(rows) == 77


def test_a_number_beyond_reason_does_not_ask_for_ever() -> None:
    exchange = exchange_of(spread(OLD, 20))
    exchange.trades["BTC"][-1]["trade_seq"] = 10**15
    _, holes, _ = fetched(exchange, OLD)
    assert any(hole.to_seq == 10**15 - 1 for hole in holes)
    assert len(exchange.asked) < 20


def test_an_instrument_that_a_host_no_longer_knows_leaves_its_holes_named() -> None:
    exchange = exchange_of(spread(OLD, 40))
    row = inner(exchange.trades["BTC"])[2]
    exchange.hidden = {key(row)}
    gone = {"code": 13020, "message": "not_found", "data": {"reason": "gone"}}
    exchange.instead["get_last_trades_by_instrument"] = [Answer(json.dumps({"error": gone}).encode(), 400)] * 5
    _, holes, _ = fetched(exchange, OLD)
    assert holes == [Hole(*key(row), row["trade_seq"])]


@pytest.mark.parametrize("span", [OLD, FRESH])
def test_a_span_without_trades_is_believed_when_asked_twice(span: Span) -> None:
    exchange = exchange_of([span.from_ms - 5, span.until_ms])
    rows, holes, _ = fetched(exchange, span)
    assert (rows, holes) == ([], [])
    assert [params["sorting"] for _, _, params in exchange.asked] == ["asc", "desc"]


def test_an_empty_first_page_that_the_next_question_contradicts_is_told() -> None:
    exchange = exchange_of(spread(OLD, 20))
    exchange.instead["get_last_trades_by_currency_and_time"] = [exchange.result({"trades": [], "has_more": False})]
    with pytest.raises(FetchFailed, match="once that there were no trades"):
        every_trade(Talk(exchange), OLD, NOW_MS)


@pytest.mark.parametrize(("times", "is_whole"), [(1, True), (2, True), (3, False)])
def test_an_empty_page_where_trades_are_known_is_asked_again(times: int, is_whole: bool) -> None:
    exchange = exchange_of(spread(OLD, 20), longest_page=6)
    respond, empty = exchange.respond, exchange.result({"trades": [], "has_more": False})
    count = 0

    def forgetful(target: str) -> Answer:
        nonlocal count
        count += 1
        return empty if 2 < count <= 2 + times else respond(target)

    exchange.respond = forgetful  # type: ignore[method-assign]
    if is_whole:
        require_all(exchange, OLD)
    else:
        with pytest.raises(FetchFailed, match="no longer sends"):
            fetched(exchange, OLD)


def test_pages_as_long_as_history_takes_them_and_shorter_ones_where_it_does_not() -> None:
    for most, counts in ((10_000, {"10000"}), (1000, {"10000", "1000"})):
        exchange = exchange_of(spread(OLD, 2500), most_counted=most)
        exchange.longest_page = most
        require_all(exchange, OLD)
        assert {params["count"] for _, _, params in exchange.asked} == counts
        assert [params["count"] for _, _, params in exchange.asked].count("10000") <= max(1, most // 1000)


def without(name: str) -> Callable[[Row], Any]:
    return lambda row: {other: value for other, value in row.items() if other != name}


@pytest.mark.parametrize(
    "spoil",
    [
        without("trade_id"), without("timestamp"), without("instrument_name"), lambda row: row | {"timestamp": None},
        lambda row: None, lambda row: 7, lambda row: [], lambda row: row | {"trade_id": None},
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_stops_nobody(spoil: Callable[[Row], Any]) -> None:
    exchange = exchange_of(spread(OLD, 20))
    page = [spoil(row) if place == 4 else row for place, row in enumerate(exchange.trades["BTC"])]
    answer = exchange.result({"trades": page, "has_more": False})
    exchange.instead["get_last_trades_by_currency_and_time"] = [answer]
    came: set[str] = set()

    def ask(host: Host, method: str, params: Params) -> Reply:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        reply = reply_of(method, params, NOW, exchange.respond(f"/{host}/api/v2/{method}?{query}").body.decode())
        came.update(row["trade_id"] for row in reply.result["trades"] if isinstance(row, dict) and row.get("trade_id"))
        return reply

    every_trade(ask, OLD, NOW_MS)
    assert len(came) >= 19


@pytest.mark.parametrize("result", [{}, {"trades": None}, [], "trades", {"trades": {"a": 1}}, 3])
def test_an_answer_without_a_list_of_trades_is_told(result: Any) -> None:
    exchange = exchange_of(spread(OLD, 20))
    exchange.instead["get_last_trades_by_currency_and_time"] = [exchange.result(result)]

    def ask(host: Host, method: str, params: Params) -> Reply:
        return reply_of(method, params, NOW, exchange.respond(f"/{host}/api/v2/{method}").body.decode())

    with pytest.raises(FetchFailed, match="no list of trades"):
        every_trade(ask, OLD, NOW_MS)


@given(
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 30, 999, 1000, 1001, 60_000, 9_000_000]), min_size=1, max_size=70),
    longest_page=st.integers(2, 12),
    has_more=st.sampled_from(["true", True, False, None]),
    is_shuffled=st.booleans(),
    hidden=st.sets(st.integers(0, 70), max_size=6),
    lost=st.sets(st.integers(0, 70), max_size=4),
    days_ago=st.sampled_from([0.2, 0.999, 1.0, 1.01, 1.3, 40.0]),
)
def test_all_of_it_at_once_still_ends_in_every_trade_or_a_named_hole(
    gaps: list[int], longest_page: int, has_more: Any, is_shuffled: bool, hidden: set[int], lost: set[int],
    days_ago: float,
) -> None:  # fmt: skip
    first = NOW_MS - int(days_ago * DAY_MS)
    times = [first := first + gap for gap in gaps]
    span = Span("BTC", times[0], min(times[-1] + 1, NOW_MS - 2_000))
    exchange = exchange_of([ms for ms in times if ms < NOW_MS - 2_000] or [span.from_ms])
    exchange.longest_page, exchange.has_more, exchange.is_shuffled = longest_page, has_more, is_shuffled
    between = inner(exchange.trades["BTC"])
    exchange.hidden = {key(row) for place, row in enumerate(between) if place in hidden}
    exchange.lost = {key(row) for place, row in enumerate(between) if place in lost}
    rows, holes, _ = fetched(exchange, span)
    named = {(hole.instrument, seq) for hole in holes for seq in range(hole.from_seq, hole.to_seq + 1)}
    assert named == exchange.lost
    assert [key(row) for row in rows] == [key(row) for row in whole(exchange, span) if key(row) not in named]


def inner(rows: list[Row]) -> list[Row]:
    """Trades that have an earlier and a later one of their instrument, so that they can be missed; none of them first
    or last of the span, by which it is bounded."""
    seqs: dict[str, list[int]] = {}
    for row in rows:
        seqs.setdefault(row["instrument_name"], []).append(row["trade_seq"])
    return [row for row in rows[1:-1] if min(seqs[key(row)[0]]) < row["trade_seq"] < max(seqs[key(row)[0]])]
