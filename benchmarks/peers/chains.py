"""Chains as an index has them, made from a seed: exact volatilities, their prices, and quotes on ticks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MINUTES_A_YEAR = 365.0 * 24 * 60
_LEAST_MINUTES, _SESSION_MINUTES = 15.0, 390.0
_DIVIDEND = 0.013
_DAYS_AHEAD = np.concatenate(
    [np.arange(1, 15), np.arange(16, 60, 3), np.arange(63, 400, 28), np.arange(420, 1826, 91)]
).astype(float)


@dataclass(frozen=True, slots=True)
class Chain:
    """Contracts, one entry each: USD, years of 365 days, continuous rates and volatility as fractions.

    `price` belongs to `iv_frac` exactly, up to its rounding; `mid` lies between quotes on ticks, as a vendor states it.
    """

    spot: Floats
    strike: Floats
    t_years: Floats
    rate: Floats
    dividend: Floats
    iv_frac: Floats
    is_call: Bools
    price: Floats
    mid: Floats
    open_interest: Floats

    @property
    def size(self) -> int:
        """How many contracts."""
        return int(self.spot.size)

    @property
    def forward(self) -> Floats:
        """What peers call F."""
        return self.spot * np.exp((self.rate - self.dividend) * self.t_years)

    @property
    def discount_factor(self) -> Floats:
        """What peers call D."""
        return np.exp(-self.rate * self.t_years)

    def take(self, rows: npt.NDArray[np.intp] | Bools | slice) -> Chain:
        """Some of the contracts, contiguous."""
        return Chain(*(np.ascontiguousarray(getattr(self, field.name)[rows]) for field in fields(self)))

    def runs(self) -> list[slice]:
        """Stretches of contracts that share spot, expiry and side: what peers want that take them as one number."""
        keys = (self.spot, self.t_years, self.rate, self.is_call)
        starts = np.flatnonzero(np.any([key[1:] != key[:-1] for key in keys], axis=0)) + 1
        bounds = [0, *starts.tolist(), self.size]
        return [slice(start, end) for start, end in pairwise(bounds)]


def make_chain(contracts: int = 400_000, days: int = 20, seed: int = 20261121) -> Chain:
    """About so many contracts over `days` sessions, sorted by day, expiry, side and strike."""
    draw = np.random.default_rng(seed)
    pieces, spot = [], 5800.0
    for today in np.linspace(_LEAST_MINUTES, _SESSION_MINUTES, days):
        spot *= float(np.exp(0.01 * draw.standard_normal()))
        pieces.append(_day(spot, float(today), contracts // (2 * days), draw))
    return Chain(*(np.concatenate([getattr(piece, field.name) for piece in pieces]) for field in fields(Chain)))


def solvable(chain: Chain) -> Chain:
    """The contracts whose mid has a volatility: above intrinsic value and below its bound, by more than rounding."""
    present, strike = chain.discount_factor * chain.forward, chain.discount_factor * chain.strike
    intrinsic = np.maximum(np.where(chain.is_call, present - strike, strike - present), 0.0)
    bound = np.where(chain.is_call, present, strike)
    return chain.take((chain.mid > intrinsic + 1e-9 * chain.spot) & (chain.mid < bound * (1 - 1e-9)))


def _day(spot: float, today: float, pairs: int, draw: np.random.Generator) -> Chain:
    """One snapshot, `today` minutes before the expiry of its own day; the others are whole days farther."""
    years = np.concatenate([[today], today + _DAYS_AHEAD * 1440.0]) / MINUTES_A_YEAR
    near = 1.0 / np.sqrt(1.0 + np.abs(np.log((years * 365 + 3.0) / 40.0)))  # most strikes a month or two ahead
    counts = np.maximum(np.rint(near / near.sum() * pairs).astype(int), 20)
    level = 0.01 * draw.standard_normal()
    return _joined([_expiry(spot, float(t), int(n), level, draw) for t, n in zip(years, counts, strict=True)])


def _expiry(spot: float, t_years: float, count: int, level: float, draw: np.random.Generator) -> Chain:
    rate = 0.043 - 0.004 * min(t_years, 2.0)
    forward = spot * np.exp((rate - _DIVIDEND) * t_years)
    reach = min(1.3 * np.sqrt(t_years + 0.01) + 0.02, 1.6)
    low, high = max(200.0, spot * np.exp(-1.6 * reach)), min(12_000.0, spot * np.exp(0.9 * reach))
    strike = np.unique(np.rint(np.linspace(low, high, count) / 5.0) * 5.0)
    root_t = np.sqrt(t_years)
    base = max(0.13 + 0.05 * np.sqrt(t_years / (t_years + 0.5)) + level, 0.08)
    depth = np.log(strike / forward) / np.sqrt(t_years + 0.004)
    smile = 1.0 - 0.75 * np.tanh(1.2 * depth) + 0.9 * depth**2 / (1.0 + 0.12 * np.abs(depth))
    iv = np.clip(base * np.sqrt(np.clip(smile, 0.25, 60.0)), 0.06, 3.5)
    total = iv * root_t
    d1 = np.log(forward / strike) / total + 0.5 * total
    interest = 2.0 + 600.0 * np.exp(-0.5 * (depth / 1.5) ** 2)
    sides = []
    for sign in (1.0, -1.0):
        value = np.exp(-rate * t_years) * sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - total)))
        price = np.maximum(value, 0.0)
        every = {"spot": spot, "t_years": t_years, "rate": rate, "dividend": _DIVIDEND}
        sides.append(
            Chain(
                **{name: np.full(strike.size, number) for name, number in every.items()}, strike=strike, iv_frac=iv,
                is_call=np.full(strike.size, sign > 0), price=price, mid=_mid(price),
                open_interest=1.0 + draw.poisson(interest * draw.uniform(0.0, 4.0, strike.size)),
            )
        )  # fmt: skip
    return _joined(sides)


def _mid(price: Floats) -> Floats:
    """Between a bid and an ask on ticks of five cents, ten from three dollars on."""
    tick = np.where(price < 3.0, 0.05, 0.10)
    half = np.maximum(tick / 2, 0.02 + 0.004 * price)
    bid = np.maximum(np.floor((price - half) / tick) * tick, 0.0)
    ask = np.ceil((price + half) / tick) * tick
    return np.asarray(0.5 * (bid + ask), dtype=np.float64)


def _joined(chains: list[Chain]) -> Chain:
    return Chain(*(np.concatenate([getattr(chain, field.name) for chain in chains]) for field in fields(Chain)))
