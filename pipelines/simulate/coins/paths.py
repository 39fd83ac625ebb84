"""Where the prices of a coin go: its index minute by minute, and a smile that answers to it every ten minutes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models import synthetic
from models.conventions import Floats
from models.synthetic import Smile
from pipelines.simulate.coins.clock import BUCKET, HOUR, MINUTE, YEAR, Milliseconds
from pipelines.simulate.coins.declare import Coin
from pipelines.simulate.draws import draws

_LEG = 6 * HOUR  # from one anchor to the next
_FORGETS = 0.996  # of a shift of the smile after ten minutes
_LONG_RESPONSE = 6.0  # how much less the long end answers than the short one


@dataclass(frozen=True, slots=True)
class CoinPath:
    """The index at every minute from `start_ms` on, and the smile of every ten minutes."""

    start_ms: int
    minutes: Floats
    smiles: tuple[Smile, ...]
    basis_frac: float

    def index_at(self, at: Milliseconds) -> Floats:
        """To the cent; the first and the last minute hold beyond the ends."""
        grid = self.start_ms + MINUTE * np.arange(self.minutes.size)
        return np.round(np.interp(at, grid, self.minutes), 2)

    def step_of(self, at: Milliseconds) -> Milliseconds:
        return np.clip((at - self.start_ms) // BUCKET, 0, len(self.smiles) - 1)

    def forward_at(self, index: Floats, t_years: Floats) -> Floats:
        """Nearer expiries carry more, and none equals the index. Four decimals."""
        carry = self.basis_frac * (1.0 + 0.6 * np.exp(-6.0 * t_years))
        return np.round(index * np.exp(carry * t_years + 2e-5), 4)


def coin_path(coin: Coin, start_ms: int, seed: int) -> CoinPath:
    shares = np.arange(1, _LEG // MINUTE + 1) / (_LEG // MINUTE)
    # `spots_between` counts in sessions of which a year has 252.
    scaled = coin.volatility_frac * np.sqrt(synthetic.SESSIONS_PER_YEAR * _LEG / YEAR)
    legs = [np.array([coin.anchors[0]])]
    for number, (earlier, later) in enumerate(zip(coin.anchors, coin.anchors[1:], strict=False)):
        uniform = draws(seed, f"{coin.underlying} index {number}", shares.shape)
        legs.append(synthetic.spots_between(earlier, later, shares, scaled, uniform))
    minutes = np.concatenate(legs)
    return CoinPath(start_ms, minutes, _smiles(coin, minutes[:: BUCKET // MINUTE]), coin.basis_frac)


def _smiles(coin: Coin, index: Floats) -> tuple[Smile, ...]:
    shift, found = 0.0, []
    for move in np.diff(np.log(index), prepend=np.log(index[0])).tolist():
        shift = _FORGETS * shift - coin.smile_response * move
        found.append(
            replace(
                coin.smile,
                short_variance=coin.smile.short_variance * float(np.exp(shift)),
                long_variance=coin.smile.long_variance * float(np.exp(shift / _LONG_RESPONSE)),
            )
        )
    return tuple(found)
