"""The simulated coin markets that several tests look at, each made and read once a process."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache

import polars as pl

from pipelines.simulate.coins import SimulatedCoins, simulate_coins, small
from pipelines.sources import deribit_responses
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.page import NOTHING_DECLARED

_CHAIN, _METHOD_WITHIN = b"get_book_summary", 120


@lru_cache(maxsize=1)
def small_coins() -> SimulatedCoins:
    return simulate_coins(2, small())


@lru_cache(maxsize=1)
def coin_week() -> SimulatedCoins:
    return simulate_coins(2)


@lru_cache(maxsize=64)
def lines_of(data: bytes) -> tuple[bytes, ...]:
    """Header first."""
    return tuple(gzip.decompress(data).splitlines(keepends=True))


def read_back(market: SimulatedCoins, *, every: int = 1) -> dict[str, CoinFile]:
    """Every file through the parser, in order of name; of chains each so manieth visit's, of trades all."""
    return {name: _read(market.files[name], every) for name in sorted(market.files)}


def read_trades(market: SimulatedCoins) -> pl.DataFrame:
    """As all files together tell them, with repeats."""
    read = (_read(market.files[name], 0) for name in sorted(market.files))
    return pl.concat(one.trades for one in read)


def _read(data: bytes, every: int) -> CoinFile:
    kept, seen = [], 0
    for line in lines_of(data):
        is_chain = _CHAIN in line[:_METHOD_WITHIN]
        if not is_chain or (every and seen // 2 % every == 0):
            kept.append(line)
        seen += is_chain
    return deribit_responses.coin_file(b"".join(kept), NOTHING_DECLARED)


def all_of(read: dict[str, CoinFile], kind: str) -> pl.DataFrame:
    return pl.concat(getattr(one, kind) for one in read.values())


def hash_of_contents(files: dict[str, bytes]) -> str:
    """Of what the files say, however a gzip library packs it."""
    told = {name: hashlib.sha256(b"".join(lines_of(files[name]))).hexdigest() for name in sorted(files)}
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in told.items()).encode()).hexdigest()
