"""Raw objects as their parsers see them, each parsed once while a run needs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from pipelines.lake.store import Lake
from pipelines.sources import cboe_quotedata_csv, treasury_par_csv
from pipelines.sources.page import ChainPage
from pipelines.sources.treasury_par_csv import TreasuryFile

_PARSERS: dict[str, Callable[[bytes], ChainPage]] = {source.NAME: source.parse for source in (cboe_quotedata_csv,)}


@lru_cache(maxsize=12)
def chain_page(lake: Lake, source: str, raw_sha256: str) -> ChainPage:
    return _PARSERS[source](lake.raw.get(raw_sha256))


@lru_cache(maxsize=4)
def treasury_file(lake: Lake, raw_sha256: str) -> TreasuryFile:
    return treasury_par_csv.parse(lake.raw.get(raw_sha256))
