"""Trades of past days: whole days, each landed once, whatever stops the fetch on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.fetch import deribit_history
from pipelines.fetch.acceptance import accept
from pipelines.fetch.client import Client, Fetched, FetchFailed
from pipelines.fetch.deribit import FEED
from pipelines.fetch.deribit_ask import Host, Params, Reply, reply_of
from pipelines.fetch.deribit_history import days_between, fetch_days
from pipelines.fetch.deribit_spool import Spool
from pipelines.fetch.feed import FeedError
from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, Loaded, load_arrivals
from pipelines.settings import Paths
from pipelines.sources.deribit_bundle import unpack
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.deribit import DAY_MS, Exchange, Row, key, made_trades, ms_of

NOW = datetime(2026, 1, 14, 10, 10)
FIRST = date(2026, 1, 12)
DAYS = [FIRST, FIRST + timedelta(days=1)]  # the second reaches into the live host's last day
MIDNIGHT = ms_of(datetime.combine(FIRST, time()))
Bundles = dict[str, list[dict[str, Any]]]


class Killed(BaseException):
    """As if the machine had stopped here."""


class Mortal(Client):
    """Dies instead of asking for the n-th time."""

    left = 10**9

    def get(self, url: str, **how: Any) -> Fetched:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return super().get(url, **how)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def exchange(clock: FakeClock) -> Exchange:
    """Days with a crowded millisecond, a trade that only its instrument tells, and one that is lost."""
    times = sorted(
        [*range(MIDNIGHT - 3_600_000, MIDNIGHT + 2 * DAY_MS + 3_600_000, 3_300_000), *[MIDNIGHT + 50_000_000] * 14]
    )
    made = Exchange(
        lambda: clock._now, {"BTC": made_trades("BTC", times), "USDC": made_trades("USDC", times[::5])}, longest_page=9
    )
    rows = made.trades["BTC"]
    made.hidden, made.lost = {key(rows[20])}, {key(rows[12])}
    return made


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, exchange: Exchange) -> Iterator[Site]:
    with standing_in() as serving:
        urls = {"deribit": f"{serving.url}/live", "deribit_history": f"{serving.url}/history"}
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(urls))
        serving.behaves("/live/", exchange.respond)
        serving.behaves("/history/", exchange.respond)
        yield serving


@pytest.fixture
def client(site: Site, clock: FakeClock, tmp_path: Path) -> Iterator[Mortal]:
    with Mortal(tmp_path / "turns", clock=clock) as opened_client:
        yield opened_client


@pytest.fixture
def bundles(monkeypatch: pytest.MonkeyPatch) -> Bundles:
    """Lines of what lands, by name."""
    landed: Bundles = {}

    def load(lake: Lake, arrivals: list[Arrival], *, progress: Callable[[Loaded], None]) -> Iterator[Loaded]:
        for arrival, one in zip(arrivals, load_arrivals(lake, arrivals, progress=progress), strict=True):
            if one.fate != "refused":
                landed[arrival.name] = [json.loads(line) for line in unpack(arrival.read())][1:]
            yield one

    monkeypatch.setattr(deribit_history, "load_arrivals", load)
    return landed


def fetch(root: Path, client: Client, days: list[date] = DAYS, underlyings: str = "BTC SOL") -> list[Loaded]:
    with opened(Paths(root)) as lake:
        accept(lake.paths, FEED, NOW)
        return fetch_days(lake, underlyings.split(), days, client, lambda _: None)


def rows_of(lines: list[dict[str, Any]]) -> dict[str, Row]:
    pages = [json.loads(line["body"])["result"]["trades"] for line in lines if "body" in line]
    return {row["trade_id"]: row for page in pages for row in page}


def content(bundles: Bundles) -> dict[str, Any]:
    """What they say, without when it was heard."""
    return {
        name: (sorted(rows_of(lines)), {word: said for word, said in lines[-1].items() if word != "captured_at"})
        for name, lines in bundles.items()
    }


def test_every_day_of_a_currency_is_a_bundle_with_a_claim_that_names_its_holes(
    tmp_path: Path, client: Client, exchange: Exchange, bundles: Bundles
) -> None:
    loaded = fetch(tmp_path, client)
    names = [f"deribit trades {coin} {day}" for day in DAYS for coin in ("BTC", "SOL")]
    assert [(one.name, one.fate) for one in loaded] == [(name, "landed") for name in names]
    (instrument, seq) = next(iter(exchange.lost))
    assert [one.reason for one in loaded] == ["1 trades of 1 contracts cannot be had", None, None, None]
    for place, name in enumerate(names):
        start = MIDNIGHT + place // 2 * DAY_MS
        claim = bundles[name][-1]
        assert (claim["from"], claim["until"], claim["underlyings"]) == (start, start + DAY_MS, [name.split()[2]])
        rows = exchange.trades["BTC" if "BTC" in name else "USDC"]
        inside = {row["trade_id"] for row in rows if start <= row["timestamp"] < start + DAY_MS}
        assert inside - rows_of(bundles[name]).keys() == {
            row["trade_id"] for row in rows if key(row) in exchange.lost and row["trade_id"] in inside
        }
    assert bundles[names[0]][-1]["holes"] == [{"instrument": instrument, "from_seq": seq, "to_seq": seq}]
    assert "holes" not in bundles[names[1]][-1]
    assert {host for host, _, _ in exchange.asked} == {"live", "history"}
    assert [path for path in (tmp_path / "spool" / "deribit" / "trades").iterdir() if path.is_dir()] == []


def test_a_fetch_killed_at_any_page_and_repeated_brings_what_an_undisturbed_one_does(
    tmp_path: Path, client: Mortal, exchange: Exchange, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the power stays on
    fetch(tmp_path / "undisturbed", client, underlyings="BTC")
    whole, pages = content(bundles), len(exchange.asked)
    assert len(whole) == 2 and pages > 12
    for page in range(pages):
        bundles.clear()
        exchange.asked.clear()
        client.left = page
        with pytest.raises(Killed):
            fetch(tmp_path / str(page), client, underlyings="BTC")
        client.left = 10**9
        fetch(tmp_path / str(page), client, underlyings="BTC")
        assert content(bundles) == whole
        assert len(exchange.asked) == pages  # nothing is asked twice


def test_a_trade_that_is_missing_between_two_days_is_asked_for_by_its_instrument(
    tmp_path: Path, client: Client, exchange: Exchange, bundles: Bundles
) -> None:
    fetch(tmp_path, client, DAYS[:1], "BTC")
    first = next(row for row in exchange.trades["BTC"] if row["timestamp"] >= MIDNIGHT + DAY_MS)
    exchange.hidden |= {key(first)}
    exchange.asked.clear()
    fetch(tmp_path, client, underlyings="BTC")
    assert first["trade_id"] in rows_of(bundles[f"deribit trades BTC {DAYS[1]}"])
    chains = sorted(path.name for path in (tmp_path / "spool" / "deribit" / "trades").iterdir())
    assert chains == [f"BTC-{day}.json" for day in DAYS]


def test_a_day_that_came_is_not_asked_for_again(
    tmp_path: Path, client: Client, exchange: Exchange, bundles: Bundles
) -> None:
    fetch(tmp_path, client, DAYS[:1])
    asked = len(exchange.asked)
    assert fetch(tmp_path, client, DAYS[:1]) == []
    assert len(exchange.asked) == asked
    assert [one.name for one in fetch(tmp_path, client)] == [
        f"deribit trades {coin} {DAYS[1]}" for coin in ("BTC", "SOL")
    ]
    assert [one.name for one in fetch(tmp_path, client, DAYS[:1], "BTC SOL XRP")] == [f"deribit trades SOL XRP {FIRST}"]
    assert fetch(tmp_path, client, DAYS[:1], "XRP SOL_USDC") == []


def test_a_kill_between_landing_and_tidying_leaves_nothing_behind_for_long(
    tmp_path: Path, client: Client, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(Spool, "remove", lambda _: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            fetch(tmp_path, client, DAYS[:1], "BTC")
    spool = tmp_path / "spool" / "deribit" / "trades"
    assert [path.name for path in spool.iterdir() if path.is_dir()] == [f"{FIRST}-BTC"]
    assert fetch(tmp_path, client, DAYS[:1], "BTC") == []
    assert [path.name for path in spool.iterdir()] == [f"BTC-{FIRST}.json"]


def test_a_currency_that_fails_leaves_the_others_and_keeps_what_it_had(
    tmp_path: Path, client: Client, exchange: Exchange, site: Site, bundles: Bundles
) -> None:
    def failing(target: str) -> Answer:
        is_late = len(exchange.asked) > 3 and "currency=BTC" in target
        return Answer(status=500) if is_late else exchange.respond(target)

    site.behaves("/history/", failing)
    loaded = fetch(tmp_path, client, DAYS[:1])
    assert [(one.name, one.fate) for one in loaded] == [
        (f"deribit trades BTC {FIRST}", "refused"), (f"deribit trades SOL {FIRST}", "landed"),
    ]  # fmt: skip
    kept = tmp_path / "spool" / "deribit" / "trades" / f"{FIRST}-BTC"
    assert len(list(kept.iterdir())) == 4
    site.behaves("/history/", exchange.respond)
    asked = len(exchange.asked)
    (one,) = fetch(tmp_path, client, DAYS[:1])
    assert (one.name, one.fate) == (f"deribit trades BTC {FIRST}", "landed")
    starts = [int(params["start_timestamp"]) for _, _, params in exchange.asked[asked:] if "start_timestamp" in params]
    assert starts and min(starts) > MIDNIGHT


def test_after_three_failures_in_a_row_the_rest_is_left(
    tmp_path: Path, client: Client, site: Site, bundles: Bundles
) -> None:
    site.behaves("/history/", lambda _: Answer(status=404))
    days = [FIRST - timedelta(days=back) for back in range(9)]
    assert [one.fate for one in fetch(tmp_path, client, days)] == ["refused"] * 3
    assert len(site.requests) == 3


def test_a_day_without_trades_lands_with_its_claim(
    tmp_path: Path, client: Client, exchange: Exchange, bundles: Bundles
) -> None:
    exchange.trades["BTC"] = []
    assert [one.fate for one in fetch(tmp_path, client, DAYS[:1], "BTC")] == ["landed"]
    (lines,) = bundles.values()
    assert rows_of(lines) == {} and lines[-1]["claim"] == "trades_complete"


@pytest.mark.parametrize(
    ("first", "last", "now", "days"),
    [
        ("2026-01-12", None, NOW, 2),
        ("2026-01-12", "2026-01-12", NOW, 1),
        ("2026-01-13", None, datetime(2026, 1, 14, 0, 5), 1),
        ("2024-01-01", "2024-12-31", NOW, 366),
    ],
)
def test_days_are_whole_ones(first: str, last: str | None, now: datetime, days: int) -> None:
    given = days_between(date.fromisoformat(first), date.fromisoformat(last) if last else None, now)
    assert len(given) == days and str(given[0]) == first


@pytest.mark.parametrize(
    ("first", "last", "now", "said"),
    [
        ("2026-01-14", None, NOW, "2026-01-14 is not over; the last whole day .* is 2026-01-13"),
        ("2026-01-12", "2026-01-14", NOW, "2026-01-14 is not over"),
        ("2026-01-13", None, datetime(2026, 1, 14, 0, 4), "2026-01-13 is not over"),
        ("2026-01-12", "2026-01-11", NOW, "is after the last"),
        ("2015-12-31", None, NOW, "no options before 2016-01-01"),
    ],
)
def test_days_that_make_no_sense_are_told(first: str, last: str | None, now: datetime, said: str) -> None:
    with pytest.raises(FeedError, match=said):
        days_between(date.fromisoformat(first), date.fromisoformat(last) if last else None, now)


class Asked:
    """Answers whatever is asked, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, host: Host, method: str, params: Params) -> Reply:
        self.count += 1
        return reply_of(method, params, NOW, json.dumps({"result": self.count, "usOut": 5_000}))


