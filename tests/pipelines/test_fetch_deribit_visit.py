"""A visit at Deribit: one bundle of all that is new, whatever fails on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipelines.fetch import deribit_visit
from pipelines.fetch.acceptance import accept
from pipelines.fetch.client import Client
from pipelines.fetch.deribit import FEED
from pipelines.fetch.deribit_state import read_state
from pipelines.fetch.deribit_visit import visit
from pipelines.fetch.deribit_waiting import waiting
from pipelines.fetch.feed import FeedError
from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, Loaded
from pipelines.settings import Paths
from pipelines.sources.deribit_bundle import unpack
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.deribit import DAY_MS, Exchange, failure, made_trades, ms_of

NOW = datetime(2026, 1, 14, 10, 10, 2)
FOLLOWED = ["BTC", "SOL"]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def exchange(clock: FakeClock) -> Exchange:
    now = ms_of(NOW)
    times = [now - DAY_MS + 7 * 60_000 * place for place in range(205)]
    return Exchange(
        lambda: clock._now, {"BTC": made_trades("BTC", times), "USDC": made_trades("USDC", times[::9])}, longest_page=50
    )


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, exchange: Exchange) -> Iterator[Site]:
    with standing_in() as serving:
        urls = {"deribit": f"{serving.url}/live", "deribit_history": f"{serving.url}/history"}
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(urls))
        serving.behaves("/live/", exchange.respond)
        serving.behaves("/history/", exchange.respond)
        yield serving


class Visits:
    """Visits, and the bundles that they handed to the loader."""

    def __init__(self, lake: Lake, client: Client) -> None:
        self.lake, self.client = lake, client
        self.arrivals: list[Arrival] = []
        self.refused: Loaded | None = None

    def __call__(self, *underlyings: str) -> list[Loaded]:
        return visit(self.lake, underlyings or FOLLOWED, self.client)

    def load(self, _: Lake, arrivals: list[Arrival], *, progress: Any) -> Iterator[Loaded]:
        """As the loader would take them."""
        for arrival in arrivals:
            self.arrivals.append(arrival)
            try:
                arrival.read()
                one = replace(self.refused or Loaded("", "landed"), name=arrival.name)
            except Exception as error:  # noqa: BLE001
                one = Loaded(arrival.name, "refused", str(error))
            progress(one)
            yield one

    def bundle(self) -> list[dict[str, Any]]:
        """The lines of the last one, but for the header."""
        (*_, newest) = (one for one in self.arrivals if one.captured_at is not None)
        return [json.loads(line) for line in unpack(newest.read())][1:]

    def methods(self) -> list[str]:
        return [line["method"].removeprefix("public/") for line in self.bundle() if "method" in line]

    def claims(self) -> dict[tuple[str, ...], tuple[int, int]]:
        claims = [line for line in self.bundle() if "claim" in line]
        return {tuple(line["underlyings"]): (line["from"], line["until"]) for line in claims}

    def trades(self, prefix: str) -> set[str]:
        bodies = [
            json.loads(line["body"])["result"] for line in self.bundle() if "last_trades" in line.get("method", "")
        ]
        rows = [row for result in bodies for row in result["trades"]]
        return {row["trade_id"] for row in rows if row["instrument_name"].startswith(prefix)}


@pytest.fixture
def visits(
    lake: Lake, site: Site, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Visits]:
    accept(lake.paths, FEED, NOW)
    with Client(tmp_path / "turns", clock=clock) as client:
        made = Visits(lake, client)
        monkeypatch.setattr(deribit_visit, "load_arrivals", made.load)
        yield made


def test_a_visit_brings_chains_prices_bars_and_trades_as_one_bundle(visits: Visits, clock: FakeClock) -> None:
    assert visits() == [Loaded("deribit 2026-01-14T10:10", "landed")]
    methods = visits.methods()
    assert methods[:4] == ["get_book_summary_by_currency"] * 2 + ["get_index_price"] * 2
    assert methods.count("get_instruments") == 2 and methods.count("get_delivery_prices") == 2
    assert methods.count("get_tradingview_chart_data") == 2 and methods.count("get_volatility_index_data") == 3
    assert methods[-1].startswith("get_last_trades")
    captured = [line["captured_at"] for line in visits.bundle()]
    assert captured == sorted(captured)
    assert visits.arrivals[0].captured_at == datetime.fromisoformat(captured[-1]).replace(tzinfo=None)


def test_each_underlying_is_asked_for_in_its_book_by_its_index_and_its_perpetual(visits: Visits) -> None:
    visits("btc", "BTC_USDC", "SOL", "sol_usdc")
    asked = [line["params"] for line in visits.bundle() if "params" in line]
    named = lambda word: [params[word] for params in asked if word in params]  # noqa: E731
    assert {params["currency"] for params in asked if params.get("kind")} == {"BTC", "USDC"}
    assert named("index_name")[:3] == ["btc_usd", "btc_usdc", "sol_usdc"]
    assert named("instrument_name")[:3] == ["BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "SOL_USDC-PERPETUAL"]
    assert set(visits.claims()) == {("BTC",), ("BTC_USDC", "SOL")}


def test_the_first_visit_brings_the_trades_of_the_last_day_and_later_ones_what_is_new(
    visits: Visits, exchange: Exchange, clock: FakeClock
) -> None:
    visits()
    (start, until) = visits.claims()[("BTC",)]
    assert until - start >= DAY_MS - 11 * 60_000 and 0 <= ms_of(clock._now) - until < 10_000
    assert visits.trades("BTC") == {
        row["trade_id"] for row in exchange.trades["BTC"] if start <= row["timestamp"] < until
    }
    clock.advance(timedelta(minutes=10))
    late = made_trades("BTC", [until - 30_000, until + 1], seed=3, first_id=5000)
    exchange.trades["BTC"] += late
    visits()
    assert visits.claims()[("BTC",)][0] == until - 60_000
    assert {row["trade_id"] for row in late} <= visits.trades("BTC")
    assert len(visits.trades("BTC")) < 10


def test_instruments_deliveries_and_volatilities_are_asked_once_an_hour_and_bars_when_they_are_over(
    visits: Visits, exchange: Exchange, clock: FakeClock
) -> None:
    exchange.trades = {}
    brought = []
    for _ in range(7):
        visits("BTC")
        brought.append(visits.methods())
        clock.advance(timedelta(minutes=10) - (clock._now - NOW) % timedelta(minutes=10))
    for method in ("get_instruments", "get_delivery_prices", "get_volatility_index_data"):
        assert [method in methods for methods in brought] == [True, *[False] * 4, True, False]
    assert all("get_tradingview_chart_data" in methods for methods in brought)
    bars = [line for line in visits.bundle() if line.get("method", "").endswith("chart_data")]
    ticks = json.loads(bars[0]["body"])["result"]["ticks"]
    assert len(ticks) == 3 and ticks[-1] + 600_000 <= ms_of(clock._now)


def test_bars_and_volatilities_overlap_and_leave_nothing_out(visits: Visits, clock: FakeClock) -> None:
    seen: dict[str, set[int]] = {"get_tradingview_chart_data": set(), "get_volatility_index_data": set()}
    for hours in (0, 1, 30, 0.2):
        clock.advance(timedelta(hours=hours))
        visits("BTC")
        for line in visits.bundle():
            if (method := line.get("method", "").removeprefix("public/")) in seen:
                result = json.loads(line["body"])["result"]
                seen[method] |= set(result["ticks"] if "ticks" in result else [row[0] for row in result["data"]])
    for method, length in (("get_tradingview_chart_data", 600_000), ("get_volatility_index_data", 3_600_000)):
        ticks = sorted(seen[method])
        assert ticks == list(range(ticks[0], ticks[-1] + 1, length))
        assert ticks[-1] + length <= ms_of(clock._now) < ticks[-1] + 2 * length
        assert ticks[-1] - ticks[0] > 50 * 3_600_000


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("get_book_summary_by_currency", "chain BTC"),
        ("get_index_price", "index btc_usd"),
        ("get_instruments", "instruments BTC"),
        ("get_tradingview_chart_data", "candles BTC-PERPETUAL"),
        ("get_volatility_index_data", "volatility BTC"),
        ("get_delivery_prices", "deliveries btc_usd"),
        ("get_last_trades_by_currency_and_time", "trades BTC"),
    ],
)
def test_a_part_that_fails_leaves_the_others_and_is_told(
    visits: Visits, exchange: Exchange, method: str, part: str
) -> None:
    exchange.instead[method] = [failure(11050, "bad_request", {"reason": "no\nsuch thing", "param": "x"}, status=400)]
    landed, refused = visits()
    assert (landed.fate, refused.fate) == ("landed", "refused")
    assert (refused.name, refused.reason) == (f"deribit {part}", "error 11050: bad_request no such thing (x)")
    assert set(visits.claims()) == ({("SOL",)} if part == "trades BTC" else {("BTC",), ("SOL",)})
    assert [one.fate for one in visits()] == ["landed"]
    assert method in visits.methods() and set(visits.claims()) == {("BTC",), ("SOL",)}


def test_trades_that_fail_on_the_way_stay_without_a_claim_and_are_asked_again(
    visits: Visits, exchange: Exchange
) -> None:
    page = exchange.respond(
        f"/live/api/v2/public/get_last_trades_by_currency_and_time?currency=BTC&count=50&sorting=asc"
        f"&start_timestamp={ms_of(NOW) - DAY_MS + 1_000_000}&end_timestamp={ms_of(NOW)}"
    )
    exchange.instead["get_last_trades_by_currency_and_time"] = [page, failure(13009, "unauthorized", status=401)]
    assert [one.name for one in visits()] == ["deribit 2026-01-14T10:10", "deribit trades BTC"]
    assert len(visits.trades("BTC")) == 50 and set(visits.claims()) == {("SOL",)}
    first = visits.claims()[("SOL",)]
    visits()
    assert visits.claims()[("BTC",)][0] <= first[0] + 120_000
    assert visits.claims()[("SOL",)][0] == first[1] - 60_000


def test_nothing_is_taken_as_done_that_did_not_land(visits: Visits) -> None:
    visits.refused = Loaded("", "refused", "no such layout")
    assert [one.fate for one in visits()] == ["refused"]
    methods, claims = visits.methods(), visits.claims()
    visits.refused = None
    visits()
    assert visits.methods() == methods
    assert visits.claims().keys() == claims.keys()


def test_a_visit_that_finds_the_lake_busy_is_kept_and_landed_by_a_later_one(
    visits: Visits, lake: Lake, exchange: Exchange, clock: FakeClock
) -> None:
    with lake.writing():
        (waits,) = visit(lake, FOLLOWED, visits.client, patience_seconds=0)
        assert (waits.name, waits.fate) == ("deribit 2026-01-14T10:10", "waiting")
        assert visits.arrivals == []
        clock.advance(timedelta(minutes=10))
        visit(lake, FOLLOWED, visits.client, patience_seconds=0)
    first, second = waiting(lake.paths)
    assert read_state(lake.paths).trades_until == {}  # nothing has landed, and the second began where the first ended
    assert first.reached.trades_until["BTC"] < second.reached.trades_until["BTC"]
    clock.advance(timedelta(minutes=10))
    names = [f"deribit 2026-01-14T10:{minute}" for minute in (10, 20, 30)]
    assert visits() == [Loaded(name, "landed") for name in names[::-1]]
    assert [one.name for one in visits.arrivals] == names
    spans = []
    for arrival in visits.arrivals:
        lines = [json.loads(line) for line in unpack(arrival.read())][1:]
        spans += [(line["from"], line["until"]) for line in lines if line.get("underlyings") == ["BTC"]]
        assert arrival.captured_at == max(datetime.fromisoformat(line["captured_at"]) for line in lines).replace(
            tzinfo=None
        )
    assert all(after[0] == before[1] - 60_000 for before, after in pairwise(spans))
    assert waiting(lake.paths) == []
    assert read_state(lake.paths).trades_until["BTC"] == spans[-1][1]


def test_a_visit_for_which_the_disk_has_no_room_waits_for_it(visits: Visits, lake: Lake) -> None:
    visits.refused = Loaded("", "refused", "No space left on device", is_unread=True)
    assert [one.fate for one in visits()] == ["refused"]
    (kept,) = waiting(lake.paths)
    visits.refused = None
    assert [(one.name, one.fate) for one in visits()][-1] == (kept.name, "landed")
    assert waiting(lake.paths) == []


def test_a_bundle_of_a_process_that_was_killed_while_it_kept_it_counts_for_nothing(visits: Visits, lake: Lake) -> None:
    torn = lake.paths.spool / "deribit" / "visits" / "2026-01-14T09-00-00.000000.ndjson.gz"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"torn")
    assert [one.name for one in visits()] == ["deribit 2026-01-14T10:10"]


def test_a_visit_to_which_nothing_answers_is_one_refused_line(visits: Visits, site: Site) -> None:
    site.behaves("/live/", lambda _: Answer(status=503))
    site.behaves("/history/", lambda _: Answer(status=503))
    (refused,) = visits("BTC")
    assert (refused.fate, refused.reason) == ("refused", "the vendor answered HTTP 503 (5 attempts)")


def test_a_vendor_that_refuses_again_and_again_is_left_in_peace(visits: Visits, site: Site) -> None:
    site.behaves("/live/", lambda _: failure(10028, "too_many_requests", status=429))
    visits()
    assert len(site.requests) == 3 * 5


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"{}", 429, {"Retry-After": "7"}), Answer(status=502), Answer(status=408),
        failure(10028, "too_many_requests"), failure(10028, "too_many_requests", status=400),
        Answer(b'{"result": [1, 2', cut_after=9), Answer(b'{"jsonrpc": "2.0", "result": {"trades": ['),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["get_book_summary_by_currency", "get_last_trades_by_currency_and_time"])
def test_what_passes_is_asked_again_and_leaves_no_trace(
    visits: Visits, exchange: Exchange, clock: FakeClock, method: str, answer: Answer
) -> None:
    exchange.instead[method] = [answer, answer]
    assert [one.fate for one in visits()] == ["landed"]
    assert set(visits.claims()) == {("BTC",), ("SOL",)}
    assert len([wait for wait in clock.slept if wait >= 1]) >= 2


def test_a_week_of_absence_is_made_up_for_a_day_a_visit(visits: Visits, exchange: Exchange, clock: FakeClock) -> None:
    visits("BTC")
    first = visits.claims()[("BTC",)]
    clock.advance(timedelta(days=3))
    exchange.trades["BTC"] += made_trades(
        "BTC", [first[1] + 3_600_000 * hour for hour in range(72)], seed=4, first_id=9000
    )
    spans = [first]
    for _ in range(4):
        visits("BTC")
        spans.append(visits.claims()[("BTC",)])
    assert all(after[0] == before[1] - 60_000 for before, after in pairwise(spans))
    assert max(until - start for start, until in spans) <= DAY_MS
    assert ms_of(clock._now) - spans[-1][1] < 5_000


def test_deribits_clock_decides_what_the_last_day_is_and_a_wrong_one_here_is_told(
    visits: Visits, exchange: Exchange, clock: FakeClock
) -> None:
    exchange.now = lambda: clock._now + timedelta(minutes=40)
    landed, told = visits("BTC")
    assert landed.fate == "landed" and told.name == "deribit clock"
    assert told.reason == "this machine's clock is 2400 s behind Deribit's: set it, or times of capture are wrong"
    live = [params for host, method, params in exchange.asked if host == "live" and "start_timestamp" in params]
    assert min(int(params["start_timestamp"]) for params in live if "kind" in params) >= ms_of(exchange.now()) - DAY_MS
    assert visits.claims()[("BTC",)][1] <= ms_of(clock._now)


def test_nothing_is_asked_before_the_terms_are_accepted(lake: Lake, site: Site, tmp_path: Path) -> None:
    with (
        Client(tmp_path / "turns", clock=FakeClock(NOW)) as client,
        pytest.raises(FeedError, match="of deribit are not"),
    ):
        visit(lake, FOLLOWED, client)
    assert site.requests == []


def test_deribit_is_asked_ten_times_a_second_and_for_instruments_once(visits: Visits, clock: FakeClock) -> None:
    visits()
    assert set(clock.slept) == {0.1, 1.0}
    assert clock.slept.count(1.0) == 2
