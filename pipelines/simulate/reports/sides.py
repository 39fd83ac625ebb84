"""Who bought and sold each contract in one session, exchange by exchange, as the true positions demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from models.conventions import Floats, Ints
from pipelines.simulate.draws import draws
from pipelines.simulate.history import History

# Whoever is no market maker, in the words of open-close files, with their share of the trades with market makers and
# among each other. Customers and professionals clear as customers (C), firms and broker-dealers as firms (F).
_PARTIES = {
    "firm": (0.10, 0.22),
    "bd": (0.04, 0.06),
    "cust_lt_100": (0.34, 0.20),
    "cust_100_199": (0.10, 0.12),
    "cust_gt_199": (0.24, 0.26),
    "procust_lt_100": (0.09, 0.06),
    "procust_100_199": (0.04, 0.03),
    "procust_gt_199": (0.05, 0.05),
}
PARTIES = tuple(_PARTIES)
EFFECTS, DIRECTIONS = ("open", "close"), ("buy", "sell")
_OPEN, _CLOSE, _BUY, _SELL = 0, 1, 0, 1
_IS_FIRM = np.array([party in {"firm", "bd"} for party in PARTIES])
_WITH_MAKERS, _AMONG = np.array(list(_PARTIES.values())).T
_AMONG_MAKERS = 0.2  # of what is bought and sold again

HOME = "CBOE"  # of the index, whose options trade nowhere else
EXCHANGES = {
    HOME: 0.17, "C2": 0.03, "AMEX": 0.09, "ARCA": 0.11, "BATS": 0.06, "BOX": 0.07, "EDGX": 0.06, "ISE": 0.09,
    "MIAX": 0.09, "MPRL": 0.05, "NSDQ": 0.06, "PHLX": 0.12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sides:
    """One underlying's session in contracts. Last axes: exchange, contract."""

    exchanges: tuple[str, ...]
    places: Ints  # of the contracts that traded, among all
    volume: Floats
    makers: Floats  # by direction
    parties: Floats  # by party, effect, direction

    def cleared(self, code: str) -> Floats:
        """Sides cleared in accounts of a kind: C, F or M."""
        if code == "M":
            return np.asarray(self.makers.sum(axis=0))
        return np.asarray(self.parties[(code == "F") == _IS_FIRM].sum(axis=(0, 1, 2)))


def sides_of(history: History, day: date, seed: int) -> Sides:
    """The same seed gives the same sides. Market makers' bought less sold is the change of the dealers' position."""
    name, traded = history.instrument.name, history.sessions[day].traded
    places = np.flatnonzero(traded.volume > 0.0)
    among = traded.among_customers[places]
    dealt = traded.with_dealers[:, places]
    again = traded.volume[places] - dealt.sum(axis=0) - np.abs(among)
    wholes = np.vstack([dealt, np.abs(among), again])
    weights = {HOME: 1.0} if history.instrument.security_type == "index" else EXCHANGES
    count = len(weights)
    lots = draws(seed, f"{name} exchanges {day}", wholes.shape)
    shared = split(wholes, np.array(list(weights.values())), lots)  # exchange, kind, contract
    dealt, among_size, again = shared[:, :4].swapaxes(0, 1), shared[:, 4], shared[:, 5]
    uniform = draws(seed, f"{name} parties {day}", (8, count, places.size))

    parties = np.zeros((len(PARTIES), 2, 2, count, places.size))
    with_makers = split(dealt, _WITH_MAKERS, uniform[:4])
    for kind, (effect, direction) in enumerate(((_OPEN, _BUY), (_OPEN, _SELL), (_CLOSE, _SELL), (_CLOSE, _BUY))):
        parties[:, effect, direction] += with_makers[:, kind]
    effect_among = np.where(among > 0.0, _OPEN, _CLOSE)
    for direction in (_BUY, _SELL):
        divided = split(among_size, _AMONG, uniform[4 + direction])
        for effect in (_OPEN, _CLOSE):
            parties[:, effect, direction] += np.where(effect_among == effect, divided, 0.0)

    among_makers = np.floor(_AMONG_MAKERS * again)
    among_makers += (again - among_makers) % 2.0
    there_and_back = (again - among_makers) / 2.0
    first_long = np.floor(uniform[6] * there_and_back)
    for first, last, amount in ((_BUY, _SELL, first_long), (_SELL, _BUY, there_and_back - first_long)):
        divided = split(amount, _WITH_MAKERS, uniform[7])
        parties[:, _OPEN, first] += divided
        parties[:, _CLOSE, last] += divided

    bought = dealt[1] + dealt[2] + there_and_back + among_makers
    sold = dealt[0] + dealt[3] + there_and_back + among_makers
    return Sides(tuple(weights), places, shared.sum(axis=1), np.array([bought, sold]), parties)


def split(whole: Floats, weights: Floats, uniform: Floats) -> Floats:
    """Whole numbers that add up to `whole`, a first axis over `weights`; `uniform` says which way each is rounded."""
    reached = (np.cumsum(weights) / weights.sum()).reshape(-1, *(1,) * np.ndim(whole))
    steps = np.floor(reached * whole + 0.999 * uniform)
    steps[-1] = whole
    return np.diff(steps, axis=0, prepend=0.0)
