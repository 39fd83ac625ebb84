"""Nothing in the lake says to have been known before what it rests on; what is planted against that is found."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.lake.catalogue import canonical_json, timestamp
from pipelines.lake.stage import Inputs, Output
from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, load_arrivals, load_files
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.simulate.reports import declared_exchange, write_reports
from pipelines.sources.page import Declared
from pipelines.stages.quality import QUALITY
from pipelines.stages.rates import RATES
from pipelines.tables import LAKE_TABLES
from pipelines.upkeep.look_ahead import Leak, walk
from pipelines.upkeep.look_ahead_rows import walk_rows
from pipelines.upkeep.verify import verify
from tests.integration.coin_lakes import CoinLake, derive_coins
from tests.integration.spine import derive, land, refusals
from tests.integration.test_restatements import curve_file
from tests.integration.test_us_trades import HEADER, MAPPING, TRADES

DAYS = ("2024-06-17", "2024-06-18", "2024-06-20")
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, market: list[Path]) -> Iterator[Lake]:
    """Three sessions of chains, curves, index bars, trades of an owner's layout, and every kind of report."""
    folder = tmp_path_factory.mktemp("whole")
    with opened(Paths(folder / "data")) as lake:
        trades, bars, curves = folder / "trades.csv", folder / "vix.csv", folder / "curves.csv"
        trades.write_text(f"{HEADER}\n{TRADES}")
        bars.write_text("DATE,OPEN,HIGH,LOW,CLOSE\n06/17/2024,12.8,13.1,12.5,12.7\n06/18/2024,12.6,12.9,12.2,12.3\n")
        curves.write_text("Date,1 Mo,3 Mo,1 Yr,10 Yr\n06/18/2024,5.40,5.38,5.10,4.30\nno day,5.40,5.38,5.10,4.30\n")
        list(load_files(lake, [trades], declared=Declared(mapping=MAPPING), progress=lambda _: None))
        list(load_files(lake, [bars], declared=Declared(underlying="VIX"), progress=lambda _: None))
        land(lake, [curves])
        land(lake, [path for path in market if "treasury" in path.name or any(day in path.name for day in DAYS)])
        for path in write_reports(folder / "reports"):
            declared = Declared(exchange=declared_exchange(path.name))
            list(load_files(lake, [path], declared=declared, progress=lambda _: None))
        told = lake.catalogue.rows("select original_name, reason from load_ledger where fate = 'refused'")
        assert told == []
        assert refusals(derive(lake)) == []
        yield lake


@pytest.fixture
def spoiled(whole: Lake, tmp_path: Path) -> Iterator[Lake]:
    """A copy, to plant something in."""
    shutil.copytree(whole.paths.root, tmp_path / "data")
    with opened(Paths(tmp_path / "data")) as lake:
        yield lake


def leaks(lake: Lake) -> list[Leak]:
    return [*walk(lake).leaks, *walk_rows(lake, lake.catalogue.versions_of_all_tables())]


def plant(lake: Lake, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(lake.paths.catalogue)) as catalogue, catalogue:
        assert catalogue.execute(statement, values).rowcount > 0


def test_nothing_looks_ahead_in_lakes_that_hold_versions_of_every_table(whole: Lake, coins: CoinLake) -> None:
    visited: set[str] = set()
    for lake in (whole, coins.lake):
        walked = walk(lake)
        assert [str(leak) for leak in walked.leaks] == []
        versions = lake.catalogue.versions_of_all_tables()
        assert [str(leak) for leak in walk_rows(lake, versions)] == []
        assert walked.versions == len(versions)
        visited |= walked.tables
    assert visited == set(LAKE_TABLES)


def test_every_version_but_a_withdrawn_one_names_what_it_was_made_of(whole: Lake, coins: CoinLake) -> None:
    nameless = "select * from partition_versions where inputs = '[]' and row_count > 0"
    assert whole.catalogue.rows(nameless) == coins.lake.catalogue.rows(nameless) == []


def test_a_version_dated_earlier_than_its_inputs_is_found_whatever_its_table(spoiled: Lake) -> None:
    dated = "update partition_versions set known_at = ? where path = ?"
    for table in {version.table for version in spoiled.catalogue.versions_of_all_tables()}:
        newest = max(spoiled.catalogue.versions([table]), key=lambda version: (version.rank, version.key))
        early = replace(newest, known_at=newest.known_at - timedelta(microseconds=1))
        plant(spoiled, dated, timestamp(early.known_at), newest.path)
        # Of a file that restates some of its rows only the rows themselves say since when they were known.
        found = [leak for leak in (*walk(spoiled).leaks, *walk_rows(spoiled, [early])) if leak.version == early]
        assert {leak.by for leak in found} == {timedelta(microseconds=1)}, table
        plant(spoiled, dated, timestamp(newest.known_at), newest.path)
    assert walk(spoiled).leaks == ()


