"""What Dagster does by itself for market `crypto`: visits, hourly computing, publishing at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipelines.daily import coin_visits, freshness
from pipelines.daily.coin_owed import coins_owed_from
from pipelines.daily.freshness import late_coins
from pipelines.daily.gap_ledger import recorded_gaps
from pipelines.definitions import defs
from pipelines.defs.crypto.schedules import crypto_hourly_schedule, crypto_publish_schedule, crypto_visit_schedule
from pipelines.fetch.acceptance import accept
from pipelines.fetch.deribit import FEED
from pipelines.lake.store import Lake, opened
from pipelines.load import Loaded, load_files
from pipelines.materialise import bring_up_to_date
from pipelines.operator_settings import Follow, Retention
from pipelines.settings import Paths, data_paths
from pipelines.sources.deribit_bundle import claim_line, pack
from pipelines.stages.coin_landing import COIN_LANDING
from pipelines.stages.spine import COIN_SPINE
from pipelines.upkeep import health_of_machine
from pipelines.upkeep.health_of_feeds import late_visits, not_computed
from pipelines.upkeep.lineage import lineage
from pipelines.upkeep.prune import prune
from pipelines.upkeep.wanted import LineageError
from tests.pipelines.deribit_made import index, ms, summaries, summary, trade, trades

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
EXPIRY = TODAY + timedelta(days=45)
TICK = datetime.combine(TODAY, time(0, 2))
BTC = Follow(deribit=("BTC",))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def lake(data: Path) -> Iterator[Lake]:
    with opened(data_paths()) as opened_lake:
        yield opened_lake


def at(clock: str, day: date = YESTERDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock))


def option(strike: int, kind: str) -> str:
    return f"BTC-{EXPIRY.day}{EXPIRY:%b%y}-{strike}-{kind}".upper()


def land(lake: Lake, moment: datetime, traded: int = 2) -> list[Loaded]:
    """A visit's bundle: a chain of six options, trades, and the claim that these are all since midnight."""
    rows = [
        summary(option(strike, kind), creation_timestamp=ms(moment) - 40, mark_price=price, bid_price=None)
        for strike, kind, price in (
            (70_000, "C", 0.12), (77_000, "C", 0.07), (84_000, "C", 0.04),
            (70_000, "P", 0.04), (77_000, "P", 0.07), (84_000, "P", 0.12),
        )
    ]  # fmt: skip
    sold = [trade(n, option(77_000, "C"), timestamp=ms(moment) - 60_000 + n) for n in range(1, traded + 1)]
    midnight = datetime.combine(moment.date(), time())
    lines = [index(77_010.0, moment), summaries(*rows, at=moment), trades(*sold, at=moment),
             claim_line(moment, ["BTC"], midnight, moment)]  # fmt: skip
    file = lake.paths.root / f"visit {moment:%Y%m%d-%H%M%S}.ndjson.gz"
    file.write_bytes(pack(lines))
    return list(load_files(lake, [file], progress=lambda _: None))


def compute(lake: Lake, until: datetime) -> None:
    reports = bring_up_to_date(lake, COIN_SPINE, market="crypto", until=until)
    assert [report.refused for report in reports if report.refused] == []


def evaluated(schedule: dg.ScheduleDefinition, tick: datetime = TICK) -> tuple[list[dg.RunRequest], str | None]:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=tick.replace(tzinfo=UTC))
        result = schedule.evaluate_tick(context)
    return list(result.run_requests or ()), result.skip_message


def test_a_visit_is_made_only_of_what_is_followed_under_accepted_terms(data: Path) -> None:
    assert "nothing is followed" in str(evaluated(crypto_visit_schedule)[1])
    (data / "dealerflow.toml").write_text('[follow]\nderibit = ["BTC"]\n')
    assert "dealerflow fetch deribit --accept-terms" in str(evaluated(crypto_visit_schedule)[1])
    accept(Paths(data), FEED, TICK)
    (request,), skipped = evaluated(crypto_visit_schedule)
    assert skipped is None
    assert request.run_key == TICK.isoformat()


