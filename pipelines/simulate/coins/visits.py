"""How the market was collected: a visit every ten minutes, and the files in which the answers were kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.simulate.coins import responses
from pipelines.simulate.coins.book import book_summaries
from pipelines.simulate.coins.clock import HOUR, MINUTE, SECOND, day_start, instant_of, instant_of_us, milliseconds
from pipelines.simulate.coins.declare import EXPIRY_HOUR, Coin, CoinScenario
from pipelines.simulate.coins.history import CoinHistory
from pipelines.simulate.draws import draws
from pipelines.sources.deribit_bundle import claim_line, pack, response_line

NOTE = "SIMULATED: the sample market, not the exchange's data"
_AFTER = 2 * SECOND  # a visit begins so long after the bucket's end
_JITTER = 700  # ms
_PER_COIN = 1_500  # ms that a visit spends on a coin
_STEP_US = 90_250
_SEEN_AFTER_US = 61_123  # from the chain's own instant to its arrival
_PAGE = 25  # trades
_OVERLAP = MINUTE  # asked again at the next visit
_INVERTED_EVERY = 7  # place on a page that changes with the one before
_Answer = tuple[str, dict[str, object], str]


@dataclass(frozen=True, slots=True)
class _Visit:
    grid: int  # the bucket's end
    begins: int
    claims_from: int
    claims_until: int
    is_first_of_hour: bool
    shows_instruments: bool
    shows_deliveries: bool
    has_chain: bool


def market_files(scenario: CoinScenario, histories: Sequence[CoinHistory], seed: int) -> dict[str, bytes]:
    """Bundles by name: one a UTC day, of the last hours one an hour; the visit that closes the last day has its own."""
    visits = _visits(scenario, seed)
    chained = [visit for visit in visits if visit.has_chain]
    chains = [
        book_summaries(
            one.coin, one.path, one.contracts, one.ledger, one.fills, one.tape,
            np.array([visit.begins + number * _PER_COIN for visit in chained]),
        )
        for number, one in enumerate(histories)
    ]  # fmt: skip
    lines: dict[str, list[str]] = {}
    for visit in visits:
        shown = [next(chain) for chain in chains] if visit.has_chain else []
        lines.setdefault(_file_name(scenario, visit), []).extend(_lines(scenario, histories, visit, shown, seed))
    return {name: pack(found, NOTE) for name, found in lines.items()}


def _visits(scenario: CoinScenario, seed: int) -> list[_Visit]:
    start, end = milliseconds(scenario.start), milliseconds(scenario.end)
    step = scenario.visit_minutes * MINUTE
    grid = range(start, end + 1, step)
    late = np.floor(_JITTER * draws(seed, "visits", (len(grid),))).astype(int).tolist()
    listing, found = EXPIRY_HOUR * HOUR, []
    claimed = start
    for at, jitter in zip(grid, late, strict=True):
        since_midnight = at - day_start(at)
        until = end if at == end else at + _AFTER // 2
        found.append(
            _Visit(
                grid=at,
                begins=at + _AFTER + jitter,
                claims_from=claimed,
                claims_until=until,
                is_first_of_hour=at % HOUR == 0,
                shows_instruments=since_midnight in {0, listing} and at < end,
                shows_deliveries=listing < since_midnight <= listing + step,
                has_chain=at < end,
            )
        )
        claimed = until
    return found


def _file_name(scenario: CoinScenario, visit: _Visit) -> str:
    at = instant_of(visit.grid)
    is_hourly = visit.grid >= milliseconds(scenario.end) - scenario.hourly_hours * HOUR
    return f"simulated_deribit_{at:%Y-%m-%dT%H}.jsonl.gz" if is_hourly else f"simulated_deribit_{at:%Y-%m-%d}.jsonl.gz"


def _lines(
    scenario: CoinScenario, histories: Sequence[CoinHistory], visit: _Visit, chains: Sequence[str], seed: int
) -> Iterator[str]:
    captured = 0
    for number, history in enumerate(histories):
        begins = visit.begins + number * _PER_COIN
        captured = 1000 * begins + _SEEN_AFTER_US
        chain = chains[number] if chains else None
        for method, params, result in _answers(scenario, history, visit, begins, chain, seed):
            body = responses.envelope(result, captured)
            yield response_line(instant_of_us(captured), f"public/{method}", params, body)
            captured += _STEP_US
    names = [history.coin.underlying for history in histories]
    yield claim_line(instant_of_us(captured), names, instant_of(visit.claims_from), instant_of(visit.claims_until))


def _answers(
    scenario: CoinScenario, history: CoinHistory, visit: _Visit, at: int, chain: str | None, seed: int
) -> Iterator[_Answer]:
    """Method, parameters and result of all that a visit asks about a coin."""
    coin, path = history.coin, history.path
    of_options: dict[str, object] = {"currency": coin.currency, "kind": "option"}
    if chain is not None:
        yield "get_book_summary_by_currency", of_options, chain
        yield "get_index_price", {"index_name": coin.index_name}, responses.index_price(path, at)
    yield from _trade_pages(history, visit, milliseconds(scenario.start))
    if visit.shows_instruments:
        yield "get_instruments", of_options | {"expired": False}, responses.instruments(coin, history.contracts, at)
    if visit.is_first_of_hour and visit.grid > milliseconds(scenario.start):
        yield from _bars(coin, history, visit, seed)
    if visit.shows_deliveries:
        result = responses.delivery_prices(path, milliseconds(scenario.start), at)
        yield "get_delivery_prices", {"index_name": coin.index_name, "offset": 0, "count": 100}, result


def _bars(coin: Coin, history: CoinHistory, visit: _Visit, seed: int) -> Iterator[_Answer]:
    """Of the last hour; the bar that has just begun stands there too."""
    first, at = visit.grid - HOUR, visit.begins
    span: dict[str, object] = {"start_timestamp": first, "end_timestamp": at}
    asked = {"instrument_name": coin.perpetual, "resolution": "10"} | span
    yield "get_tradingview_chart_data", asked, responses.candles(coin, history.path, first, at, seed)
    if coin.has_volatility_index:
        asked = {"currency": coin.currency, "resolution": "3600"} | span
        yield "get_volatility_index_data", asked, responses.volatility_index(history.path, first, at)


def _trade_pages(history: CoinHistory, visit: _Visit, start: int) -> Iterator[_Answer]:
    """Since a little before the last visit. A page begins where the one before ended, so that some come twice."""
    from_ms, until = max(visit.claims_from - _OVERLAP, start), visit.claims_until
    tape, times = history.tape, history.tape.times
    first, last = np.searchsorted(times, [from_ms, until]).tolist()
    for begin, end in responses.page_starts(times, first, last, _PAGE):
        params = _span(history.coin, "option", int(times[begin]) if begin > first else from_ms, until)
        records = _inverted(tape.records[begin:end])
        yield "get_last_trades_by_currency_and_time", params, responses.trades(records, has_more=end < last)
    first, last = np.searchsorted(tape.parent_times, [from_ms, until]).tolist()
    if last > first:
        params = _span(history.coin, "option_combo", from_ms, until)
        yield (
            "get_last_trades_by_currency_and_time",
            params,
            responses.trades(tape.parents[first:last], has_more=False),
        )


def _span(coin: Coin, kind: str, from_ms: int, until: int) -> dict[str, object]:
    return {
        "currency": coin.currency,
        "kind": kind,
        "start_timestamp": from_ms,
        "end_timestamp": until - 1,
        "count": _PAGE,
        "sorting": "asc",
    }


def _inverted(records: Sequence[str]) -> list[str]:
    """The venue's order is not quite that of time."""
    found = list(records)
    for place in range(_INVERTED_EVERY, len(found), _INVERTED_EVERY):
        found[place - 1], found[place] = found[place], found[place - 1]
    return found
