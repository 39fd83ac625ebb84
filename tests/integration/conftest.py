"""A fresh lake for each test, and the files of the sample market."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths
from pipelines.simulate import write_market
from pipelines.warehouse.publish import publish
from tests.integration.coin_lakes import CoinLake, derive_coins, load_coins
from tests.integration.spine import derive, land
from tests.pipelines.simulated_coins import small_coins


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, market: list[Path]) -> Path:
    """A data folder to be copied: two sessions of one underlying, one with a second page, and curves; published."""
    data = tmp_path_factory.mktemp("published") / "data"
    with opened(Paths(data)) as lake, lake.writing():
        wanted = ("spy_quotedata_2024-06-17", "spy_quotedata_2024-06-18", "treasury")
        land(lake, [path for path in market if any(name in path.name for name in wanted)])
        derive(lake)
        export_catalogue(lake)
    publish(Paths(data))
    return data


@pytest.fixture
def kept(published: Path, tmp_path: Path) -> Iterator[Lake]:
    """A copy of that folder, to be spoiled."""
    shutil.copytree(published, tmp_path / "data")
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


@pytest.fixture(scope="session")
def coins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoinLake]:
    """Two days of two coins, their chains every hour."""
    folder, market = tmp_path_factory.mktemp("coins"), small_coins()
    for name, data in market.files.items():
        (folder / name).write_bytes(data)
    with opened(Paths(folder / "data")) as lake:
        load_coins(lake, [folder / name for name in sorted(market.files)])
        derive_coins(lake)
        yield CoinLake(lake, market)
