"""The dbt project: generated files are up to date, unit tests pass, and every kind of test catches what it is for."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Paths
from pipelines.warehouse import dbt, dbt_yaml
from pipelines.warehouse.project import DBT_PROJECT, exports, prepare
from pipelines.warehouse.publish import PublishError, publish
from tests.dbt.fake_lake import FakeLake, Row, close_of

SESSION = date(2024, 1, 2)


def test_the_generated_model_files_are_those_of_the_dictionary() -> None:
    stale = [str(path) for path, text in dbt_yaml.rendered().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run python -m pipelines.warehouse.dbt_yaml"


def test_every_generated_file_belongs_to_a_model() -> None:
    generated = {path for path in DBT_PROJECT.glob("models/**/*.yml") if path.read_text().startswith(dbt_yaml.HEADER)}
    assert generated == set(dbt_yaml.rendered())


def test_only_staging_reads_the_lake() -> None:
    for model in DBT_PROJECT.glob("models/**/*.sql"):
        text = model.read_text()
        reads = "lake_rows(" in text or "catalogue_rows(" in text
        assert reads == (model.parent.name == "staging"), model
        assert "read_parquet" not in text, model


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> FakeLake:
    return FakeLake(Paths(tmp_path_factory.mktemp("project") / "data"))


def test_the_unit_tests_pass_on_a_fresh_file(lake: FakeLake) -> None:
    lake.paths.build.mkdir(parents=True)
    prepare(lake.paths, exports(lake.paths))
    dbt.invoke(lake.paths, ["run", "--empty"])
    ran = [result.node.unique_id for result in dbt.invoke(lake.paths, ["test", "--select", "test_type:unit"])]
    assert len(ran) >= 3
    assert all(name.startswith("unit_test.") for name in ran)


def results_of_a_failure(paths: Paths) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((paths.build / "dbt/target/run_results.json").read_text())["results"]
    return found


def spoil(lake: FakeLake, table: str, **values: Any) -> None:
    """Land the partition's rows once more with some values overwritten."""
    import polars as pl

    place = lake.paths.lake / table / "market=us" / f"session_date={SESSION}" / "part=SPX"
    rows = pl.read_parquet(max(place.glob("v=*.parquet")), hive_partitioning=False).to_dicts()
    lake.write(table, SESSION, "SPX", [row | values for row in rows], close_of(SESSION))


def test_every_kind_of_test_catches_what_it_is_for(lake: FakeLake) -> None:
    lake.land(SESSION, "SPX", skew=1.0)
    spoil(lake, "option_snapshots", iv_frac=None, open_interest=-1.0, option_type="either")
    spoil(lake, "opex_rolloff", expiry_date=date(2024, 1, 5))
    spoil(lake, "gamma_profile", spot_levels=[1.0])
    lake.versions[-1]["row_count"] = 5
    lake.export()
    with pytest.raises(PublishError):
        publish(lake.paths)
    failed = {
        result["unique_id"].split(".")[2] for result in results_of_a_failure(lake.paths) if result["status"] == "fail"
    }
    caught = {
        "strikes_sum_to_the_totals_of_all_expiries", "strikes_sum_to_the_totals_of_30_days",
        "net_exposure_of_a_strike_is_call_plus_put",
        "null_only_with_status_option_snapshots_iv_frac", "accepted_range_option_snapshots_open_interest",
        "accepted_values_option_snapshots_option_type", "unique_combination_opex_rolloff",
        "a_profile_has_one_value_per_spot_level", "holds_current_versions_gamma_profile",
    }  # fmt: skip
    assert {name for name in caught if not any(found.startswith(name) for found in failed)} == set()
    unexpected = {found for found in failed if not any(found.startswith(name) for name in caught)}
    assert unexpected == set()


def test_a_null_where_the_contract_forbids_it_stops_the_publish(tmp_path: Path, lake: FakeLake) -> None:
    """The lake's own gate would refuse such a partition; the contract is the second lock."""
    fresh = FakeLake(lake.paths)
    row: Row = {"source": "fake", "known_at": close_of(SESSION), "tenor_years": 0.25}
    fresh.write("treasury_zero_curve", SESSION, "_all", [row], close_of(SESSION))
    (file,) = fresh.paths.lake.glob("treasury_zero_curve/**/part=_all/v=1.parquet")
    import polars as pl

    pl.read_parquet(file, hive_partitioning=False).with_columns(zero_rate_frac=None).write_parquet(file)
    fresh.export()
    with pytest.raises(PublishError, match=r"treasury_zero_curve.*NOT NULL"):
        publish(fresh.paths)


def test_a_key_that_is_current_twice_is_caught(lake: FakeLake) -> None:
    fresh = FakeLake(lake.paths)
    fresh.land(SESSION, "SPX")
    fresh.export()
    import polars as pl

    file = fresh.paths.exports / "partition_versions.parquet"
    pl.read_parquet(file).with_columns(is_current=False).write_parquet(file)
    with pytest.raises(PublishError, match="one_current_version"):
        publish(fresh.paths)