def test_a_visit_that_brings_nothing_fails_and_one_that_waits_for_the_lake_does_not(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Loaded("deribit", "refused", "HTTP 503")
    monkeypatch.setattr(coin_visits, "visit", lambda *_, **__: [answer])
    with pytest.raises(coin_visits.VisitFailed, match="HTTP 503"):
        coin_visits.visit_followed(lake, print)
    answer = Loaded("deribit", "waiting", "gave up after 2 minutes")
    told: list[str] = []
    coin_visits.visit_followed(lake, told.append)
    assert told == ["deribit: waiting (gave up after 2 minutes)"]


def test_an_hour_is_computed_from_the_first_day_that_waits_for_it(lake: Lake) -> None:
    assert evaluated(crypto_hourly_schedule)[1] == "nothing came that is not computed"
    early = YESTERDAY - timedelta(days=3)
    land(lake, at("10:10:02"))
    land(lake, at("10:10:02", early))
    (request,), _ = evaluated(crypto_hourly_schedule)
    assert request.tags["dagster/asset_partition_range_start"] == str(early)
    assert request.tags["dagster/asset_partition_range_end"] == str(TODAY)
    compute(lake, TICK)
    assert evaluated(crypto_hourly_schedule)[1] == "nothing came that is not computed"


def test_what_is_seen_counts_when_its_hour_is_over_also_when_it_comes_late(lake: Lake) -> None:
    land(lake, at("10:50:02"))
    assert coins_owed_from(lake, COIN_LANDING, at("10:59")) is None
    assert coins_owed_from(lake, COIN_LANDING, at("11:00")) == YESTERDAY
    compute(lake, at("11:00"))
    assert coins_owed_from(lake, COIN_LANDING, at("12:00")) is None
    land(lake, at("10:40:02"))  # kept while the lake was busy: its hour is concluded without it
    assert coins_owed_from(lake, COIN_LANDING, at("12:00")) == YESTERDAY
    assert [finding.do for finding in not_computed(lake, at("13:00"))] == ["dealerflow run"]
    compute(lake, at("12:00"))
    assert coins_owed_from(lake, COIN_LANDING, at("12:00")) is None
    assert list(not_computed(lake, at("13:00"))) == []


def test_a_run_computes_its_days_and_brings_the_ledger_of_gaps_up_to_date(lake: Lake, data: Path) -> None:
    (data / "dealerflow.toml").write_text('[follow]\nderibit = ["BTC"]\n')
    land(lake, at("10:10:02"))
    land(lake, at("10:20:02"), traded=3)
    (request,), _ = evaluated(crypto_hourly_schedule)
    with dg.DagsterInstance.ephemeral() as instance:
        run = defs.resolve_job_def("crypto_job").execute_in_process(instance=instance, tags=request.tags)
    assert run.success
    written = {event.asset_key.path[0] for event in run.get_asset_materialization_events()}
    assert {"crypto_landing", "crypto_inventory", "crypto_quality"} <= written
    checks = {(e.asset_key.path[0], e.check_name): e.passed for e in run.get_asset_check_evaluations()}
    assert checks["crypto_exposures", "the_gates_refused_nothing"]
    assert not checks["crypto_quality", "every_followed_underlying_is_visited_and_computed"]  # visits ended yesterday
    levels = [version for version in lake.catalogue.versions(["key_levels"], "crypto") if version.row_count]
    assert [(version.key.session_date, version.key.part) for version in levels] == [(YESTERDAY, "BTC")]
    (gap, *_) = recorded_gaps(lake)
    assert gap.reason == "81 of 144 snapshots missing, longest 10:30-24:00"
    root = lineage(lake, "key_levels", ["BTC", str(YESTERDAY)])
    assert root.made_of[0].name.startswith(f"key_levels crypto {YESTERDAY} BTC")
    assert lineage(lake, "key_levels", ["crypto"]).made_of[0].name == root.made_of[0].name


def test_a_share_of_puts_comes_from_the_flow_of_its_day(lake: Lake) -> None:
    land(lake, at("10:10:02"))
    compute(lake, TICK)
    lake.paths.warehouse.parent.mkdir(parents=True)
    minute = f"timestamp '{YESTERDAY} 10:10:00'"
    with duckdb.connect(str(lake.paths.warehouse)) as served:
        place = f"'crypto' as market, date '{YESTERDAY}' as session_date, 'BTC' as part, 1 as v, 'BTC' as underlying"
        served.execute(f"create table zero_dte_flow as select {place}, {minute} as minute_ts")
        served.execute("create table zero_dte_put_share as select market, underlying, minute_ts from zero_dte_flow")
    root = lineage(lake, "zero_dte_put_share", ["btc", f"minute_ts={YESTERDAY} 10:10:00"])
    assert [step.name for step in root.made_of] == [f"zero_dte_flow crypto {YESTERDAY} BTC v1"]
    with pytest.raises(LineageError, match="has no row at eth"):
        lineage(lake, "zero_dte_put_share", ["eth"])


def test_what_hourly_versions_take_is_told_while_nothing_lets_them_go(
    lake: Lake, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_of_machine, "MOST_SUPERSEDED_BYTES", 0)
    land(lake, at("10:10:02"))
    compute(lake, at("11:00"))
    assert list(health_of_machine.superseded(lake, TICK)) == []
    land(lake, at("11:10:02"))
    compute(lake, at("12:00"))
    (finding,) = health_of_machine.superseded(lake, TICK)
    assert "superseded_days" in finding.do
    (data / "dealerflow.toml").write_text("[retention]\nsuperseded_days = 7\n")
    assert list(health_of_machine.superseded(lake, TICK)) == []


def test_hourly_versions_that_are_superseded_may_go_with_what_was_read(lake: Lake) -> None:
    for clock in ("10:10:02", "11:10:02", "12:10:02"):
        land(lake, at(clock))
        compute(lake, at(clock).replace(minute=0, second=0) + timedelta(hours=1))
    chains = lake.catalogue.versions(["chains"], "crypto")
    assert len(chains) == 3
    gone = prune(lake, Retention(superseded_days=1), datetime.combine(TODAY, time()) + timedelta(days=9))
    assert {"chains", "option_snapshots", "key_levels"} <= {version.table for version in gone.versions}
    assert chains[-1] not in gone.versions
    compute(lake, TICK)
    assert coins_owed_from(lake, COIN_LANDING, TICK) is None


def test_what_is_followed_is_late_until_it_is_visited_and_computed(lake: Lake) -> None:
    assert late_coins(lake, BTC, at("10:00")) == ["deribit_chain BTC: never collected"]
    land(lake, at("10:10:02"))
    assert late_coins(lake, BTC, at("10:30")) == []
    assert late_coins(lake, BTC, at("11:00")) == [f"deribit_chain BTC: last snapshot {YESTERDAY} 10:10:00"]
    land(lake, at("12:50:02"))
    assert late_coins(lake, BTC, at("13:00")) == ["deribit_chain BTC: computed up to nothing"]
    compute(lake, at("13:00"))
    assert late_coins(lake, BTC, at("13:00")) == []


def test_a_late_visit_is_told_and_what_is_kept_waits(lake: Lake, data: Path) -> None:
    (data / "dealerflow.toml").write_text('[follow]\nderibit = ["BTC"]\n')
    for clock in ("10:10:02", "10:24:30"):
        land(lake, at(clock))
    (finding,) = late_visits(lake, at("11:00"))
    assert finding.what.startswith("deribit BTC: 1 of 2 snapshots of the last day more than 3 minutes")


def test_nothing_is_published_while_nothing_was_computed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluated(crypto_publish_schedule)[0]  # there is no file yet
    monkeypatch.setattr(freshness, "recorded", lambda _: "same")
    monkeypatch.setattr(freshness, "fingerprints", lambda _: "same")
    assert evaluated(crypto_publish_schedule)[1] == "nothing was computed since the last publish"
