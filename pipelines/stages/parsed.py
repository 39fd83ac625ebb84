"""Raw objects as their parsers see them, each parsed once while a run needs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from pipelines import sources
from pipelines.lake.store import Lake
from pipelines.sources import treasury_par_csv
from pipelines.sources.bars import BarFile
from pipelines.sources.page import ChainPage, Declared
from pipelines.sources.treasury_par_csv import TreasuryFile

_PARSERS: dict[str, Callable[[bytes, Declared], list[ChainPage]]] = {
    source.NAME: source.pages for source in sources.CHAIN_SOURCES
}
_BAR_PARSERS: dict[str, Callable[[bytes, Declared], BarFile]] = {
    source.NAME: source.bars for source in sources.BAR_SOURCES
}


@lru_cache(maxsize=12)
def chain_pages(
    lake: Lake, source: str, raw_sha256: str, underlying: str | None, mapping_sha256: str | None
) -> list[ChainPage]:
    """Every page of a file, read as its owner declared it."""
    mapping = None if mapping_sha256 is None else lake.raw.get(mapping_sha256).decode()
    return _PARSERS[source](lake.raw.get(raw_sha256), Declared(underlying=underlying, mapping=mapping))


@lru_cache(maxsize=4)
def bar_file(lake: Lake, source: str, raw_sha256: str, underlying: str | None, mapping_sha256: str | None) -> BarFile:
    mapping = None if mapping_sha256 is None else lake.raw.get(mapping_sha256).decode()
    return _BAR_PARSERS[source](lake.raw.get(raw_sha256), Declared(underlying=underlying, mapping=mapping))


@lru_cache(maxsize=4)
def treasury_file(lake: Lake, raw_sha256: str) -> TreasuryFile:
    return treasury_par_csv.parse(lake.raw.get(raw_sha256))
