"""The data dictionary: one name, one dtype, one unit; names that say what they hold."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

from pipelines.tables import LAKE_TABLES, PUBLISHED_TABLES, TABLES, VOCABULARY, published_columns, published_key
from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import words

# The public contract of this stage of the project, written down once more on purpose.
CONTRACT = {
    "contracts", "option_snapshots", "expiry_surface", "snapshot_quality", "strike_exposures", "exposure_summary",
    "key_levels", "key_levels_latest", "gamma_profile", "exposure_heatmap", "opex_rolloff", "treasury_zero_curve",
    "price_bars", "delivery_prices", "dealer_inventory", "premium_flow", "zero_dte_flow", "zero_dte_put_share",
    "short_volume_daily", "ats_weekly", "short_interest", "cleared_volume", "clearing_shares", "open_interest_daily",
    "clearing_totals", "fails_to_deliver", "index_members", "open_close_volume", "open_close_positions",
    "dark_pool_index", "open_interest_reconciliation", "index_history", "study_bars",
    "load_ledger", "quarantine", "refusals", "gap_ledger", "partition_versions", "method_versions", "default_models",
    "data_dictionary",
}  # fmt: skip


def test_the_published_tables_are_those_of_the_public_contract() -> None:
    assert set(PUBLISHED_TABLES) == CONTRACT


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_name_has_the_same_dtype_and_unit_in_every_table(table: Table) -> None:
    for column in published_columns(table):
        assert (column.dtype, column.unit) == (VOCABULARY[column.name].dtype, VOCABULARY[column.name].unit)


def test_every_word_of_the_vocabulary_is_used() -> None:
    used = {column.name for table in TABLES.values() for column in published_columns(table)}
    assert used == set(VOCABULARY)


@pytest.mark.parametrize(
    ("suffixes", "dtype"),
    [
        (("_ts", "_at"), pl.Datetime("us")),
        (("_date",), pl.Date()),
        (("_frac", "_years", "_pct", "_usd", "_per_volpt", "_per_day", "_usd_per_1pct"), pl.Float64()),
    ],
)
def test_a_suffix_tells_the_dtype(suffixes: tuple[str, ...], dtype: pl.DataType) -> None:
    named = [column for name, column in VOCABULARY.items() if name.endswith(suffixes)]
    assert named
    assert {column.name for column in named if column.dtype != dtype} == set()


def test_flags_and_only_flags_begin_with_is_or_has() -> None:
    flags = {name for name, column in VOCABULARY.items() if column.dtype == pl.Boolean()}
    assert flags == {name for name in VOCABULARY if name.startswith(("is_", "has_"))}


def test_every_column_has_a_unit_and_a_meaning_in_one_sentence() -> None:
    for column in VOCABULARY.values():
        assert column.unit, column.name
        assert column.meaning.endswith("."), column.name
        assert "\n" not in column.meaning


def test_every_column_has_a_type_of_the_published_file() -> None:
    allowed = {"TIMESTAMP", "DATE", "DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN", "DOUBLE[]"}
    assert {column.duckdb_type for column in VOCABULARY.values()} <= allowed


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=lambda table: table.name)
def test_a_lake_table_leaves_its_path_columns_to_the_path(table: Table) -> None:
    assert not {"market", "session_date", "part", "v"} & set(table.schema())
    assert [column.name for column in published_columns(table)][:4] == ["market", "session_date", "part", "v"]


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=lambda table: table.name)
def test_facts_of_a_snapshot_begin_with_whose_when_and_whence(table: Table) -> None:
    if "snapshot_ts" in table.schema():
        assert list(table.schema())[:4] == ["underlying", "snapshot_ts", "source", "known_at"]


def test_a_published_key_holds_over_all_partitions() -> None:
    assert published_key(TABLES["key_levels"]) == ("market", "underlying", "snapshot_ts", "dealer_model", "scope")
    assert published_key(TABLES["treasury_zero_curve"]) == ("market", "session_date", "part", "tenor_years")
    assert published_key(TABLES["short_volume_daily"]) == (
        "market", "session_date", "part", "facility", "vendor_symbol",
    )  # fmt: skip
    assert published_key(TABLES["load_ledger"]) == ("load_id",)


def test_tables_of_reports_say_when_they_are_known_what_they_see_and_what_they_cannot_tell() -> None:
    for table in TABLES.values():
        if table.family == "off-exchange and clearing":
            assert table.lag and table.coverage and table.limits, table.name
            assert len(table.cautions()) == 3


def test_a_declaration_with_an_unknown_or_doubled_column_is_refused() -> None:
    columns = words("strike spot")
    common = {"name": "t", "family": "f", "grain": "g", "description": "d"}
    with pytest.raises(ValueError, match="no column"):
        Table(**common, key=("bid",), columns=columns, nullable=frozenset())
    with pytest.raises(ValueError, match="twice"):
        Table(**common, key=("strike",), columns=(*columns, *columns), nullable=frozenset())
    with pytest.raises(ValueError, match="cannot be null"):
        Table(**common, key=("strike",), columns=columns, nullable=frozenset(["strike"]))


def test_the_dictionary_imports_neither_duckdb_nor_dbt() -> None:
    code = "import sys, pipelines.tables; print(sorted({'duckdb', 'dbt', 'dagster', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
