"""What Dagster does by itself: when it collects, what follows from a collection, what it watches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.calendar import us_sessions
from pipelines.daily.cadence import feed_is_due
from pipelines.daily.collect import owed_from
from pipelines.daily.freshness import late
from pipelines.definitions import defs
from pipelines.defs.crypto.schedules import crypto_schedules
from pipelines.defs.daily.schedules import schedules, us_collect_schedule
from pipelines.defs.daily.sensors import compute_what_was_collected, publish_what_was_computed
from pipelines.defs.partitions import (
    month_partitions,
    partition_range,
    treasury_day_partitions,
    us_session_partitions,
)
from pipelines.defs.reports.schedules import report_schedules
from pipelines.lake.store import Lake, opened
from pipelines.load import load_files
from pipelines.materialise import bring_up_to_date
from pipelines.operator_settings import Follow
from pipelines.settings import data_paths
from pipelines.sources.page import Declared
from pipelines.stages.rates import RATES
from pipelines.stages.spine import SPINES
from tests.archive_files import archive_file
from tests.stand_in.pages import curves_csv

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path))
    (tmp_path / "dealerflow.toml").write_text('inbox = ["in"]\n')
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture
def lake(data: Path) -> Iterator[Lake]:
    with opened(data_paths()) as opened_lake:
        yield opened_lake


def recent_sessions(count: int) -> list[date]:
    today = datetime.now(UTC).date()
    return us_sessions().between(today - timedelta(days=30), today - timedelta(days=1))[-count:]


def arrive(data: Path, days: list[date]) -> None:
    """An archive of these days lies in the inbox, at rest."""
    expiries = (days[-1] + timedelta(days=40), days[-1] + timedelta(days=100))
    os.utime(archive_file(data / "in", days, expiries=expiries), (1, 1))


def test_the_jobs_schedules_and_sensors_are_these() -> None:
    assert {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")} == {
        "collect_job", "rates_job", "bars_job", "us_job", "crypto_visit_job", "crypto_job", "publish_job",
        "session_reports_job", "weekly_reports_job", "half_month_reports_job",
    }  # fmt: skip
    assert {schedule.name for schedule in schedules} == {"us_collect_schedule", "us_evening_schedule"}
    repository = defs.get_repository_def()
    assert {schedule.name for schedule in crypto_schedules} == {
        "crypto_visit_schedule", "crypto_hourly_schedule", "crypto_publish_schedule",
    }  # fmt: skip
    assert {schedule.name for schedule in report_schedules} == {
        "clearing_schedule", "weekly_schedule", "half_month_schedule",
    }  # fmt: skip
    every = (*schedules, *report_schedules, *crypto_schedules)
    assert {one.name for one in repository.schedule_defs} == {one.name for one in every}
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "compute_what_was_collected", "publish_what_was_computed",
    }  # fmt: skip
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}
    assert {one.default_status for one in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}


@pytest.mark.parametrize("schedule", schedules, ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("day", "is_session"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 27), True),  # closes at 13:00
        (date(2026, 11, 26), False),  # Thanksgiving
        (date(2025, 1, 9), False),  # a day of mourning
    ],
)
def test_a_tick_runs_on_sessions_and_says_why_it_does_not_on_others(
    schedule: dg.ScheduleDefinition, day: date, is_session: bool
) -> None:
    tick = datetime(day.year, day.month, day.day, 17, tzinfo=NEW_YORK)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=tick)
        result = schedule.evaluate_tick(context)
    assert bool(result.run_requests) is is_session
    assert (result.skip_message is None) is is_session


def test_every_collection_lies_after_the_close_and_before_everything_is_due() -> None:
    assert us_collect_schedule.execution_timezone == "America/New_York"
    calendar = us_sessions()
    for session in (date(2026, 7, 1), date(2026, 11, 27), date(2026, 12, 1)):
        for cron in us_collect_schedule.cron_schedule:
            minute, hour = map(int, str(cron).split()[:2])
            tick = datetime(session.year, session.month, session.day, hour, minute, tzinfo=NEW_YORK)
            instant = tick.astimezone(UTC).replace(tzinfo=None)
            assert calendar.close_of(session) + timedelta(minutes=20) <= instant < feed_is_due(session)


def test_a_range_begins_with_the_partition_that_holds_a_day_and_ends_now() -> None:
    today = datetime.now(UTC).date()
    tags = partition_range(month_partitions, date(2024, 6, 20))
    assert tags["dagster/asset_partition_range_start"] == "2024-06-01"
    assert tags["dagster/asset_partition_range_end"] == f"{today:%Y-%m}-01"
    newest = us_session_partitions.get_partition_keys()[-1]
    assert newest == str(us_sessions().last_on_or_before(today))  # today's session is there in its evening
    assert (
        partition_range(us_session_partitions, date(1990, 1, 1))["dagster/asset_partition_range_start"] == "2004-01-02"
    )


def test_curves_have_a_day_as_far_back_as_the_treasury_publishes_them(lake: Lake, data: Path) -> None:
    file = data / "curves.csv"
    file.write_bytes(curves_csv(date(1990, 1, 3), days=2))
    list(load_files(lake, [file], progress=lambda _: None))
    owed = owed_from(lake, RATES)
    assert owed == date(1990, 1, 2)
    start = partition_range(treasury_day_partitions, owed)["dagster/asset_partition_range_start"]
    assert start == "1990-01-02"
    bring_up_to_date(lake, [RATES], first=date.fromisoformat(start))
    assert owed_from(lake, RATES) is None


def test_a_history_of_an_index_is_late_a_session_after_it_was_due(lake: Lake, data: Path) -> None:
    follow = Follow(index=("^VIX",))
    assert late(lake, follow, datetime(2024, 6, 20, 12)) == ["cboe_index_csv VIX: never collected"]
    file = data / "VIX.csv"
    file.write_text("DATE,OPEN,HIGH,LOW,CLOSE\n05/31/2024,1,1,1,1\n06/17/2024,1,1,1,1\n")
    list(load_files(lake, [file], declared=Declared(underlying="VIX"), progress=lambda _: None))
    assert late(lake, follow, datetime(2024, 6, 20, 23, 59)) == []  # the 18th is due with the 20th, at midnight UTC
    assert late(lake, follow, datetime(2024, 6, 21)) == ["cboe_index_csv VIX: 2024-06-18"]


def test_a_collection_leads_to_the_runs_that_it_makes_necessary(data: Path) -> None:
    days = recent_sessions(8)
    arrive(data, days)
    with dg.DagsterInstance.ephemeral() as instance:
        collected = defs.resolve_job_def("collect_job").execute_in_process(instance=instance)
        assert collected.success
        assert collected.asset_materializations_for_node("arrivals")[0].metadata["landed"].value == 1
        wanted = follow_up(instance, collected)
        assert [request.job_name for request in wanted] == ["us_job"]
        tags = {name: value for name, value in wanted[0].tags.items() if "range" in name}
        assert tags["dagster/asset_partition_range_start"] == str(days[0])
        computed = defs.resolve_job_def("us_job").execute_in_process(instance=instance, tags=tags)
        assert computed.success
        assert follow_up(instance, collected) == []
        assert isinstance(
            publish_what_was_computed(status_context("publish_what_was_computed", instance, computed)), dg.RunRequest
        )
    with opened(data_paths()) as lake:
        sessions = [version.key.session_date for version in lake.catalogue.versions(["key_levels"])]
    assert sessions == days


def status_context(
    sensor: str, instance: dg.DagsterInstance, done: dg.ExecuteInProcessResult
) -> dg.RunStatusSensorContext:
    return dg.build_run_status_sensor_context(
        sensor, dagster_event=done.get_run_success_event(), dagster_instance=instance, dagster_run=done.dagster_run
    )


def follow_up(instance: dg.DagsterInstance, collected: dg.ExecuteInProcessResult) -> list[dg.RunRequest]:
    result = compute_what_was_collected(status_context("compute_what_was_collected", instance, collected))
    return result if isinstance(result, list) else []


def test_what_is_followed_is_late_until_its_newest_due_session_is_computed(lake: Lake, tmp_path: Path) -> None:
    now, follow = datetime(2024, 6, 19, 12), Follow(treasury=True)

    def land(newest: date) -> None:
        file = tmp_path / f"{newest}.csv"
        file.write_bytes(curves_csv(newest, days=1))
        assert [one.fate for one in load_files(lake, [file], progress=lambda _: None)] == ["landed"]

    assert late(lake, Follow(cboe=("SPY",), treasury=True), now) == [
        "cboe_delayed_json SPY: never collected",
        "treasury_par_csv _all: never collected",
    ]
    land(date(2024, 6, 14))
    bring_up_to_date(lake, SPINES["us"])
    assert late(lake, follow, now) == ["treasury_par_csv _all: 2024-06-18"]
    land(date(2024, 6, 13))
    bring_up_to_date(lake, SPINES["us"])
    assert late(lake, follow, now) == ["treasury_par_csv _all: 2024-06-18"]  # an old day makes nothing fresh
    land(date(2024, 6, 18))
    assert late(lake, follow, now) == ["treasury_par_csv _all: 2024-06-18"]  # landed, not computed
    bring_up_to_date(lake, SPINES["us"])
    assert late(lake, follow, now) == []
    assert late(lake, follow, datetime(2024, 6, 20, 23, 59)) == []  # not due yet
    assert late(lake, follow, datetime(2024, 6, 21)) == ["treasury_par_csv _all: 2024-06-20"]