def test_a_kept_answer_is_that_to_its_question_only(tmp_path: Path) -> None:
    ask = Asked()
    first = Spool(tmp_path, ask)
    given = [first("history", "public/x", {"start": start, "count": 9}) for start in range(4)]
    again = Spool(tmp_path, ask)
    assert [again("history", "public/x", {"start": start, "count": 7}) for start in range(2)] == given[:2]
    assert again("history", "public/x", {"start": 9}).result == 5  # another question: what follows is forgotten
    assert again("history", "public/x", {"start": 3, "count": 9}).result == 6
    assert Spool(tmp_path, ask)("live", "public/x", {"start": 0}).result == 7
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damaged", [b"", b"history\n{", b"history\n{}\n", b"\xff\xfe", b"one line", b"history\n[1]\n"])
def test_a_damaged_answer_is_asked_for_again(tmp_path: Path, damaged: bytes) -> None:
    ask = Asked()
    Spool(tmp_path, ask)("history", "public/x", {"start": 0})
    (tmp_path / "000000").write_bytes(damaged)
    assert Spool(tmp_path, ask)("history", "public/x", {"start": 0}).result == 2
    assert Spool(tmp_path, ask)("history", "public/x", {"start": 0}).result == 2


def test_answers_that_no_bundle_holds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.fetch.deribit_spool._LARGEST_BYTES", 300)
    spool = Spool(tmp_path, Asked())
    spool("history", "public/x", {"start": 0})
    spool("history", "public/x", {"start": 1})
    with pytest.raises(FetchFailed, match="more than 300 bytes"):
        spool("history", "public/x", {"start": 2})
