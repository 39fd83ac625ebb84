"""A week of coin options with a known truth, in the answers of the exchange. No exchange's data is in it."""

from pipelines.simulate.coins.declare import CoinScenario
from pipelines.simulate.coins.market import SimulatedCoins, simulate_coins, write_coin_week
from pipelines.simulate.coins.scenarios import small, week

__all__ = ["CoinScenario", "SimulatedCoins", "simulate_coins", "small", "week", "write_coin_week"]
