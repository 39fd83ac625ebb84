"""Every public trade of a span: pages that overlap, and the proof that none is missing.

No word of the vendor is proof. A span ends where a page that could have held more brought nothing new; whether anything
was left out in between, the numbers that count the trades of each instrument tell, from one span to the next. Those
that are missing are asked for one instrument at a time, and what even then does not come is a named hole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from pipelines.fetch.client import FetchFailed
from pipelines.fetch.deribit_ask import INVALID_PARAMS, Ask, Declined, Host, Params
from pipelines.sources.deribit_bundle import claim_line

_EPOCH = datetime(1970, 1, 1)
MINUTE_MS = 60_000
_HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * _HOUR_MS
LIVE_MS = DAY_MS - 10 * MINUTE_MS  # how far back the live host is asked: beyond a day it answers with nothing
_LATEST_LIVE_MS = DAY_MS - MINUTE_MS
BY_TIME = "public/get_last_trades_by_currency_and_time"
BY_ID = "public/get_last_trades_by_currency"
BY_INSTRUMENT = "public/get_last_trades_by_instrument"
_COUNTS: dict[Host, int] = {"live": 1000, "history": 10_000}  # the latter is accepted, but promised nowhere
_SURE_COUNT = 1000
_OVERLAP_MS = 1000  # trades are not strictly in order of time
_MOST_PAGES = 20_000
_MOST_QUESTIONS = 1_000  # about missing trades of one span
_PATIENCE = 3
NOTHING_BEFORE: Mapping[str, int] = MappingProxyType({})
_LAST_DIGITS = re.compile(r"[0-9]{1,18}$")


@dataclass(frozen=True, slots=True)
class Span:
    """from_ms <= timestamp < until_ms, of one currency's options."""

    currency: str
    from_ms: int
    until_ms: int

    def claim(self, captured_at: datetime, underlyings: Sequence[str], holes: Iterable[Hole]) -> str:
        """The line of a bundle that says so."""
        return claim_line(captured_at, underlyings, instant_of(self.from_ms), instant_of(self.until_ms), holes)


class Hole(NamedTuple):
    """Trades that an instrument must have had and that cannot be had."""

    instrument: str
    from_seq: int
    to_seq: int


class Proof(NamedTuple):
    holes: list[Hole]
    last_seqs: dict[str, int]  # the greatest number of every instrument that traded in the span


class _Trade(NamedTuple):
    trade_id: str
    ms: int
    instrument: str
    seq: int | None


def every_trade(ask: Ask, span: Span, now_ms: int, before: Mapping[str, int] = NOTHING_BEFORE) -> Proof:
    """Ask until every trade of the span came, however often; the replies are the caller's, by `ask`.

    `before`: the last number of each instrument up to which the trades before the span are there.

    The last day is asked from the live host at `now_ms`, what is older from that of history; from which hour on, so
    that a repeat soon after asks the same.
    """
    hour = now_ms - LIVE_MS + _HOUR_MS - 1
    live_from = min(max(hour - hour % _HOUR_MS, span.from_ms), span.until_ms)
    hosts: list[Host] = []
    search = _Search(ask, span, before)
    if span.from_ms < live_from:
        search.page("history", replace(span, until_ms=live_from))
        hosts.append("history")
    if live_from < span.until_ms:
        search.page("live", replace(span, from_ms=live_from))
        hosts.append("live")
    for host in dict.fromkeys([*hosts, "history"]):
        search.fill(host)
    return Proof(search.holes(), search.last_seqs())


