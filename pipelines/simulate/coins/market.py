"""The sample market of coin options: files of one exchange's answers, and the truth that none of them shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.simulate.coins import truth
from pipelines.simulate.coins.clock import milliseconds
from pipelines.simulate.coins.declare import CoinScenario
from pipelines.simulate.coins.history import CoinHistory, simulate_coin
from pipelines.simulate.coins.scenarios import WEEK_START, week
from pipelines.simulate.coins.visits import market_files

DEFAULT_SEED = 2


@dataclass(frozen=True, slots=True)
class SimulatedCoins:
    """`files`: bytes by name. `dealer_inventory`: the truth, as `truth.inventory` gives it."""

    scenario: CoinScenario
    files: dict[str, bytes]
    histories: tuple[CoinHistory, ...]
    dealer_inventory: pl.DataFrame


def simulate_coins(seed: int = DEFAULT_SEED, scenario: CoinScenario | None = None) -> SimulatedCoins:
    """The week in memory unless told otherwise; the same seed gives the same bytes."""
    scenario = scenario or week()
    histories = [simulate_coin(coin, scenario, milliseconds(WEEK_START), seed) for coin in scenario.coins]
    files = market_files(scenario, histories, seed)
    return SimulatedCoins(scenario, files, tuple(histories), truth.inventory(scenario, histories))


def write_coin_week(folder: Path, seed: int = DEFAULT_SEED, scenario: CoinScenario | None = None) -> list[Path]:
    """Write the exchange's answers into `folder` and the dealers' true positions below it.

    Returns the paths of the answers in order of name, which is that of time; nothing else is to be loaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    market = simulate_coins(seed, scenario)
    paths = []
    for name in sorted(market.files):
        path = folder / name
        path.write_bytes(market.files[name])
        paths.append(path)
    truth.write_inventory(folder, market.dealer_inventory)
    return paths
