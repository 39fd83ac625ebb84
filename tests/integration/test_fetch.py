"""From a vendor's site into the lake, and the command that does it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import is_for_users
from pipelines.fetch import ALL_FEEDS, FEEDS, command
from pipelines.fetch.acceptance import accept
from pipelines.fetch.arrive import fetch_items
from pipelines.fetch.client import Client, Fetched
from pipelines.fetch.feed import FeedError
from pipelines.lake.store import Lake, opened
from pipelines.load import Loaded
from pipelines.materialise import bring_up_to_date
from pipelines.settings import PROJECT, Paths
from pipelines.simulate import simulate_market, small
from pipelines.simulate.declare import Pull
from pipelines.stages.landing import LANDING
from tests.integration.spine import current
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.pages import chain_json, curves_csv
from tests.stand_in.site import MAINTENANCE

EVENING = datetime(2024, 6, 20, 20, 35)  # UTC; 16:35 in New York
CHAINS = "/api/global/delayed_quotes/options"
CURVES = "/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with standing_in() as serving:
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(dict.fromkeys(FEEDS, serving.url)))
        serving.answers(f"{CHAINS}/_SPX.json", Answer(spx()))
        serving.answers(f"{CHAINS}/SPY.json", Answer(spy()))
        serving.answers(f"{CURVES}/2024/all", Answer(curves_csv(date(2024, 6, 20)), content_type="text/csv"))
        yield serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(EVENING)


@pytest.fixture
def client(clock: FakeClock, tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path / "turns", clock=clock) as opened_client:
        yield opened_client


def spx(at: datetime = EVENING, volume: float = 5.0) -> bytes:
    return chain_json("_SPX", "SPXW", 5500.0, at=at, last_trade="2024-06-20T16:15:00", volume=volume)


def spy(at: datetime = EVENING) -> bytes:
    return chain_json("SPY", "SPY", 550.0, at=at, last_trade="2024-06-20T16:00:00")


def fetch(lake: Lake, client: Client, feed: str, *items: str) -> list[Loaded]:
    accept(lake.paths, FEEDS[feed], EVENING)
    return fetch_items(lake, FEEDS[feed], items, client, lambda _: None)


def ledger(lake: Lake) -> list[dict[str, str]]:
    return [dict(row) for row in lake.catalogue.rows("select * from load_ledger order by load_id")]


def test_chains_land_with_the_time_at_which_they_were_had(lake: Lake, site: Site, client: Client) -> None:
    loaded = fetch(lake, client, "cboe", "SPX", "SPY")
    assert [(one.part, one.fate, one.session_date) for one in loaded] == [
        ("SPX", "landed", date(2024, 6, 20)),
        ("SPY", "landed", date(2024, 6, 20)),
    ]
    assert [one.known_at for one in loaded] == [EVENING, EVENING + timedelta(seconds=2)]  # a pause apart
    for one in loaded:
        assert one.raw_sha256 is not None
        (sighting,) = lake.catalogue.sightings_of(one.raw_sha256)
        assert sighting.known_at_basis == "captured_live"
        sidecar = lake.raw.sidecar(one.raw_sha256)
        assert sidecar.url is not None and sidecar.url.startswith(site.url)
        assert sidecar.captured_at == f"{one.known_at:%Y-%m-%d %H:%M:%S}.000000"


def test_whole_chains_of_the_simulated_market_are_known_from_the_moment_of_their_capture(
    lake: Lake, site: Site, client: Client
) -> None:
    day = date(2024, 6, 20)
    pulls = [Pull(name, datetime(2024, 6, 20, 16, 35), "json", day, "vendor_quote_time") for name in ("SPX", "SPY")]
    market = simulate_market(scenario=replace(small(), pulls=tuple(pulls)))
    for pull, path in zip(pulls, ("_SPX", "SPY"), strict=True):
        site.answers(f"{CHAINS}/{path}.json", Answer(market.files[pull.file_name], is_chunked=True))
    loaded = fetch(lake, client, "cboe", "SPX", "SPY")
    bring_up_to_date(lake, [LANDING])
    chains = current(lake, "chains")
    for page, one in zip(market.pages, loaded, strict=True):
        assert (one.part, one.rows_in) == (page.underlying, page.rows)
        rows = chains.filter(part=page.underlying)
        assert rows.height == one.rows_landed
        assert rows["session_date"].unique().to_list() == [page.session_date]
        assert rows["snapshot_ts"].unique().to_list() == [page.snapshot_ts]
    versions = {version.key.part: version for version in lake.catalogue.versions(["chains"])}
    assert {part: version.known_at for part, version in versions.items()} == {one.part: one.known_at for one in loaded}


def test_unchanged_content_makes_no_new_version(lake: Lake, site: Site, client: Client, clock: FakeClock) -> None:
    at = [EVENING, EVENING + timedelta(minutes=30)]
    site.answers(
        f"{CHAINS}/_SPX.json", Answer(spx(at[0])), Answer(spx(at[0])), Answer(spx(at[1])), Answer(spx(volume=6))
    )
    fates = []
    for _ in range(4):
        fates += [one.fate for one in fetch(lake, client, "cboe", "SPX")]
        clock.advance(timedelta(hours=1))
    assert fates == ["landed", "duplicate_bytes", "duplicate_body", "landed"]


def test_the_curves_of_a_year_land_and_grow(lake: Lake, site: Site, client: Client) -> None:
    june_20, june_21 = curves_csv(date(2024, 6, 20)), curves_csv(date(2024, 6, 21), days=4)
    site.answers(f"{CURVES}/2024/all", Answer(june_20), Answer(june_20), Answer(june_21))
    fates = [fetch(lake, client, "treasury", "2024")[0].fate for _ in range(3)]
    assert fates == ["landed", "duplicate_bytes", "landed"]


def test_the_history_of_an_index_lands_under_its_name(lake: Lake, site: Site, client: Client) -> None:
    history = b"DATE,OPEN,HIGH,LOW,CLOSE\n06/18/2024,12.9,13,12,12.3\n06/20/2024,12.5,13.6,12.4,13.3\n"
    site.answers("/api/global/us_indices/daily_prices/VIX_History.csv", Answer(history, content_type="text/csv"))
    landed, again = (fetch(lake, client, "index", "VIX")[0] for _ in range(2))
    assert (landed.fate, landed.part, landed.rows_landed, landed.session_date) == (
        "landed",
        "VIX",
        2,
        date(2024, 6, 20),
    )
    assert again.fate == "duplicate_bytes"


def test_the_history_of_another_index_is_refused(lake: Lake, site: Site, client: Client) -> None:
    path = "/api/global/us_indices/daily_prices/VVIX_History.csv"
    site.answers(path, Answer(b"DATE,SKEW\n06/20/2024,140\n", content_type="text/csv"))
    (refused,) = fetch(lake, client, "index", "VVIX")
    assert (refused.fate, refused.reason) == ("refused", "the file is of SKEW, not of VVIX")


def test_one_symbol_that_fails_leaves_the_others_unharmed(lake: Lake, site: Site, client: Client) -> None:
    site.answers(f"{CHAINS}/_VIX.json", Answer(MAINTENANCE, content_type="text/html"))
    site.answers(f"{CHAINS}/QQQ.json", Answer(spy()))
    site.answers(f"{CHAINS}/IWM.json", Answer(b""))
    site.answers(f"{CHAINS}/_NDX.json", Answer(status=500))
    loaded = fetch(lake, client, "cboe", "VIX", "QQQ", "XYZ", "SPX", "IWM", "NDX", "SPY")
    assert {one.name: one.reason for one in loaded if one.fate == "refused"} == {
        "cboe VIX": "the vendor sent a web page instead of data",
        "cboe QQQ": "the vendor sent the chain of 'SPY' instead of QQQ",
        "cboe XYZ": "the vendor refuses (HTTP 403): a symbol unknown to it, or asked too often; wait first",
        "cboe IWM": "the vendor sent nothing",
        "cboe NDX": "the vendor answered HTTP 500 (5 attempts)",
    }
    assert [one.part for one in loaded if one.fate == "landed"] == ["SPX", "SPY"]
    written = ledger(lake)
    assert [(row["original_name"], row["fate"]) for row in written] == [(one.name, one.fate) for one in loaded]
    assert len(lake.catalogue.rows("select * from raw_objects")) == 2


def test_a_vendor_that_refuses_again_and_again_is_left_in_peace(lake: Lake, site: Site, client: Client) -> None:
    loaded = fetch(lake, client, "cboe", "AAA", "BBB", "CCC", "SPY", "DDD")
    assert len(site.requests) == 3
    assert [one.fate for one in loaded] == ["refused"] * 5
    assert loaded[3].reason == "not asked: the vendor refuses requests; wait before trying again"


def test_a_symbol_named_twice_is_asked_for_once(lake: Lake, site: Site, client: Client) -> None:
    assert len(fetch(lake, client, "cboe", "SPY", "SPY")) == 1
    assert site.paths() == [f"{CHAINS}/SPY.json"]


def test_nothing_is_asked_before_the_terms_are_accepted(lake: Lake, site: Site, client: Client) -> None:
    with pytest.raises(FeedError, match="the terms of cboe are not accepted"):
        fetch_items(lake, FEEDS["cboe"], ["SPY"], client, lambda _: None)
    assert site.requests == []
    assert ledger(lake) == []


def test_the_lake_is_free_while_a_vendor_is_asked(lake: Lake, site: Site, clock: FakeClock, tmp_path: Path) -> None:
    class Watched(Client):
        def get(self, url: str, **how: Any) -> Fetched:
            with opened(lake.paths) as other, other.writing(patience_seconds=0):
                return super().get(url, **how)

    with Watched(tmp_path / "turns", clock=clock) as client:
        assert [one.fate for one in fetch(lake, client, "cboe", "SPX", "SPY")] == ["landed", "landed"]


class Command:
    """`dealerflow` in this process, on a data folder of its own and with a clock for which nobody waits."""

    def __init__(self, data: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = data
        self.computed = 0
        monkeypatch.setenv("DEALERFLOW_DATA", str(data))
        monkeypatch.setattr(command, "client_for", lambda paths: Client(paths.build, clock=clock))
        monkeypatch.setattr(command.operate, "run", self._run)

    def _run(self, *_: object) -> bool:
        self.computed += 1
        return True

    def __call__(self, *words: str) -> tuple[int, str]:
        answer = CliRunner().invoke(app, words)
        if answer.exception is not None and not isinstance(answer.exception, SystemExit):
            assert type(answer.exception).__name__ == "UserError" or is_for_users(answer.exception)
            return 1, str(answer.exception)
        return answer.exit_code, answer.output


@pytest.fixture
def dealerflow(site: Site, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path / "data", clock, monkeypatch)


def test_the_command_shows_the_terms_and_fetches_nothing_without_consent(dealerflow: Command, site: Site) -> None:
    code, said = dealerflow("fetch", "cboe", "SPX")
    assert code == 1 and "the terms of cboe are not accepted" in said
    assert site.requests == []


def test_accepted_terms_are_remembered(dealerflow: Command, site: Site) -> None:
    code, said = dealerflow("fetch", "cboe", "--accept-terms")
    assert code == 0 and "https://www.cboe.com/terms/" in said and "Accepted" in said
    assert site.requests == []
    kept = json.loads((dealerflow.data / "accepted_terms.json").read_text())
    assert kept == {"cboe": {"accepted_on": "2024-06-20", "terms_version": 1}}
    code, said = dealerflow("fetch", "cboe", "SPX", "spy")
    assert code == 0 and "Terms" not in said
    assert "cboe SPX: landed, session 2024-06-20, 10 rows" in said and "cboe SPY: landed" in said
    assert dealerflow.computed == 1


def test_the_command_asks_on_a_terminal(dealerflow: Command, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    answers = iter([False, True])
    monkeypatch.setattr(command.sys, "stdin", Terminal)
    monkeypatch.setattr(command.Confirm, "ask", lambda *_, **__: next(answers))
    with pytest.raises(FeedError, match="not accepted"):
        command.fetch("treasury", ["2024"], is_accepting=False, is_land_only=True)
    assert site.requests == []
    assert command.fetch("treasury", ["2024"], is_accepting=False, is_land_only=True)


def test_a_short_form_of_several_items_fetches_each_of_them(dealerflow: Command, site: Site) -> None:
    code, said = dealerflow("fetch", "finra-weekly", "T1:2024-05-27", "--accept-terms")
    assert code == 1 and "https://developer.finra.org/" in said
    assert "finra-weekly T1:ATS_W_SMBL:2024-05-27: refused" in said
    assert "finra-weekly T1:OTC_W_SMBL:2024-05-27: refused" in said
    assert [request.method for request in site.requests] == ["POST", "POST"]


def test_the_sec_is_not_asked_before_it_is_said_who_asks(dealerflow: Command, site: Site) -> None:
    code, said = dealerflow("fetch", "sec-fails", "2024-05b", "--accept-terms")
    assert code == 1 and "the SEC wants to know who asks: dealerflow.toml, [fetch], contact" in said
    assert site.requests == []


def test_the_exit_code_tells_of_one_failure_and_the_others_are_computed(dealerflow: Command) -> None:
    code, said = dealerflow("fetch", "cboe", "XYZ", "SPY", "--accept-terms")
    assert code == 1
    assert "cboe XYZ: refused: the vendor refuses (HTTP 403)" in said and "cboe SPY: landed" in said
    assert dealerflow.computed == 1


def test_nothing_is_computed_when_nothing_came_or_when_told_so(dealerflow: Command) -> None:
    assert dealerflow("fetch", "cboe", "XYZ", "--accept-terms")[0] == 1
    assert dealerflow("fetch", "cboe", "SPY", "--land-only")[0] == 0
    assert dealerflow.computed == 0


def test_without_a_year_the_newest_curves_are_fetched(dealerflow: Command, site: Site) -> None:
    assert dealerflow("fetch", "treasury", "--accept-terms")[0] == 0
    assert [path.partition("?")[0] for path in site.paths()] == [f"{CURVES}/2024/all"]


def test_without_symbols_the_followed_ones_are_fetched(dealerflow: Command, site: Site) -> None:
    dealerflow("fetch", "cboe", "--accept-terms")
    (dealerflow.data / "dealerflow.toml").write_text('[follow]\ncboe = ["spx", "SPY"]\n')
    code, said = dealerflow("fetch", "cboe")
    assert code == 0 and "cboe SPX: landed" in said
    assert site.paths() == [f"{CHAINS}/_SPX.json", f"{CHAINS}/SPY.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch"], "name a feed"),
        (["fetch", "cbeo"], "no feed 'cbeo'"),
        (["fetch", "cboe"], "name the underlyings, as in `dealerflow fetch cboe SPX SPY`"),
        (["fetch", "cboe", "../x"], "is not a symbol"),
        (["fetch", "treasury", "SPX"], "is not a year"),
        (["fetch", "finra-short-volume"], "dealerflow.toml, [follow] finra_short_volume"),
        (["fetch", "finra-weekly", "2026-03-04"], "is no Monday; the week it lies in begins on 2026-03-02"),
        (["fetch", "sec-fails", "2026-03"], "is not a half of a month"),
    ],
)
def test_a_wrong_word_is_answered_in_a_line(dealerflow: Command, words: list[str], said: str) -> None:
    code, answer = dealerflow(*words)
    assert code == 1 and said in answer and "\n" not in answer
    assert not (dealerflow.data / "accepted_terms.json").exists()


def test_the_list_names_every_feed_and_what_is_accepted(dealerflow: Command) -> None:
    dealerflow("fetch", "treasury", "--accept-terms", "--land-only")
    code, said = dealerflow("fetch", "--list")
    assert code == 0
    lines = {line.split()[0]: line for line in said.splitlines()}
    assert set(lines) == {"feed", *ALL_FEEDS}
    assert lines["treasury"].rstrip().endswith("2024-06-20") and lines["cboe"].rstrip().endswith("no")


@pytest.mark.parametrize("kill_at", ["raw.renamed", "load.committed"])
def test_a_fetch_that_is_killed_leaves_nothing_half_and_can_be_repeated(
    site: Site, tmp_path: Path, kill_at: str
) -> None:
    paths = Paths(tmp_path / "data")
    accept(paths, FEEDS["cboe"], EVENING)
    killed = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "fetch", "cboe", "SPX", "SPY", "--land-only"],
        cwd=PROJECT, capture_output=True, check=False,
        env={**os.environ, "DEALERFLOW_DATA": str(paths.root), "DEALERFLOW_KILL_AT": kill_at},
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert len(site.requests) == 1
    with opened(paths) as lake:
        before = [row["fate"] for row in ledger(lake)]
        assert before == (["landed"] if kill_at == "load.committed" else [])
        shutil.rmtree(paths.build)  # its clock is the machine's
        with Client(paths.build, clock=FakeClock(EVENING)) as client:
            loaded = fetch(lake, client, "cboe", "SPX", "SPY")
        assert [one.fate for one in loaded] == ["duplicate_bytes" if before else "landed", "landed"]
        exported = pl.read_parquet(paths.exports / "load_ledger.parquet")
        assert exported.height == len(before) + 2
