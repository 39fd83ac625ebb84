"""From Deribit into the lake's tables, by the command, also when it is killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.fetch.acceptance import accept
from pipelines.fetch.client import Client
from pipelines.fetch.deribit import FEED
from pipelines.fetch.deribit_history import fetch_days
from pipelines.fetch.deribit_visit import visit
from pipelines.lake.store import opened
from pipelines.markets import CRYPTO
from pipelines.materialise import bring_up_to_date
from pipelines.settings import PROJECT, Paths
from pipelines.sources.deribit_responses import coin_file
from pipelines.sources.page import NOTHING_DECLARED
from pipelines.stages.coin_landing import COIN_LANDING
from tests.integration.spine import current
from tests.integration.test_fetch import Command
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.deribit import DAY_MS, Exchange, Row, key, made_trades, ms_of

NOW = datetime(2026, 1, 14, 10, 10)
DAY = date(2026, 1, 12)
MIDNIGHT = ms_of(datetime.combine(DAY, time()))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def exchange(clock: FakeClock) -> Exchange:
    """Two days and a half, a trade every 20 minutes; one is lost."""
    times = list(range(MIDNIGHT, ms_of(NOW), 1_200_000))
    made = Exchange(lambda: clock._now, {"BTC": made_trades("BTC", times), "USDC": made_trades("USDC", times[::5])})
    made.longest_page, made.lost = 20, {key(made.trades["BTC"][12])}
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
def dealerflow(site: Site, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path / "data", clock, monkeypatch)


def tables(paths: Paths) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The trades of BTC and what is covered, but for when that was heard."""
    with opened(paths) as lake:
        with lake.writing():
            bring_up_to_date(lake, [COIN_LANDING], market=CRYPTO.name)
        trades, covered = (current(lake, name).drop("known_at") for name in ("option_trades", "trade_coverage"))
    return trades.filter(part="BTC"), covered.filter(part="BTC")


def test_a_visit_of_the_command_lands_and_says_so(dealerflow: Command) -> None:
    code, said = dealerflow("fetch", "deribit", "BTC", "sol", "--accept-terms")
    assert code == 0 and "Terms of the feed deribit" in said and "deribit 2026-01-14T10:10: landed" in said
    assert dealerflow.computed == 1
    exported = pl.read_parquet(Paths(dealerflow.data).exports / "load_ledger.parquet")
    assert exported["fate"].to_list() == ["landed"]
    (dealerflow.data / "dealerflow.toml").write_text('[follow]\nderibit = ["BTC"]\n')
    assert dealerflow("fetch", "deribit")[0] == 0


def test_the_exit_code_tells_of_a_part_that_failed_and_the_rest_is_computed(
    dealerflow: Command, exchange: Exchange
) -> None:
    exchange.instead["get_index_price"] = [Answer(b'{"error": {"code": 7, "message": "no"}}', 400)]
    code, said = dealerflow("fetch", "deribit", "BTC", "--accept-terms")
    assert code == 1 and "deribit index btc_usd: refused: error 7: no" in said and "10:10: landed" in said
    assert dealerflow.computed == 1


def test_past_days_of_the_command_land_once_and_name_their_holes(dealerflow: Command, exchange: Exchange) -> None:
    words = ("fetch", "deribit", "BTC", "SOL", "--trades-from", f"{DAY}", "--land-only")
    code, said = dealerflow(*words, "--accept-terms")
    assert code == 0 and dealerflow.computed == 0
    assert f"deribit trades BTC {DAY}: landed" in said and "1 trades of 1 contracts cannot be had" in said
    assert f"deribit trades SOL {DAY + timedelta(days=1)}: landed" in said
    asked = len(exchange.asked)
    assert dealerflow(*words, "--trades-to", f"{DAY}")[0] == 0
    assert len(exchange.asked) == asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deribit"], "name the underlyings, as in `dealerflow fetch deribit BTC SOL`"),
        (["deribit", "BTC-PERPETUAL"], "is not an underlying"),
        (["deribit", "BTC"], "the terms of deribit are not accepted"),
        (["cboe", "SPX", "--trades-from", "2024-01-01"], "past days of deribit's trades"),
        (["deribit", "BTC", "--trades-to", "2024-01-01"], "past days of deribit's trades"),
        (["deribit", "BTC", "--trades-from", "2026-01-14"], "2026-01-14 is not over"),
    ],
)
def test_a_wrong_word_is_answered_in_a_line(dealerflow: Command, site: Site, words: list[str], said: str) -> None:
    code, answer = dealerflow("fetch", *words)
    assert code == 1 and said in answer and "\n" not in answer
    assert site.requests == []


