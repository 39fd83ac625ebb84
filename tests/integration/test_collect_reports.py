"""Collecting reports: each when it is out, once, and again only where it may be restated; what is computed of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.calendar import us_sessions
from pipelines.daily.collect import collect, owed_from
from pipelines.daily.freshness import late
from pipelines.daily.gap_ledger import recorded_gaps
from pipelines.daily.report_cadence import due_by
from pipelines.definitions import defs
from pipelines.defs.daily.schedules import us_collect_schedule
from pipelines.defs.daily.sensors import MORE_FOLLOWS, compute_what_was_collected, publish_what_was_computed
from pipelines.defs.reports.assets import HALF_MONTHS, SESSIONS, WEEKS, assets_of, report_assets
from pipelines.defs.reports.schedules import clearing_schedule, half_month_schedule, report_schedules, weekly_schedule
from pipelines.fetch import FEEDS
from pipelines.fetch.acceptance import accept
from pipelines.fetch.client import Client
from pipelines.lake.store import Lake, opened
from pipelines.load import load_files
from pipelines.materialise import bring_up_to_date
from pipelines.operator_settings import operator_settings
from pipelines.reports import REPORTS
from pipelines.settings import data_paths
from pipelines.stages.reports import REPORT_STAGES
from tests.archive_files import archive_file
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.finra import QueryInterface, daily_path, short_interest_rows, short_volume_file, weekly_rows
from tests.stand_in.occ import ClearingHouse, series_text
from tests.stand_in.sec import Sec, fails_path, fails_zip

NEW_YORK = ZoneInfo("America/New_York")
MORNING = datetime(2024, 6, 21, 12)  # Friday, 08:00 in New York
THURSDAY, FRIDAY = date(2024, 6, 20), date(2024, 6, 21)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with standing_in() as serving:
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(dict.fromkeys(FEEDS, serving.url)))
        yield serving


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path))
    with opened(data_paths()) as opened_lake:
        yield opened_lake


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def occ(site: Site) -> ClearingHouse:
    answering = ClearingHouse(newest=THURSDAY, closed={date(2024, 6, 19)})
    answering.series = {"SPY": series_text("SPY")}
    for path in ("/volume-query", "/series-search", "/mdapi", "/daily-open-interest"):
        site.responds(path, answering.respond)
    return answering


def follow(lake: Lake, followed: str, *feeds: str) -> None:
    """Follow what is said, with the terms of these feeds accepted."""
    (lake.paths.root / "dealerflow.toml").write_text(f"[follow]\n{followed}\n[fetch]\ncontact = 'A a@example.org'\n")
    for feed in feeds:
        accept(lake.paths, FEEDS[feed], MORNING)


def at(lake: Lake, clock: datetime, *feeds: str) -> list[tuple[str, str]]:
    """What a collection at this instant brought, of these feeds or of all."""
    with Client(lake.paths.build / "turns", clock=FakeClock(clock)) as client:
        collected = collect(lake, lambda _: None, client, feeds or FEEDS)
    return [(one.name, one.fate) for one in collected.loaded]


def test_what_the_clearing_house_says_is_collected_once_in_the_morning(
    lake: Lake, site: Site, occ: ClearingHouse
) -> None:
    feeds = ("occ-volume", "occ-open-interest", "occ-totals")
    follow(lake, 'occ_volume = true\nocc_open_interest = ["SPY"]\nocc_totals = true', *feeds)
    evening = MORNING - timedelta(hours=12)
    assert at(lake, evening, "occ-volume") == [("occ-volume 2024-06-18", "landed")]  # Thursday's is out at 06:30
    brought = [
        ("occ-volume 2024-06-20", "landed"),
        ("occ-open-interest SPY", "landed"),
        ("occ-totals 2024-06", "landed"),
    ]
    assert at(lake, MORNING, *feeds) == brought
    asked = len(occ.asked)
    assert at(lake, MORNING + timedelta(hours=1)) == []
    assert len(occ.asked) == asked


def test_a_day_that_did_not_come_is_asked_for_again_with_the_next_and_is_a_gap_until_then(
    lake: Lake, site: Site
) -> None:
    follow(lake, "finra_short_volume = true", "finra-short-volume")
    evening = datetime(2024, 6, 18, 23)  # 19:00 in New York
    site.answers(daily_path(date(2024, 6, 18)), Answer(short_volume_file(date(2024, 6, 18))))
    assert at(lake, evening) == [("finra-short-volume CNMS:2024-06-18", "landed")]
    site.answers(daily_path(THURSDAY), Answer(b"Not found", 404))
    missing = ("finra-short-volume CNMS:2024-06-20", "refused")
    assert at(lake, evening + timedelta(days=2)) == [missing]
    assert recorded_gaps(lake) == []  # due at 20:00
    assert at(lake, evening + timedelta(days=2, hours=1)) == [missing]
    (gap,) = recorded_gaps(lake)
    assert (gap.source, gap.session_date, gap.status) == ("finra_short_volume", THURSDAY, "refused")
    for day in (THURSDAY, FRIDAY):
        site.answers(daily_path(day), Answer(short_volume_file(day)))
    assert [fate for _, fate in at(lake, evening + timedelta(days=3))] == ["landed", "landed"]
    assert [gap.status for gap in recorded_gaps(lake)] == ["filled"]


def test_without_accepted_terms_or_a_contact_nothing_is_asked(lake: Lake, site: Site) -> None:
    follow(lake, "finra_short_volume = true\nsec_fails = true", "sec-fails")
    text = (lake.paths.root / "dealerflow.toml").read_text()
    (lake.paths.root / "dealerflow.toml").write_text(text.partition("[fetch]")[0])
    assert at(lake, MORNING) == [("sec-fails", "refused")]
    assert site.requests == []


def test_a_followed_report_is_late_until_its_newest_due_period_is_computed(lake: Lake, tmp_path: Path) -> None:
    follow(lake, 'finra_short_volume = true\nocc_totals = true\nfinra_weekly = ["T1"]')
    followed = operator_settings(lake.paths).follow
    now = datetime(2024, 6, 22, 12)
    assert late(lake, followed, now) == [
        "finra_short_volume CNMS: never collected", "finra_weekly T1.ATS_W_SMBL: never collected",
        "finra_weekly T1.OTC_W_SMBL: never collected", "occ_totals _all: never collected",
    ]  # fmt: skip
    follow(lake, "finra_short_volume = true")
    followed = operator_settings(lake.paths).follow
    for day in (THURSDAY, FRIDAY):
        file = tmp_path / f"{day}.txt"
        file.write_bytes(short_volume_file(day))
        list(load_files(lake, [file], progress=lambda _: None))
        assert late(lake, followed, now) == ["finra_short_volume CNMS: 2024-06-21"]
    stage = REPORT_STAGES["short_volume_daily"]
    bring_up_to_date(lake, [stage], last=THURSDAY)
    assert late(lake, followed, now) == ["finra_short_volume CNMS: 2024-06-21"]
    assert owed_from(lake, stage) == FRIDAY
    bring_up_to_date(lake, [stage])
    assert late(lake, followed, now) == []
    assert late(lake, followed, datetime(2024, 6, 24, 23, 59)) == []  # before 20:00 in New York
    assert late(lake, followed, datetime(2024, 6, 25)) == ["finra_short_volume CNMS: 2024-06-24"]


# Schedules


def tick(
    schedule: dg.ScheduleDefinition, instant: datetime, instance: dg.DagsterInstance
) -> tuple[list[str], str | None]:
    """The feeds that a run at an instant of New York would ask, or why there is none."""
    context = dg.build_schedule_context(instance, scheduled_execution_time=instant.replace(tzinfo=NEW_YORK))
    result = schedule.evaluate_tick(context)
    for request in result.run_requests or []:
        feeds: list[str] = request.run_config["ops"]["arrivals"]["config"]["feeds"]
        return feeds, None
    return [], result.skip_message


def test_a_schedule_of_reports_says_why_it_does_not_run(lake: Lake, instance: dg.DagsterInstance) -> None:
    friday = datetime(2024, 6, 21, 8)
    assert "nothing is followed: dealerflow.toml" in str(tick(clearing_schedule, friday, instance)[1])
    follow(lake, "occ_volume = true")
    assert "terms are not accepted" in str(tick(clearing_schedule, friday, instance)[1])
    follow(lake, "occ_volume = true", "occ-volume")
    assert tick(clearing_schedule, friday, instance) == (["occ-volume", "occ-open-interest", "occ-totals"], None)
    assert tick(clearing_schedule, datetime(2024, 6, 19, 8), instance)[1] == "2024-06-19 is no session"
    assert "nothing is followed" in str(tick(weekly_schedule, friday, instance)[1])


def test_every_feed_of_files_is_asked_by_exactly_one_schedule(lake: Lake, instance: dg.DagsterInstance) -> None:
    reports = [name for name in FEEDS if name not in {"cboe", "treasury", "index"}]
    lists = {"finra-weekly": '["T1"]', "occ-open-interest": '["SPY"]'}
    follow(lake, "\n".join(f"{name.replace('-', '_')} = {lists.get(name, 'true')}" for name in reports), *reports)
    friday = datetime(2024, 6, 21, 8)
    asked = [
        feed for schedule in (us_collect_schedule, *report_schedules) for feed in tick(schedule, friday, instance)[0]
    ]
    assert sorted(asked) == sorted(FEEDS)


def test_half_months_are_asked_for_on_any_day_from_when_they_are_out_until_they_came(
    lake: Lake, site: Site, instance: dg.DagsterInstance
) -> None:
    follow(lake, "sec_fails = true\nfinra_short_interest = true", "sec-fails", "finra-short-interest")
    sec, finra = Sec(), QueryInterface()
    site.responds("/files/data", sec.respond)
    site.responds("/data/group/otcMarket/name", finra.respond)
    finra.rows["consolidatedShortInterest"] = short_interest_rows(date(2024, 5, 31), 3)
    sec.files[fails_path("2024-05b")] = fails_zip(date(2024, 5, 31))
    feeds = ["finra-short-interest", "sec-fails"]
    sunday = datetime(2024, 6, 23, 19)
    assert tick(half_month_schedule, sunday, instance) == (feeds, None)
    assert [fate for _, fate in at(lake, datetime(2024, 6, 23, 23), *feeds)] == ["landed", "landed"]
    assert tick(half_month_schedule, sunday, instance)[1] == "everything that is out has come"
    assert tick(half_month_schedule, datetime(2024, 6, 26, 19), instance) == (
        feeds,
        None,
    )  # seven sessions after 14 June


def test_everything_is_asked_for_after_it_is_out_and_before_it_is_missing() -> None:
    rhythms = [
        (us_collect_schedule, "short_volume_daily", "CNMS"),
        (clearing_schedule, "cleared_volume", "_all"),
        (clearing_schedule, "open_interest_daily", "SPX"),
        (weekly_schedule, "ats_weekly", "T1.ATS_W_SMBL"),
        (half_month_schedule, "short_interest", "_all"),
        (half_month_schedule, "fails_to_deliver", "_all"),
    ]
    periods = {
        "ats_weekly": date(2026, 1, 30),
        "fails_to_deliver": date(2026, 5, 31),
        "short_interest": date(2026, 5, 29),
    }
    for schedule, table, part in rhythms:
        assert schedule.execution_timezone == "America/New_York"
        day = periods.get(table, date(2026, 7, 2))  # before a long weekend
        out, due = REPORTS[table].due(day, part), due_by(table, day, part)
        crons = [schedule.cron_schedule] if isinstance(schedule.cron_schedule, str) else schedule.cron_schedule
        hours = [tuple(map(int, str(cron).split()[1::-1])) for cron in crons]
        days = {(out + timedelta(days=n)).date() for n in range((due - out).days + 2)}
        ticks = [
            datetime(one.year, one.month, one.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC).replace(tzinfo=None)
            for one in days if us_sessions().is_session(one) or schedule not in (us_collect_schedule, clearing_schedule)
            for hour, minute in hours
        ]  # fmt: skip
        assert sum(out <= one < due for one in ticks) >= 2, (table, out, due, sorted(ticks))


# Runs


def test_every_report_is_an_asset_of_one_of_three_rhythms() -> None:
    jobs = [set(assets_of(rhythm)) for rhythm in (SESSIONS, WEEKS, HALF_MONTHS)]
    assert sum(map(len, jobs)) == len(report_assets)
    assert set().union(*jobs) == set(report_assets)
    assert {key.to_user_string() for asset in assets_of(WEEKS) for key in asset.keys} == {"ats_weekly"}
    assert len(report_schedules) == 3


def status_context(
    sensor: str, instance: dg.DagsterInstance, done: dg.ExecuteInProcessResult
) -> dg.RunStatusSensorContext:
    return dg.build_run_status_sensor_context(
        sensor, dagster_event=done.get_run_success_event(), dagster_instance=instance, dagster_run=done.dagster_run
    )


def test_a_collection_of_reports_leads_to_a_run_of_each_rhythm_and_one_publish(
    lake: Lake, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    calendar = us_sessions()
    today = datetime.now(UTC).date()
    session = calendar.before(calendar.before(today))
    monday = session - timedelta(days=session.weekday() + 35)
    box = tmp_path / "in"
    box.mkdir()
    (lake.paths.root / "dealerflow.toml").write_text('inbox = ["in"]\n')
    (box / "weekly.json").write_text(json.dumps(weekly_rows(monday, 3)))
    (box / "short.txt").write_bytes(short_volume_file(session))
    archive_file(box, [session], expiries=(session + timedelta(days=40), session + timedelta(days=100)))
    for file in box.iterdir():
        os.utime(file, (1, 1))
    collected = defs.resolve_job_def("collect_job").execute_in_process(instance=instance)
    requests = compute_what_was_collected(status_context("compute_what_was_collected", instance, collected))
    assert isinstance(requests, list)
    assert [one.job_name for one in requests] == ["session_reports_job", "weekly_reports_job", "us_job"]
    assert [MORE_FOLLOWS in one.tags for one in requests] == [True, True, False]
    assert requests[0].tags["dagster/asset_partition_range_start"] == str(session)
    assert requests[1].tags["dagster/asset_partition_range_start"] == str(monday)
    for request in requests[:2]:
        done = defs.resolve_job_def(str(request.job_name)).execute_in_process(instance=instance, tags=request.tags)
        assert done.success
        skipped = publish_what_was_computed(status_context("publish_what_was_computed", instance, done))
        assert isinstance(skipped, dg.SkipReason)
    alone = defs.resolve_job_def("weekly_reports_job").execute_in_process(
        instance=instance, tags={k: v for k, v in requests[1].tags.items() if "partition" in k}
    )
    context = status_context("publish_what_was_computed", instance, alone)
    assert isinstance(publish_what_was_computed(context), dg.RunRequest)
    standing = {(v.table, v.key.session_date) for v in lake.catalogue.versions(["short_volume_daily", "ats_weekly"])}
    assert standing == {("short_volume_daily", session), ("ats_weekly", monday + timedelta(days=4))}
