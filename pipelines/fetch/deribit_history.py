"""Deribit's trades of past days: whole UTC days, each of a currency as one bundle. What a killed run had, a repeat has.

The ledger says which days came; `spool/` holds the answers of the one that is under way.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from pipelines.fetch.acceptance import require_accepted
from pipelines.fetch.arrive import REFUSALS_IN_A_ROW, refusal
from pipelines.fetch.client import Client, FetchFailed
from pipelines.fetch.deribit import FEED, currency_of, item_of
from pipelines.fetch.deribit_ask import HISTORY_URL, asking
from pipelines.fetch.deribit_spool import Chain, Spool
from pipelines.fetch.deribit_state import without_expired
from pipelines.fetch.deribit_trades import DAY_MS, Hole, Span, every_trade, milliseconds_of
from pipelines.fetch.feed import FeedError
from pipelines.lake.store import Lake
from pipelines.lake.turn import turn
from pipelines.load import Arrival, Loaded, load_arrivals
from pipelines.settings import Paths
from pipelines.sources.deribit_bundle import pack

FIRST_DAY = date(2016, 1, 1)  # of which Deribit has options
_SETTLING = timedelta(minutes=5)
_NAME = re.compile(rf"{FEED.name} trades ([A-Z0-9_ ]+) (\d{{4}}-\d\d-\d\d)")


def days_between(first: date, last: date | None, now: datetime) -> list[date]:
    """The UTC days to be fetched, without `last` up to the last whole one; FeedError where they make no sense."""
    newest = (now - _SETTLING).date() - timedelta(days=1)
    last = newest if last is None else last
    if first < FIRST_DAY:
        raise FeedError(f"Deribit has no options before {FIRST_DAY}")
    if max(first, last) > newest:
        raise FeedError(f"{max(first, last)} is not over; the last whole day (UTC) is {newest}, visits bring the rest")
    if first > last:
        raise FeedError(f"the first day, {first}, is after the last, {last}")
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def fetch_days(
    lake: Lake, underlyings: Sequence[str], days: Iterable[date], client: Client, progress: Callable[[Loaded], None]
) -> list[Loaded]:
    """Fetch and land every trade of these days, but for those that came before; a bundle for each day and currency.

    One that fails leaves the others unharmed; after three in a row the rest is left for a repeat. FeedError without
    accepted terms. The lake is locked while something lands, not while Deribit is asked.
    """
    require_accepted(lake.paths, FEED)
    loaded: list[Loaded] = []
    refused_in_a_row = 0
    with turn(lake.paths.spool / "deribit" / "trades.lock"):
        landed = _landed(lake)
        _drop_landed(lake.paths, landed)
        for day, members in _owed(underlyings, days, landed):
            if refused_in_a_row == REFUSALS_IN_A_ROW:
                break
            one = _fetch_day(lake, day, members, client, progress)
            refused_in_a_row = refused_in_a_row + 1 if one.fate == "refused" else 0
            loaded.append(one)
    return loaded


def _owed(
    underlyings: Sequence[str], days: Iterable[date], landed: dict[date, set[str]]
) -> Iterator[tuple[date, list[str]]]:
    books: dict[str, list[str]] = {}
    for underlying in dict.fromkeys(map(item_of, underlyings)):
        books.setdefault(currency_of(underlying), []).append(underlying)
    return ((day, members) for day in days for members in books.values() if not landed.get(day, set()) >= {*members})


def _landed(lake: Lake) -> dict[date, set[str]]:
    """The underlyings of which a day's trades came."""
    found: dict[date, set[str]] = {}
    query = "select distinct original_name from load_ledger where fate <> 'refused' and original_name like ?"
    for row in lake.catalogue.rows(query, [f"{FEED.name} trades %"]):
        if named := _NAME.fullmatch(row["original_name"]):
            found.setdefault(date.fromisoformat(named[2]), set()).update(named[1].split())
    return found


def _fetch_day(
    lake: Lake, day: date, underlyings: list[str], client: Client, progress: Callable[[Loaded], None]
) -> Loaded:
    currency, folder = currency_of(underlyings[0]), lake.paths.spool / "deribit" / "trades"
    spool, chain = Spool(folder / f"{day}-{currency}", asking(client)), Chain(folder, currency)
    name = f"{FEED.name} trades {' '.join(underlyings)} {day}"
    start = milliseconds_of(datetime.combine(day, time()))
    span = Span(currency, start, start + DAY_MS)
    holes: list[Hole] = []
    try:
        before = chain.before(day)
        holes, last_seqs = every_trade(spool, span, milliseconds_of(client.now()), before)
        claim = span.claim(spool.last or client.now(), underlyings, holes)
        data = pack([*spool.lines, claim], note="the trades of a day")
        arrival = Arrival(name, lambda: data, HISTORY_URL, spool.last)
        chain.keep(day, without_expired({**before, **last_seqs}, span.until_ms))
    except FetchFailed as error:
        arrival = refusal(name, error, HISTORY_URL)
    with lake.writing():
        (one,) = load_arrivals(lake, [arrival], progress=lambda _: None)
    if one.fate != "refused":
        spool.remove()
        one = replace(one, reason=one.reason or _told(holes))
    progress(one)
    return one


def _told(holes: Sequence[Hole]) -> str | None:
    missing = sum(hole.to_seq - hole.from_seq + 1 for hole in holes)
    return f"{missing} trades of {len({hole.instrument for hole in holes})} contracts cannot be had" if holes else None


def _drop_landed(paths: Paths, landed: dict[date, set[str]]) -> None:
    """What a process that was killed after landing left."""
    for folder in (paths.spool / "deribit" / "trades").glob("????-??-??-*/"):
        day, currency = folder.name[:10], folder.name[11:]
        if currency in map(currency_of, landed.get(date.fromisoformat(day), ())):
            shutil.rmtree(folder, ignore_errors=True)