class _Search:
    """What came so far, and what is still to be asked."""

    def __init__(self, ask: Ask, span: Span, before: Mapping[str, int]) -> None:
        self._ask, self._span, self._before = ask, span, before
        self._ids: set[str] = set()
        self._seqs: dict[str, set[int]] = {}
        self._bounds: dict[str, tuple[int, int]] = {}  # an instrument's least and greatest number in the span
        self._counts = dict(_COUNTS)
        self._questions = 0

    def page(self, host: Host, span: Span) -> None:
        """By time, each page from where the last one ended; what repeats is told apart by the trades' names."""
        start, longest, latest, lost = span.from_ms, 0, -1, 0
        for _ in range(_MOST_PAGES):
            trades, has_more = self._by_time(host, span, start)
            new = self._add(trades)
            inside = [trade for trade in trades if start <= trade.ms < span.until_ms]
            if not inside and latest < start:
                if latest < 0:
                    self._require_nothing(host, span)
                return
            if not inside:  # but what it sent a moment ago lies in this very range
                lost += 1
                if lost == _PATIENCE:
                    raise FetchFailed("the vendor no longer sends trades that it sent a moment ago; try again")
                continue
            top = max(trade.ms for trade in inside)
            if not new and len(trades) < longest and not has_more and top >= latest:
                return
            longest, latest = max(longest, len(trades)), max(latest, top)
            following = top - _OVERLAP_MS if new and top - _OVERLAP_MS > start else top
            if following == start:
                self._drain(host, [trade for trade in inside if trade.ms == start])
                following += 1
            start = following
        raise FetchFailed(f"not at the end after {_MOST_PAGES} pages")

    def fill(self, host: Host) -> None:
        """Ask for what is missing, one instrument at a time."""
        for hole in self.holes():
            start, fruitless = hole.from_seq, 0
            while start <= hole.to_seq and fruitless < _PATIENCE and self._questions < _MOST_QUESTIONS:
                last = min(hole.to_seq, start + _SURE_COUNT - 1)
                asked: Params = {"instrument_name": hole.instrument, "start_seq": start, "end_seq": last}
                self._questions += 1
                try:
                    trades, _ = self._trades(host, BY_INSTRUMENT, {**asked, "count": _SURE_COUNT, "sorting": "asc"})
                except Declined:  # this host does not know the instrument
                    break
                fruitless = 0 if self._add(trades) else fruitless + 1
                start = last + 1

    def holes(self) -> list[Hole]:
        return [
            Hole(instrument, *run)
            for instrument, bounds in sorted(self._bounds.items())
            for run in _missing(self._seqs[instrument], *bounds)
        ]

    def last_seqs(self) -> dict[str, int]:
        return {instrument: high for instrument, (_, high) in sorted(self._bounds.items())}

    def _drain(self, host: Host, trades: list[_Trade]) -> None:
        """More trades of one millisecond than a page holds: those behind these, in the order of their names."""
        ms = trades[0].ms
        asked: Params = {"currency": self._span.currency, "kind": "option", "count": _SURE_COUNT, "sorting": "asc"}
        for _ in range(_MOST_PAGES):
            last = max(trades, key=lambda trade: _number(trade.trade_id))
            trades, _ = self._trades(host, BY_ID, {**asked, "start_id": last.trade_id})
            new = self._add(trades)
            if all(trade.ms != ms for trade in new):
                return

    def _by_time(self, host: Host, span: Span, start: int, sorting: str = "asc") -> tuple[list[_Trade], bool]:
        asked: dict[str, str | int] = {"currency": span.currency, "kind": "option", "sorting": sorting}
        asked |= {"start_timestamp": start, "end_timestamp": span.until_ms - 1}
        try:
            return self._trades(host, BY_TIME, {**asked, "count": self._counts[host]})
        except Declined as declined:
            if declined.code != INVALID_PARAMS or self._counts[host] <= _SURE_COUNT:
                raise
        self._counts[host] = _SURE_COUNT
        return self._trades(host, BY_TIME, {**asked, "count": _SURE_COUNT})

    def _require_nothing(self, host: Host, span: Span) -> None:
        """An empty first page is believed when the question put the other way round is answered alike."""
        trades, _ = self._by_time(host, span, span.from_ms, sorting="desc")
        if any(span.from_ms <= trade.ms < span.until_ms for trade in trades):
            raise FetchFailed("the vendor says once that there were no trades, and once that there were; try again")

    def _trades(self, host: Host, method: str, params: Params) -> tuple[list[_Trade], bool]:
        reply = self._ask(host, method, params)
        start = params.get("start_timestamp")
        if host == "live" and reply.server_ms and isinstance(start, int) and reply.server_ms - start > _LATEST_LIVE_MS:
            raise FetchFailed("the live host was asked for more than its last day; try again")
        rows = reply.result.get("trades") if isinstance(reply.result, dict) else None
        if not isinstance(rows, list):
            raise FetchFailed("the answer holds no list of trades")
        return [trade for row in rows if (trade := _read(row)) is not None], bool(reply.result.get("has_more"))

    def _add(self, trades: list[_Trade]) -> list[_Trade]:
        """Those that are new."""
        new = [trade for trade in trades if trade.trade_id not in self._ids]
        for trade in new:
            self._ids.add(trade.trade_id)
            if trade.seq is None:
                continue
            self._seqs.setdefault(trade.instrument, set()).add(trade.seq)
            if self._span.from_ms <= trade.ms < self._span.until_ms:
                last = self._before.get(trade.instrument, trade.seq)
                self._seqs[trade.instrument].add(last)
                low, high = self._bounds.get(trade.instrument, (last, trade.seq))
                self._bounds[trade.instrument] = min(low, trade.seq), max(high, trade.seq)
        return new


def _read(row: object) -> _Trade | None:
    """Only what paging needs; a row without it proves nothing and stays what it is."""
    if not isinstance(row, dict):
        return None
    ms, trade_id, instrument, seq = (row.get(n) for n in ("timestamp", "trade_id", "instrument_name", "trade_seq"))
    if not isinstance(ms, int) or not isinstance(trade_id, str | int) or not isinstance(instrument, str):
        return None
    return _Trade(str(trade_id), ms, instrument, seq if isinstance(seq, int) else None)


def _number(trade_id: str) -> tuple[int, str]:
    """Names count up: 415305279, ETH-284830839."""
    digits = _LAST_DIGITS.search(trade_id)
    return int(digits[0]) if digits else -1, trade_id


def _missing(seqs: set[int], low: int, high: int) -> Iterator[tuple[int, int]]:
    held = sorted(seq for seq in seqs if low <= seq <= high)
    return ((before + 1, after - 1) for before, after in pairwise(held) if after - before > 1)


def milliseconds_of(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant_of(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
