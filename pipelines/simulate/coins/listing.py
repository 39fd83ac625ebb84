"""Which contracts exist when: expiries that were there before, and dailies listed every morning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from models.conventions import Bools, Floats
from pipelines.simulate.coins.clock import DAY, HOUR, Milliseconds, milliseconds
from pipelines.simulate.coins.declare import EXPIRY_HOUR, Coin, CoinScenario
from pipelines.simulate.coins.paths import CoinPath
from pipelines.simulate.draws import draws

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LISTED_BEFORE_DAYS = 21
_IRREGULAR_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Listed:
    """Strikes of one expiry that were listed together."""

    day: date
    listed_ms: int
    strikes: tuple[float, ...]
    activity: float
    late_share: float
    has_future: bool


@dataclass(frozen=True, slots=True)
class CoinContracts:
    """Arrays over all contracts of a coin that exist at any time of the scenario, by expiry, strike and type."""

    names: tuple[str, ...]
    future_names: tuple[str, ...]  # `underlying_index` of each
    expiry_ms: Milliseconds
    listed_ms: Milliseconds
    strike: Floats
    is_call: Bools
    activity: Floats
    is_late: Bools
    is_regular: Bools  # only dealers answer customers here

    def alive_at(self, at: int) -> Bools:
        return np.asarray((self.listed_ms <= at) & (at < self.expiry_ms))

    def place_of(self, day: date, strike: float, *, is_call: bool) -> int | None:
        same = (self.expiry_ms == expiry_of(day)) & (self.strike == strike) & (self.is_call == is_call)
        return int(np.argmax(same)) if same.any() else None


def expiry_of(day: date) -> int:
    return milliseconds(datetime(day.year, day.month, day.day, EXPIRY_HOUR))


def day_name(day: date) -> str:
    return f"{day.day}{_MONTHS[day.month - 1]}{day:%y}"


def strike_name(strike: float) -> str:
    return f"{strike:.0f}" if strike == round(strike) else f"{strike:g}".replace(".", "d")


def list_coin_contracts(coin: Coin, scenario: CoinScenario, path: CoinPath, seed: int) -> CoinContracts:
    start, end = milliseconds(scenario.start), milliseconds(scenario.end)
    expiries = [one for one in (*_declared(coin, start), *_dailies(coin, scenario, path)) if expiry_of(one.day) > start]
    of = sorted(
        ((one, strike, is_call) for one in expiries if one.listed_ms < end
         for strike in one.strikes for is_call in (True, False)),
        key=lambda row: (row[0].day, row[1], not row[2]),
    )  # fmt: skip
    late, irregular = draws(seed, f"{coin.underlying} contracts", (2, len(of)))
    is_listed_before = np.array([one.listed_ms <= start for one, _, _ in of])
    futures = [f"{coin.root}-{day_name(one.day)}" for one, _, _ in of]
    return CoinContracts(
        names=tuple(f"{name}-{strike_name(strike)}-{'C' if is_call else 'P'}"
                    for name, (_, strike, is_call) in zip(futures, of, strict=True)),
        future_names=tuple(name if one.has_future else f"SYN.{name}"
                           for name, (one, _, _) in zip(futures, of, strict=True)),
        expiry_ms=np.array([expiry_of(one.day) for one, _, _ in of]),
        listed_ms=np.array([one.listed_ms for one, _, _ in of]),
        strike=np.array([strike for _, strike, _ in of]),
        is_call=np.array([is_call for _, _, is_call in of]),
        activity=np.array([one.activity for one, _, _ in of]),
        is_late=is_listed_before & (late < np.array([one.late_share for one, _, _ in of])),
        is_regular=irregular >= _IRREGULAR_SHARE,
    )  # fmt: skip


def _declared(coin: Coin, start: int) -> list[Listed]:
    before = start - _LISTED_BEFORE_DAYS * DAY + EXPIRY_HOUR * HOUR
    return [
        Listed(
            one.day,
            before if one.listed_ts is None else milliseconds(one.listed_ts),
            one.strikes,
            one.activity,
            one.late_share,
            one.has_future,
        )
        for one in coin.expiries
    ]


def _dailies(coin: Coin, scenario: CoinScenario, path: CoinPath) -> list[Listed]:
    """Every day without a declared expiry has one of its own, and more strikes every morning as the coin moves on."""
    taken = {one.day for one in coin.expiries}
    rule, found = coin.dailies, []
    for ahead in range(scenario.days + rule.days_ahead + 1):
        day = scenario.first_day + timedelta(days=ahead)
        strikes: list[float] = []
        for mornings in range(rule.days_ahead, 0, -1) if day not in taken else ():
            listed = expiry_of(day) - mornings * DAY
            spot = float(path.index_at(np.array([listed]))[0])
            centre = rule.centre_step * round(spot / rule.centre_step)
            new = [
                strike
                for strike in (centre + offset for offset in rule.offsets)
                if min((abs(strike - other) for other in strikes), default=np.inf) >= rule.least_distance
            ]
            strikes += new
            found.append(Listed(day, listed, tuple(new), rule.activity, 0.0, has_future=False))
    return found
