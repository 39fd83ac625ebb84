"""Small simulated coin markets for the integration tests: their bundles cut and joined, and what comes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from pipelines.lake.store import Lake
from pipelines.load import Loaded
from pipelines.materialise import bring_up_to_date
from pipelines.simulate.coins import SimulatedCoins, simulate_coins, small
from pipelines.simulate.coins.declare import CoinScenario
from pipelines.sources.deribit_bundle import pack, unpack
from pipelines.stages.spine import SPINES
from pipelines.tables import TABLES
from tests.integration.spine import NOW, current, land

COIN_TABLES = tuple(
    sorted({table for stage in SPINES["crypto"] for table in stage.outputs} | {"instruments", "trade_holes"})
)
_LINEAGE = ("raw_sha256",)


@dataclass(frozen=True, slots=True)
class CoinLake:
    """A lake with everything computed, and the hidden truth behind it."""

    lake: Lake
    market: SimulatedCoins


def tiny(days: int = 2, hourly_hours: int = 0, visit_minutes: int = 120) -> CoinScenario:
    """One inverse coin in a dozen contracts."""
    bitcoin = small().coins[0]
    quarter, weekly = bitcoin.expiries[0], bitcoin.expiries[1]
    few = replace(
        bitcoin,
        expiries=(replace(quarter, strikes=(60_000.0, 65_000.0, 70_000.0)), replace(weekly, strikes=(65_000.0,))),
        dailies=replace(bitcoin.dailies, offsets=(0.0,)),
    )
    return replace(small(), days=days, hourly_hours=hourly_hours, visit_minutes=visit_minutes, coins=(few,))


@lru_cache(maxsize=4)
def tiny_market(days: int = 2, hourly_hours: int = 0, visit_minutes: int = 120) -> SimulatedCoins:
    return simulate_coins(2, tiny(days, hourly_hours, visit_minutes))


def lines_of(bundle: bytes) -> list[str]:
    """The responses and claims of a bundle, without its header."""
    return [line.decode() for line in list(unpack(bundle))[1:]]


def all_lines(market: SimulatedCoins) -> list[str]:
    """Of all bundles, in order of capture."""
    return [line for name in sorted(market.files) for line in lines_of(market.files[name])]


def captured_at(line: str) -> datetime:
    return datetime.fromisoformat(json.loads(line)["captured_at"].removesuffix("Z"))


def is_about_trades(line: str) -> bool:
    """An answer with trades, or the claim that they are all there."""
    told = json.loads(line)
    return "claim" in told or told["method"].startswith("public/get_last_trades")


def bundles(folder: Path, lines: Iterable[str], name: str = "%Y-%m-%dT%H") -> list[Path]:
    """Files of the lines, those whose instant of capture is written alike in one; in order of capture."""
    folder.mkdir(parents=True, exist_ok=True)
    gathered: dict[str, list[str]] = {}
    for line in sorted(lines, key=captured_at):
        gathered.setdefault(f"{captured_at(line):{name}}", []).append(line)
    paths = []
    for stem, found in gathered.items():
        path = folder / f"{stem}.ndjson.gz"
        path.write_bytes(pack(found))
        paths.append(path)
    return paths


def load_coins(lake: Lake, files: Iterable[Path]) -> list[Loaded]:
    loaded = land(lake, files)
    assert [one.reason for one in loaded if one.fate == "refused"] == []
    return loaded


def derive_coins(lake: Lake, until: datetime | None = None) -> int:
    """Computes what is owed, of which nothing may be refused; how many versions are new."""
    reports = bring_up_to_date(lake, SPINES["crypto"], market="crypto", until=until)
    assert [(report.stage, *refused) for report in reports for refused in report.refused] == []
    return sum(len(report.written) for report in reports)


def facts(lake: Lake, known_at: datetime = NOW, tables: Iterable[str] = COIN_TABLES) -> dict[str, pl.DataFrame]:
    """Every table as known at an instant, without the columns that say from which file a row is."""
    found = {}
    for table in tables:
        known = [v for v in lake.catalogue.versions([table]) if v.known_at <= known_at]
        if known:
            frame = current(lake, table, known_at).drop(*_LINEAGE, strict=False)
            found[table] = frame.sort("session_date", "part", *TABLES[table].key)
    return {table: frame for table, frame in found.items() if frame.height}


def assert_same(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> None:
    assert left.keys() == right.keys()
    for table, frame in left.items():
        try:
            assert_frame_equal(frame, right[table], check_exact=True)
        except AssertionError as error:
            raise AssertionError(f"{table}: {error}") from None


def largest(values: pl.Series) -> float:
    """Of their sizes; NaN, which is less than nothing, where one is null."""
    return float(np.abs(values.to_numpy()).max())
