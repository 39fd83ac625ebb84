"""Dagster sees one asset per arrow, runs a range of sessions in one process, and reports what the gates found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from pipelines.definitions import defs
from pipelines.lake.store import opened
from pipelines.settings import data_paths
from pipelines.simulate import write_market
from pipelines.stages.reports import REPORT_STAGES
from tests.integration.spine import land

ASSETS = {
    "arrivals",
    "rates",
    "file_bars",
    *REPORT_STAGES,
    "clearing_shares",
    "open_close_positions",
    "landing",
    "bars",
    "marks",
    "surface",
    "exposures",
    "heatmap",
    "quality",
    "us_trades",
    "us_inventory",
    "us_flow",
    "crypto_visit",
    "crypto_landing",
    "crypto_surface",
    "crypto_inventory",
    "crypto_flow",
    "crypto_exposures",
    "crypto_heatmap",
    "crypto_quality",
    "crypto_bars",
    "crypto_deliveries",
    "warehouse",
}


def test_the_assets_are_the_arrows_of_the_lake_and_the_warehouse() -> None:
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == ASSETS
    upstream = {key.to_user_string() for key in graph.get(dg.AssetKey("surface")).parent_keys}
    assert upstream == {"landing", "marks"}
    assert {key.to_user_string() for key in graph.get(dg.AssetKey("clearing_shares")).parent_keys} == {"cleared_volume"}
    of_coins = {key.to_user_string() for key in graph.get(dg.AssetKey("crypto_exposures")).parent_keys}
    assert {"crypto_landing", "crypto_surface", "crypto_inventory"} <= of_coins
    assert all(name.startswith("crypto_") for name in of_coins)


def test_sessions_are_the_partitions_and_holidays_are_none() -> None:
    from pipelines.defs.partitions import us_session_partitions

    assert us_session_partitions.has_partition_key("2023-04-06")
    assert not us_session_partitions.has_partition_key("2023-04-07")  # Good Friday
    assert not us_session_partitions.has_partition_key("2025-01-09")  # a day of mourning
    assert us_session_partitions.get_first_partition_key() == "2004-01-02"


def test_every_utc_day_is_a_partition_of_market_crypto() -> None:
    from pipelines.defs.partitions import utc_day_partitions

    assert utc_day_partitions.get_first_partition_key() == "2016-01-01"
    assert utc_day_partitions.has_partition_key("2025-01-09")
    assert utc_day_partitions.has_partition_key("2023-04-09")  # Easter Sunday
    assert utc_day_partitions.get_last_partition_key() == f"{datetime.now(UTC):%Y-%m-%d}"


def test_weeks_and_halves_of_months_are_partitions_by_their_first_days() -> None:
    from pipelines.calendar import half_month_end
    from pipelines.defs.partitions import end_of_week, half_month_partitions, week_partitions

    assert week_partitions.get_first_partition_key() == "2014-05-12"
    assert week_partitions.has_partition_key("2025-11-24")  # a week with a holiday
    assert not week_partitions.has_partition_key("2025-11-25")
    assert end_of_week(date(2026, 2, 23)) == date(2026, 3, 1)  # its Friday lies within
    assert half_month_partitions.has_partition_key("2024-02-01")
    assert half_month_partitions.has_partition_key("2024-02-16")
    assert not half_month_partitions.has_partition_key("2024-02-15")
    starts = [date.fromisoformat(key) for key in half_month_partitions.get_partition_keys()]
    following = [half_month_end(start) + timedelta(days=1) for start in starts]
    assert following[:-1] == starts[1:]  # no day is in none, none in two


def test_one_run_materialises_a_range_of_sessions_and_its_checks(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path))
    paths = data_paths()
    with opened(paths) as lake:
        land(lake, write_market(paths.root / "sample"))
    first_and_last = {
        "dagster/asset_partition_range_start": "2024-06-17",
        "dagster/asset_partition_range_end": "2024-06-20",
    }
    with dg.DagsterInstance.ephemeral() as instance:
        rates = defs.resolve_job_def("rates_job").execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "2024-06-03",
                "dagster/asset_partition_range_end": "2024-06-20",
            },
        )
        spine = defs.resolve_job_def("us_job").execute_in_process(instance=instance, tags=first_and_last)
    assert rates.success
    assert spine.success
    written = [
        event.partition for event in spine.get_asset_materialization_events() if event.asset_key.path == ["exposures"]
    ]
    assert written == ["2024-06-17", "2024-06-18", "2024-06-20"]
    checks = {e.check_name: e.passed for e in spine.get_asset_check_evaluations() if e.asset_key.path == ["quality"]}
    assert checks["every_listed_row_has_a_fate"]
    assert checks["open_interest_changed_by_no_more_than_was_traded"]
    assert checks["the_gates_refused_nothing"]
    assert not checks["most_quotes_are_there"]  # one page was pulled late in the evening
    with opened(paths) as lake:
        sessions = {str(v.key.session_date) for v in lake.catalogue.versions(["snapshot_quality"])}
    assert sessions == {"2024-06-17", "2024-06-18", "2024-06-20"}
