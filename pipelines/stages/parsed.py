"""Raw objects as their parsers see them, each parsed once while a run needs it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from threading import Lock
from types import ModuleType

from pipelines import sources, streamed
from pipelines.lake.store import LakeFiles
from pipelines.sources import archive, treasury_par_csv
from pipelines.sources.bars import BarFile
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.page import ChainPage, Declared
from pipelines.sources.reports.report import ReportFile
from pipelines.sources.treasury_par_csv import TreasuryFile

_PARSERS: dict[str, Callable[[bytes, Declared], list[ChainPage]]] = {
    source.NAME: source.pages for source in sources.CHAIN_SOURCES
}
_BAR_PARSERS: dict[str, Callable[[bytes, Declared], BarFile]] = {
    source.NAME: source.bars for source in sources.BAR_SOURCES
}


_MOST_ROWS_HELD = 3_000_000  # some 0.5 GB: sixty pages of a large index, or three days of a whole market
_File = tuple[LakeFiles, str, str, str | None, str | None]
_held: OrderedDict[_File, list[ChainPage]] = OrderedDict()
_MOST_COIN_ROWS_HELD = 2_000_000  # some 0.5 GB: four days of whole chains every ten minutes
_held_coins: OrderedDict[_File, CoinFile] = OrderedDict()
_lock = Lock()


def _content(lake: LakeFiles, raw_sha256: str) -> bytes:
    """What the object holds: of an archive the file inside."""
    return archive.content(lake.raw.get(raw_sha256))


def chain_pages(
    lake: LakeFiles, source: str, raw_sha256: str, underlying: str | None, mapping_sha256: str | None
) -> list[ChainPage]:
    """Every page of a file, read as its owner declared it. The files used last are held, bounded by their rows."""
    file = (lake, source, raw_sha256, underlying, mapping_sha256)
    with _lock:
        if file in _held:
            _held.move_to_end(file)
            return _held[file]
    mapping = None if mapping_sha256 is None else lake.raw.get(mapping_sha256).decode()
    pages = _PARSERS[source](_content(lake, raw_sha256), Declared(underlying=underlying, mapping=mapping))
    with _lock:
        _held[file] = pages
        while len(_held) > 1 and sum(page.rows.height for held in _held.values() for page in held) > _MOST_ROWS_HELD:
            _held.popitem(last=False)
    return pages


def coin_file(
    lake: LakeFiles, source: str, raw_sha256: str, underlying: str | None, mapping_sha256: str | None
) -> CoinFile:
    """What a file of a coin venue holds, whether it is read whole or streamed; held as `chain_pages` holds pages."""
    file = (lake, source, raw_sha256, underlying, mapping_sha256)
    with _lock:
        if file in _held_coins:
            _held_coins.move_to_end(file)
            return _held_coins[file]
    module = _coin_source(source)
    mapping = None if mapping_sha256 is None else lake.raw.get(mapping_sha256).decode()
    declared = Declared(underlying=underlying, mapping=mapping)
    if streamed.is_streamed(module):
        held = streamed.reduced(lake, module, raw_sha256)
    else:
        held = module.coin_file(_content(lake, raw_sha256), declared)
    with _lock:
        _held_coins[file] = held
        while len(_held_coins) > 1 and sum(map(_height, _held_coins.values())) > _MOST_COIN_ROWS_HELD:
            _held_coins.popitem(last=False)
    return held


def _coin_source(name: str) -> ModuleType:
    return next(source for source in sources.COIN_SOURCES if name == source.NAME)


def _height(file: CoinFile) -> int:
    return sum(frame.height for frame in (file.chains, file.trades, file.instruments, file.bars, file.rejected))


def forget() -> None:
    """Read every file anew from now on."""
    with _lock:
        _held.clear()
        _held_coins.clear()


@lru_cache(maxsize=4)
def bar_file(
    lake: LakeFiles, source: str, raw_sha256: str, underlying: str | None, mapping_sha256: str | None
) -> BarFile:
    mapping = None if mapping_sha256 is None else lake.raw.get(mapping_sha256).decode()
    return _BAR_PARSERS[source](_content(lake, raw_sha256), Declared(underlying=underlying, mapping=mapping))


@lru_cache(maxsize=4)
def treasury_file(lake: LakeFiles, raw_sha256: str) -> TreasuryFile:
    return treasury_par_csv.parse(_content(lake, raw_sha256))


@lru_cache(maxsize=8)
def report_file(
    lake: LakeFiles,
    source: str,
    raw_sha256: str,
    underlying: str | None,
    session: str | None,
    exchange: str | None,
    mapping_sha256: str | None,
) -> ReportFile:
    module = next(one for one in sources.REPORT_SOURCES if source == one.NAME)
    mapping = None if mapping_sha256 is None else lake.raw.get(mapping_sha256).decode()
    day = None if session is None else date.fromisoformat(session)
    held: ReportFile = module.report(_content(lake, raw_sha256), Declared(day, underlying, mapping, exchange))
    return held
