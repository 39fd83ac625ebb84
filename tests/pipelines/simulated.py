"""The simulated markets that several tests look at, each made once a process."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from pipelines.simulate import SimulatedMarket, full, simulate_market
from pipelines.simulate.reports import SimulatedReports, simulate_reports


@lru_cache(maxsize=1)
def small_market() -> SimulatedMarket:
    return simulate_market(2)


@lru_cache(maxsize=1)
def whole_market() -> SimulatedMarket:
    return simulate_market(2, full())


@lru_cache(maxsize=1)
def whole_reports() -> SimulatedReports:
    return simulate_reports(2, full())


def hash_of(files: dict[str, bytes]) -> str:
    listing = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()
