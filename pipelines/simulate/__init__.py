"""A small sample market with a known truth, written in the vendors' own file formats. No vendor's data is in it."""

from pipelines.simulate.market import SimulatedMarket, SimulatedPage, simulate_market, truth_json, write_market

__all__ = ["SimulatedMarket", "SimulatedPage", "simulate_market", "truth_json", "write_market"]
