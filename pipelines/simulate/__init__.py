"""A sample market with a known truth, written in the vendors' own file formats. No vendor's data is in it."""

from pipelines.simulate.declare import Scenario
from pipelines.simulate.market import SimulatedMarket, SimulatedPage, simulate_market, truth_json, write_market
from pipelines.simulate.scenarios import full, small

__all__ = [
    "Scenario", "SimulatedMarket", "SimulatedPage", "full", "simulate_market", "small", "truth_json", "write_market",
]  # fmt: skip
