"""How a coin venue's underlyings are called, by whoever follows, asks or reads them; without Polars, for settings."""

from __future__ import annotations

import re

# Coins with options settled in the coin itself, which own its name; their linear ones keep the pair's.
INVERSE = ("BTC", "ETH")
_COIN = re.compile(r"(?=.*[A-Z])[A-Z0-9]{1,12}")
_QUOTES = frozenset({"USDC", "USDT"})


def underlying_of(typed: str) -> str | None:
    """What the lake calls a typed name: SOL for sol_usdc, BTC_USDC for itself; None where it names no underlying."""
    name = typed.strip().upper()
    coin = name.removesuffix("_USDC")
    if not _COIN.fullmatch(coin) or coin in _QUOTES:
        return None
    return name if coin in INVERSE else coin


def root_of(underlying: str) -> str:
    """With what its contracts' names begin: BTC, BTC_USDC, SOL_USDC."""
    return underlying if underlying in INVERSE or "_" in underlying else f"{underlying}_USDC"


def index_of(root: str) -> str:
    """The index on which options of a root settle: btc_usd, sol_usdc."""
    return (root if "_" in root else f"{root}_USD").lower()
