"""Declarations of the markets: calendars, roots, settlement, carry and the default dealer model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

STANDARD_MULTIPLIER = 100.0  # units of the underlying a US contract


@dataclass(frozen=True, slots=True)
class Root:
    """How the contracts under one option root settle."""

    underlying: str
    settlement: str = "pm"
    exercise: str = "american"
    multiplier: float = STANDARD_MULTIPLIER
    is_standard: bool = True


@dataclass(frozen=True, slots=True)
class Underlying:
    """What the numbers need to know of an underlying beyond its chain."""

    default_carry_frac: float = 0.0  # q where neither quotes nor an earlier session give one
    has_smooth_carry: bool = True  # VIX options follow their own futures: no common carry
    spot_rule: Literal["parity_checked", "vendor"] = "parity_checked"  # whether parity may overrule the vendor's last
    monthly_rule: Literal["third_friday", "vix"] = "third_friday"


@dataclass(frozen=True, slots=True)
class Market:
    name: str
    venue: str
    default_dealer_model: str
    default_model_rule: str
    source_precedence: tuple[str, ...]
    # Markets that never close count UTC days; the others sessions of an exchange.
    is_always_open: bool = False
    trade_sources: tuple[str, ...] = ()


US = Market(
    name="us",
    venue="us_options",
    default_dealer_model="calls_long_puts_short",
    default_model_rule="the only model that needs no trades, the industry's common heuristic",
    trade_sources=("mapped_trades",),
    source_precedence=(
        "cboe_delayed_json",  # states its own quote time and every contract's volume and open interest
        "cboe_quotedata_csv",
        "cboe_datashop_eod",
        "deltaneutral_eod",
        "mapped_chain",
        "optionsdx_eod",  # neither open interest nor roots
    ),
)
CRYPTO = Market(
    name="crypto",
    venue="deribit",
    default_dealer_model="taker_flow",
    default_model_rule=(
        "the venue publishes the taker's side; calls_long_puts_short where trades since listing are not complete"
    ),
    source_precedence=(
        "deribit_chain",  # one answer for the whole chain
        "tardis_chain",
        "mapped_coin_chain",
        "optionsdx_coin",
    ),
    is_always_open=True,
    trade_sources=("deribit_trades", "tardis_trades", "mapped_trades"),
)
MARKETS = {market.name: market for market in (US, CRYPTO)}

_EUROPEAN_INDEX_ROOTS = {
    "SPX": ("SPX", "am"), "SPXW": ("SPX", "pm"), "XSP": ("XSP", "pm"),
    "NDX": ("NDX", "am"), "NDXP": ("NDX", "pm"),
    "RUT": ("RUT", "am"), "RUTW": ("RUT", "pm"),
    "VIX": ("VIX", "am"), "VIXW": ("VIX", "am"),
    "DJX": ("DJX", "am"),
}  # fmt: skip

_LARGE_CAP_CARRY, _NASDAQ_CARRY = 0.015, 0.007
_UNDERLYINGS = {
    **{name: Underlying(_LARGE_CAP_CARRY) for name in ("SPX", "XSP", "RUT", "DJX", "SPY", "VOO", "IVV", "IWM", "DIA")},
    **{name: Underlying(_NASDAQ_CARRY) for name in ("NDX", "QQQ")},
    "VIX": Underlying(has_smooth_carry=False, spot_rule="vendor", monthly_rule="vix"),
}

# Adjusted series carry a digit before or behind the root of their underlying (1NVDA, SPY1).
_ADJUSTED = re.compile(r"^\d*([A-Z][A-Z.]*?)\d*$")


def root_of(root: str) -> Root:
    """The declaration of an option root; an unknown one is an equity of its own name, PM settled and American."""
    if root in _EUROPEAN_INDEX_ROOTS:
        underlying, settlement = _EUROPEAN_INDEX_ROOTS[root]
        return Root(underlying, settlement, "european")
    adjusted = _ADJUSTED.match(root)
    if adjusted is None or adjusted[1] == root:
        return Root(root)
    base = root_of(adjusted[1])
    return Root(base.underlying, base.settlement, base.exercise, base.multiplier, is_standard=False)


def underlying_of(name: str) -> Underlying:
    return _UNDERLYINGS.get(name, Underlying())