def test_an_input_restated_after_the_version_that_names_it_is_found(spoiled: Lake) -> None:
    plant(
        spoiled,
        "update partition_versions set known_at = '2024-06-19 22:00:00.000000'"
        " where table_name = 'treasury_zero_curve' and session_date = '2024-06-17'",
    )
    found = {(leak.version.table, leak.input) for leak in walk(spoiled).leaks if not leak.is_of_files}
    assert ("snapshot_marks", "treasury_zero_curve us 2024-06-17 _all v1") in found


def test_a_version_that_names_a_curve_of_the_future_or_none_that_ever_was_is_found(spoiled: Lake) -> None:
    marks = "where table_name = 'snapshot_marks' and session_date = '2024-06-17' and part = 'SPY'"
    for session, known in (("2024-06-20", "became known"), ("2030-01-02", "nobody knows when")):
        named = [{"table": "treasury_zero_curve", "session_date": session, "part": "_all", "v": 1}]
        plant(spoiled, f"update partition_versions set inputs = ? {marks}", canonical_json(named))
        told = [str(leak) for leak in walk(spoiled).leaks]
        assert told
        assert all(f"rests on treasury_zero_curve us {session} _all v1, which" in one and known in one for one in told)


_TO_OPEN = timedelta(hours=8.5)  # from the opening to the hour at which a curve is out


def test_a_stage_that_counts_its_files_too_early_is_found(lake: Lake, tmp_path: Path) -> None:
    def lying(sightings: list[Any]) -> list[Any]:
        return [replace(one, known_at=one.known_at - WEEK) for one in RATES.resolve(sightings)]

    land(lake, [curve_file(tmp_path, "a.csv", d20240617="5.34")])
    bring_up_to_date(lake, [replace(RATES, resolve=lying)])
    assert {(leak.input, leak.by) for leak in leaks(lake)} == {("a.csv", WEEK), ("the day 2024-06-17", WEEK - _TO_OPEN)}


@pytest.mark.parametrize(
    ("shift", "told"), [(-WEEK, "what its snapshot_ts says"), (WEEK, "a row of its own")], ids=["early", "late"]
)
def test_rows_that_a_stage_stamps_wrongly_are_found(spoiled: Lake, shift: timedelta, told: str) -> None:
    def stamping(inputs: Inputs) -> Output:
        made = QUALITY.compute(inputs)
        (name,) = QUALITY.outputs
        frame = made.frames[name].with_columns(pl.col("known_at") + shift)
        return replace(made, frames={name: frame})

    stamped = replace(QUALITY, method_version="stamped", compute=stamping)
    (report,) = bring_up_to_date(spoiled, [stamped])
    assert report.written
    found = walk_rows(spoiled, report.written)
    assert {leak.version for leak in found} == set(report.written)
    assert told in {leak.input for leak in found}


def test_what_was_captured_live_was_not_known_before_it_was_captured(spoiled: Lake) -> None:
    plant(spoiled, "update sightings set known_at_basis = 'captured_live' where source = 'mapped_trades'")
    plant(spoiled, "update raw_objects set captured_at = '2024-06-22 00:00:00.000000' where source = 'mapped_trades'")
    found = walk(spoiled).leaks
    assert {leak.input for leak in found} == {"trades.csv"}
    assert {leak.version.table for leak in found} >= {"option_trades", "trade_coverage"}


def test_a_file_that_dates_another_anew_waits_for_a_run_and_nothing_is_wrong_then(lake: Lake, tmp_path: Path) -> None:
    land(lake, [curve_file(tmp_path, "b.csv", d20240617="5.10", d20240620="5.35")])
    derive(lake)
    land(lake, [curve_file(tmp_path, "a.csv", d20240617="5.34", d20240618="5.35")])
    assert [(leak.version.key.session_date, leak.input) for leak in leaks(lake)] == [(date(2024, 6, 17), "b.csv")]
    waiting = verify(lake)
    assert waiting.faults == ()
    assert waiting.notes[0] == "1 versions rest on what later files date otherwise: dealerflow run"
    derive(lake)
    assert leaks(lake) == []
    assert verify(lake).notes == ()


def test_verify_calls_it_a_fault(spoiled: Lake) -> None:
    assert verify(spoiled).faults == ()
    earlier = timestamp(datetime(2024, 6, 1))
    plant(spoiled, "update partition_versions set known_at = ? where table_name = 'key_levels'", earlier)
    faults = verify(spoiled).faults
    assert {fault.wrong for fault in faults} == {"looks ahead"}
    assert all(fault.path.startswith("lake/key_levels/") for fault in faults)
    assert any("which became known" in fault.what for fault in faults)


def test_answers_of_one_bundle_were_each_known_when_they_came(lake: Lake, coins: CoinLake) -> None:
    """A visit that begins before a full hour and ends after it."""
    name = min(coins.market.files)
    ended = datetime(2024, 7, 15)
    arrival = Arrival(name, lambda: coins.market.files[name], captured_at=ended)
    list(load_arrivals(lake, [arrival], progress=lambda _: None))
    derive_coins(lake)
    versions = lake.catalogue.versions_of_all_tables()
    assert versions and max(version.known_at for version in versions) < ended
    assert leaks(lake) == []
