"""Where the prices of an instrument go: closes, smiles and the way through each session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from models import synthetic
from models.conventions import Floats
from models.synthetic import Smile
from pipelines.calendar import us_sessions
from pipelines.simulate.declare import Instrument
from pipelines.simulate.draws import draw, draws
from pipelines.simulate.instruments import EVE, MARKET_VOLATILITY_FRAC

_STEP = timedelta(minutes=15)
_OVERNIGHT_SHARE = 0.2  # of the way from close to close that lies behind at the open


@dataclass(frozen=True, slots=True)
class DayPath:
    """One session's prices from the open to the close, every 15 minutes, and the close before."""

    before: float
    instants: tuple[datetime, ...]
    spots: Floats
    smile: Smile

    @property
    def close(self) -> float:
        return float(self.spots[-1])

    def at(self, instant: datetime) -> float:
        return float(self.spots[self.instants.index(instant)])

    def so_far(self, instant: datetime) -> tuple[float, float, float]:
        """Open, highest and lowest price until then."""
        shown = self.spots[: self.instants.index(instant) + 1]
        return float(shown[0]), float(shown.max()), float(shown.min())


def day_paths(instrument: Instrument, days: Sequence[date], seed: int) -> dict[date, DayPath]:
    """By session. The close of the eve of the market is the instrument's start, whatever came before it."""
    market = np.array([draw(seed, f"market {day}") for day in days])
    own = np.array([draw(seed, f"{instrument.name} {day}") for day in days])
    moves = instrument.beta * synthetic.daily_move(market, MARKET_VOLATILITY_FRAC) + synthetic.daily_move(
        own, instrument.own_volatility_frac
    )
    walk = np.concatenate([[0.0], np.cumsum(moves)])
    closes = np.round(instrument.start * np.exp(walk - walk[list(days).index(EVE) + 1]), 2)
    smile, paths = instrument.smile, {}
    for day, before, close, move in zip(days, closes[:-1].tolist(), closes[1:].tolist(), moves.tolist(), strict=True):
        smile = synthetic.smile_after(smile, instrument.smile, move, instrument.smile_response)
        paths[day] = _through_the_day(instrument, day, before, close, smile, seed)
    return paths


def _through_the_day(
    instrument: Instrument, day: date, before: float, close: float, smile: Smile, seed: int
) -> DayPath:
    opened, closed = us_sessions().open_of(day), us_sessions().close_of(day)
    count = (closed - opened) // _STEP
    instants = tuple(opened + place * _STEP for place in range(count + 1))
    shares = _OVERNIGHT_SHARE + (1.0 - _OVERNIGHT_SHARE) * np.arange(count + 1) / count
    # Instruments that go exactly with the market go with it at every hour.
    stream = instrument.name if instrument.own_volatility_frac else "market"
    volatility = float(np.hypot(instrument.beta * MARKET_VOLATILITY_FRAC, instrument.own_volatility_frac))
    uniform = draws(seed, f"{stream} through {day}", shares.shape)
    return DayPath(before, instants, synthetic.spots_between(before, close, shares, volatility, uniform), smile)
