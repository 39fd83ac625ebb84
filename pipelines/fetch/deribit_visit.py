"""A visit at Deribit: what every ten minutes bring of the followed underlyings, landed as one bundle.

A part that fails leaves the others unharmed. What came of it stays in the bundle, without the claim to be complete. The
bundle is on disk before the lake is waited for; one that could not land is landed by a later visit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipelines.coins import INVERSE
from pipelines.fetch.acceptance import require_accepted
from pipelines.fetch.arrive import REFUSALS_IN_A_ROW, refusal
from pipelines.fetch.client import Client, FetchFailed, VendorRefuses
from pipelines.fetch.deribit import FEED, currency_of, index_of, item_of, perpetual_of
from pipelines.fetch.deribit_ask import Host, Params, Reply, asking
from pipelines.fetch.deribit_state import State, read_state, write_state
from pipelines.fetch.deribit_trades import DAY_MS, LIVE_MS, MINUTE_MS, Span, every_trade, milliseconds_of
from pipelines.fetch.deribit_waiting import keep, waiting
from pipelines.lake.store import Lake
from pipelines.lake.turn import PATIENCE_SECONDS, LakeBusy
from pipelines.load import Arrival, Loaded, load_arrivals
from pipelines.settings import Paths
from pipelines.sources.deribit_bundle import pack

_HOUR_MS = 60 * MINUTE_MS
_BAR_MS = 10 * MINUTE_MS
_SETTLING_MS = 2_000  # until a trade can be asked for by everybody
_OVERLAP_MS = MINUTE_MS  # of two visits' trades, for those that were late nevertheless
_LONGEST_BARS_MS = 7 * DAY_MS  # of one visit
_MOST_CONTINUED = 20


def visit(
    lake: Lake,
    underlyings: Sequence[str],
    client: Client,
    progress: Callable[[Loaded], None] = lambda _: None,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> list[Loaded]:
    """Ask for everything that is new of the underlyings and land it as one arrival.

    The first line says what became of the bundle: `waiting` where the lake stayed busy for longer than
    `patience_seconds`, so that a later visit lands it. Then come earlier visits that waited, and with fate `refused`
    each part that failed. FeedError without accepted terms. The lake is locked while something lands, not while
    Deribit is asked.
    """
    require_accepted(lake.paths, FEED)
    began = client.now()
    gathered = _Gathered(client, _reached(lake.paths))
    gathered.ask_all(list(dict.fromkeys(map(item_of, underlyings))))
    name = f"{FEED.name} {began:%Y-%m-%dT%H:%M}"
    failed = [refusal(f"{FEED.name} {part}", error) for part, error in gathered.failed]
    if gathered.lines:
        keep(lake.paths, name, gathered.last, pack(gathered.lines, note="a visit"), gathered.reached)
    else:
        failed = [refusal(name, gathered.failed[0][1] if gathered.failed else FetchFailed("nothing is followed"))]
    try:
        with lake.writing(patience_seconds):
            landed = _land(lake, progress)
            return landed[::-1] + list(load_arrivals(lake, failed, progress=progress))
    except LakeBusy as busy:
        return [Loaded(name, "waiting" if gathered.lines else "refused", str(busy))]


def _reached(paths: Paths) -> State:
    """How far collecting has come, with what waits to be landed."""
    state = read_state(paths)
    for one in waiting(paths):
        state.advance(one.reached)
    return state


def _land(lake: Lake, progress: Callable[[Loaded], None]) -> list[Loaded]:
    """Every visit that waits, in order of capture: also those of other processes, which then find them gone."""
    loaded: list[Loaded] = []
    for one in waiting(lake.paths):
        data = one.path.read_bytes()
        arrival = Arrival(one.name, lambda data=data: data, FEED.base_url, one.captured_at)  # type: ignore[misc]
        loaded += load_arrivals(lake, [arrival], progress=progress)
        if loaded[-1].fate != "refused":
            write_state(lake.paths, one.reached)
        if not loaded[-1].is_unread:  # a disk that is full now takes it later
            one.remove()
    return loaded


class _Gathered:
    """The lines of the bundle, what failed, and how far the visit came."""

    def __init__(self, client: Client, before: State) -> None:
        self._client, self._before, self._asking = client, before, asking(client)
        self.reached = State()
        self.lines: list[str] = []
        self.failed: list[tuple[str, FetchFailed]] = []
        self.last = client.now()
        self._server_ms: int | None = None
        self._refused_in_a_row = 0

    def ask_all(self, underlyings: Sequence[str]) -> None:
        """The chains first and close together; the trades last, so that they reach beyond the chains."""
        books = {currency_of(one): [other for other in underlyings if currency_of(other) == currency_of(one)]
                 for one in underlyings}  # fmt: skip
        for currency in books:
            self._attempt(f"chain {currency}", self._chain, currency)
        for index in map(index_of, underlyings):
            self._attempt(f"index {index}", self._index, index)
        for currency in books:
            self._attempt(f"instruments {currency}", self._instruments, currency)
        for instrument in map(perpetual_of, underlyings):
            self._attempt(f"candles {instrument}", self._candles, instrument)
        for coin in (one for one in underlyings if one in INVERSE):
            self._attempt(f"volatility {coin}", self._volatility, coin)
        for index in map(index_of, underlyings):
            self._attempt(f"deliveries {index}", self._deliveries, index)
        for currency, members in books.items():
            self._attempt(f"trades {currency}", self._trades, currency, members)
        self._attempt("clock", self._compare_clocks)

    def _attempt(self, part: str, do: Callable[..., None], *about: object) -> None:
        try:
            if self._refused_in_a_row >= REFUSALS_IN_A_ROW:
                raise VendorRefuses("not asked: the vendor refuses requests; wait before trying again")
            do(*about)
        except FetchFailed as error:
            self._refused_in_a_row = self._refused_in_a_row + 1 if isinstance(error, VendorRefuses) else 0
            self.failed.append((part, error))
        else:
            self._refused_in_a_row = 0

    def _chain(self, currency: str) -> None:
        self._ask("live", "public/get_book_summary_by_currency", {"currency": currency, "kind": "option"})

    def _index(self, index: str) -> None:
        self._ask("live", "public/get_index_price", {"index_name": index})

    def _instruments(self, currency: str) -> None:
        asked = {"currency": currency, "kind": "option", "expired": "false"}
        self._hourly(f"instruments {currency}", "public/get_instruments", asked)

    def _deliveries(self, index: str) -> None:
        self._hourly(f"deliveries {index}", "public/get_delivery_prices", {"index_name": index, "count": 3})

    def _hourly(self, what: str, method: str, asked: Params) -> None:
        """Once in each hour of the clock: a full hour since the last time would drift with every late visit."""
        now = self._now_ms()
        if now // _HOUR_MS > self._before.asked_at.get(what, 0) // _HOUR_MS:
            self._ask("live", method, asked)
            self.reached.asked_at[what] = now

    def _candles(self, instrument: str) -> None:
        """Whole bars only, and the two before them again: what a bar says settles late."""
        since, until = self._bars_due(instrument, _BAR_MS)
        if since < until:
            asked = {"start_timestamp": since - 2 * _BAR_MS, "end_timestamp": until - 1}
            method = "public/get_tradingview_chart_data"
            self._ask("live", method, {"instrument_name": instrument, **asked, "resolution": "10"})
            self.reached.bars_until[instrument] = until

    def _volatility(self, coin: str) -> None:
        """Whole hours of DVOL; the newest come first, and `continuation` says before which instant there are more."""
        since, until = self._bars_due(f"{coin}_DVOL", _HOUR_MS)
        start, end = since - _HOUR_MS, until - 1
        asked: dict[str, str | int] = {"currency": coin, "start_timestamp": start, "resolution": "3600"}
        for _ in range(_MOST_CONTINUED if since < until else 0):
            reply = self._ask("live", "public/get_volatility_index_data", {**asked, "end_timestamp": end})
            following = reply.result.get("continuation") if isinstance(reply.result, dict) else None
            if not isinstance(following, int) or not start < following < end:
                self.reached.bars_until[f"{coin}_DVOL"] = until
                return
            end = following

    def _bars_due(self, name: str, length_ms: int) -> tuple[int, int]:
        """From where to where bars are missing."""
        now = self._now_ms()
        whole = now - now % length_ms
        since = self._before.bars_until.get(name, whole - DAY_MS)
        return since, min(whole, since + _LONGEST_BARS_MS)

    def _trades(self, currency: str, underlyings: Sequence[str]) -> None:
        """From where each underlying's last proven span ended; after a long absence, a day a visit."""
        now = self._now_ms()
        first = now - LIVE_MS + _OVERLAP_MS
        start = min(self._before.trades_until.get(one, first) for one in underlyings) - _OVERLAP_MS
        until = min(now, milliseconds_of(self._client.now())) - _SETTLING_MS
        span = Span(currency, start, min(until, start + DAY_MS))
        if span.from_ms >= span.until_ms:
            return
        proof = every_trade(self._ask, span, now, self._before.last_seqs)
        self.lines.append(span.claim(self.last, underlyings, proof.holes))
        self.reached.last_seqs |= proof.last_seqs
        self.reached.trades_until |= dict.fromkeys(underlyings, span.until_ms)

    def _compare_clocks(self) -> None:
        off = 0 if self._server_ms is None else self._server_ms - milliseconds_of(self.last)
        if abs(off) > MINUTE_MS:
            how = f"{abs(off) // 1000} s {'behind' if off > 0 else 'ahead of'} Deribit's"
            raise FetchFailed(f"this machine's clock is {how}: set it, or times of capture are wrong")

    def _ask(self, host: Host, method: str, params: Params) -> Reply:
        reply = self._asking(host, method, params)
        self.lines.append(reply.line())
        self.last = max(self.last, reply.captured_at)
        self._server_ms = reply.server_ms or self._server_ms
        return reply

    def _now_ms(self) -> int:
        """By Deribit's clock where it told: the last day of the live host is by that."""
        return self._server_ms or milliseconds_of(self._client.now())
