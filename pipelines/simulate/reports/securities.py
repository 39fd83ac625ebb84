"""The shares of the sample market: those with options, and made-up ones whose spellings matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from pipelines.simulate.declare import Instrument
from pipelines.simulate.draws import draw

_ODD_SPELLINGS = {
    "NAN": "no missing value",
    "TRUE": "no truth value",
    "ZZB/A": "one class of shares",
    "ZZB/B": "another class",
    "ZZPK": "a common share, and no ZZpK",
    "ZZpK": "a preferred share, and no ZZPK",
    "ZZW/WS": "a warrant",
}
_MADE_UP = tuple(f"ZQ{letter}" for letter in ascii_uppercase)
_OF_FIRST_TIER = frozenset(_MADE_UP[:13])
_LISTED_AT = ("NYSE", "NNM", "ARCA", "AMEX")


@dataclass(frozen=True, slots=True)
class Security:
    """`usual_shares`: of a session, on and off exchange; None for those whose volume the market knows."""

    symbol: str  # as FINRA's daily files spell it
    name: str
    tier: str
    start: float  # price in USD
    usual_shares: float | None
    cusip: str  # of no real security
    market_class: str

    @property
    def is_plain(self) -> bool:
        """Whether the weekly and half-monthly reports have it: preferred shares and warrants are spelled their way."""
        return self.symbol == self.symbol.upper() and not self.symbol.endswith("/WS")


def securities(instruments: Sequence[Instrument], seed: int) -> tuple[Security, ...]:
    """In order of symbol, capitals first."""
    with_options = {one.name: one for one in instruments if one.usual_shares > 0.0}
    names = {name: one.title for name, one in with_options.items()}
    names |= {symbol: f"SIMULATED {symbol}, {what}" for symbol, what in _ODD_SPELLINGS.items()}
    names |= {symbol: f"SIMULATED {symbol} Corp" for symbol in _MADE_UP}
    found = []
    for place, symbol in enumerate(sorted(names)):
        of_market = with_options.get(symbol)
        size, price = draw(seed, f"{symbol} size"), draw(seed, f"{symbol} price")
        found.append(
            Security(
                symbol=symbol,
                name=names[symbol],
                tier="T1" if of_market or symbol in _OF_FIRST_TIER else "T2",
                start=of_market.start if of_market else round(float(np.exp(1.0 + 4.0 * price)), 2),
                usual_shares=None if of_market else float(np.exp(7.0 + 8.0 * size)),
                cusip=f"SIM{place:05d}0",
                market_class=_LISTED_AT[place % len(_LISTED_AT)],
            )
        )
    return tuple(found)