def test_everything_that_a_visit_asks_for_is_read(
    site: Site, exchange: Exchange, clock: FakeClock, tmp_path: Path
) -> None:
    paths = Paths(tmp_path / "data")
    with opened(paths) as lake, Client(paths.build, clock=clock) as client:
        accept(paths, FEED, NOW)
        (landed,) = visit(lake, ["BTC", "SOL", "BTC_USDC"], client)
        assert landed.raw_sha256 is not None and landed.rows_quarantined == 0
        file = coin_file(lake.raw.get(landed.raw_sha256), NOTHING_DECLARED)
    assert file.rejected.is_empty()
    assert set(file.chains["underlying"]) == {"BTC", "SOL"} and set(file.trades["underlying"]) == {"BTC", "SOL"}
    assert file.chains["index_price"].null_count() == 0
    assert set(file.coverage["underlying"]) == {"BTC", "SOL", "BTC_USDC"}
    assert set(file.instruments["underlying"]) == {"BTC", "SOL"}
    symbols = {"BTC-PERPETUAL", "SOL_USDC-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC_DVOL"}
    assert set(file.bars["symbol"]) == symbols and set(file.bars["interval"]) == {"10m", "1h"}
    assert max(file.bars["bar_ts"]) <= NOW
    assert set(file.deliveries["underlying"]) == {"BTC", "SOL", "BTC_USDC"}


def test_what_visits_and_past_days_bring_is_one_history_without_repeats(
    site: Site, exchange: Exchange, clock: FakeClock, tmp_path: Path
) -> None:
    paths = Paths(tmp_path / "data")
    with opened(paths) as lake, Client(paths.build, clock=clock) as client:
        accept(paths, FEED, NOW)
        assert [one.fate for one in visit(lake, ["BTC"], client)] == ["landed"]
        clock.advance(timedelta(minutes=10))
        exchange.trades["BTC"] += [later(exchange.trades["BTC"][-1], ms_of(clock._now) - 60_000)]
        assert [one.fate for one in visit(lake, ["BTC"], client)] == ["landed"]
        days = [DAY, DAY + timedelta(days=1)]
        assert [one.fate for one in fetch_days(lake, ["BTC"], days, client, lambda _: None)] == ["landed"] * 2
    trades, covered = tables(paths)
    came = [row for row in exchange.trades["BTC"] if key(row) not in exchange.lost]
    assert sorted(trades["trade_id"]) == sorted(row["trade_id"] for row in came)
    spans = covered.sort("from_ts")
    assert spans["from_ts"][0] == datetime.combine(DAY, time())
    ends = spans.with_columns(before=pl.col("until_ts").cum_max().shift(1)).drop_nulls("before")
    assert ends.filter(pl.col("from_ts") > pl.col("before")).is_empty()
    assert clock._now - max(covered["until_ts"]) < timedelta(seconds=10)


def later(row: Row, ms: int) -> Row:
    """The next trade of a contract."""
    return row | {"timestamp": ms, "trade_seq": row["trade_seq"] + 1, "trade_id": str(int(row["trade_id"]) + 1)}


def test_a_fetch_of_past_days_killed_again_and_again_leaves_the_tables_of_an_undisturbed_one(
    site: Site, exchange: Exchange, tmp_path: Path
) -> None:
    exchange.now = lambda: datetime.now(UTC).replace(tzinfo=None)
    paths, other = Paths(tmp_path / "data"), Paths(tmp_path / "undisturbed")
    accept(paths, FEED, NOW)
    words = ["fetch", "deribit", "BTC", "--trades-from", f"{DAY}", "--trades-to", f"{DAY}", "--land-only"]
    for kill_at in ("spool.renamed:3", "load.committed"):
        killed = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *words], cwd=PROJECT, capture_output=True, check=False,
            env={**os.environ, "DEALERFLOW_DATA": str(paths.root), "DEALERFLOW_KILL_AT": kill_at},
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL
    in_two = len(exchange.asked)
    for folder in (paths, other):
        accept(folder, FEED, NOW)
        with opened(folder) as lake, Client(folder.build / "stand-in", clock=FakeClock(exchange.now())) as client:
            fetch_days(lake, ["BTC"], [DAY], client, lambda _: None)
    assert len(exchange.asked) == 2 * in_two  # the second run went on where the first one was killed
    whole = tables(other)
    assert whole[0].height == DAY_MS // 1_200_000 - 1
    for mine, theirs in zip(tables(paths), whole, strict=True):
        assert mine.equals(theirs)
    assert not [path for path in (paths.spool / "deribit" / "trades").iterdir() if path.is_dir()]
