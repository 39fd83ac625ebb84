"""The small simulated coin market through every stage: the inventory is the truth but for what was planted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake, opened
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.simulate.coins import small, write_coin_week
from pipelines.simulate.coins.truth import EXACT_COINS, FILE_NAME, FOLDER, compare
from pipelines.stages.spine import SPINES
from tests.integration.spine import current, land, refusals

EXPOSED = ("strike_exposures", "exposure_summary")
TABLES = (
    "chains", "option_trades", "option_snapshots", "dealer_inventory", "premium_flow", "zero_dte_flow", *EXPOSED,
    "exposure_heatmap", "price_bars", "delivery_prices", "snapshot_quality",
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_coin_week(tmp_path_factory.mktemp("coins"), 2, small())


@pytest.fixture(scope="module")
def at_once(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Everything landed, then computed."""
    with opened(Paths(tmp_path_factory.mktemp("at_once"))) as lake, lake.writing():
        assert {one.fate for one in land(lake, files)} == {"landed"}
        assert refusals(bring_up_to_date(lake, SPINES["crypto"], market="crypto")) == []
        yield lake


def test_the_inventory_is_off_by_exactly_what_was_planted(at_once: Lake, files: list[Path]) -> None:
    truth = pl.read_parquet(files[0].parent / FOLDER / FILE_NAME)
    judged = compare(truth, current(at_once, "dealer_inventory"))
    assert judged.height > 1_000
    assert judged["unexplained_coins"].abs().max() <= EXACT_COINS  # type: ignore[operator]


def test_nothing_is_held_back_and_every_chain_is_exposed(at_once: Lake) -> None:
    assert not any(version.key.table == "quarantine" for version in at_once.catalogue.versions(["quarantine"]))
    shown = current(at_once, "option_snapshots").select("underlying", "snapshot_ts").unique()
    assert shown.height == 2 * 48
    summary = current(at_once, "exposure_summary").filter(pl.col("scope") == "all")
    assert summary.select("underlying", "snapshot_ts").unique().height == 2 * 48
    assert set(summary["dealer_model"]) == {"calls_long_puts_short", "short_all", "taker_flow", "taker_flow_screen"}
    flow = summary.filter(pl.col("dealer_model") == "taker_flow")
    first = flow["snapshot_ts"].min()  # as the first trades come, before any bucket of them has ended
    assert set(flow.filter(pl.col("snapshot_ts").dt.truncate("1m") > first)["scope_status"]) == {"ok"}


def test_a_late_start_is_known_to_be_incomplete(at_once: Lake, files: list[Path]) -> None:
    truth = pl.read_parquet(files[0].parent / FOLDER / FILE_NAME)
    late = truth.filter(pl.col("planted_late_start_coins") != 0)["contract_id"].unique().implode()
    held = current(at_once, "dealer_inventory")
    assert not held.filter(pl.col("contract_id").is_in(late))["is_history_complete"].any()
    assert held.filter(~pl.col("contract_id").is_in(late))["is_history_complete"].all()


def test_gamma_rolls_off_at_the_expiry_of_the_quarter(at_once: Lake) -> None:
    held = current(at_once, "option_snapshots").filter(pl.col("underlying") == "BTC")
    at_eight = datetime(2024, 6, 28, 8)
    for side, is_there in ((timedelta(hours=-1), True), (timedelta(), False)):
        near = held.filter(pl.col("snapshot_ts").is_between(at_eight + side, at_eight + side + timedelta(minutes=1)))
        assert near.height > 0 and near["contract_id"].str.contains("28JUN24").any() == is_there


def test_files_that_arrive_one_by_one_end_in_the_same_tables(at_once: Lake, files: list[Path], tmp_path: Path) -> None:
    with opened(Paths(tmp_path / "data")) as lake, lake.writing():
        for path in files:
            land(lake, [path])
            bring_up_to_date(lake, SPINES["crypto"], market="crypto")
        for table in TABLES:
            assert current(lake, table).equals(current(at_once, table)), table
