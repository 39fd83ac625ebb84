"""What somebody orders, when, in which contract, and who answers: everything that is left to chance about trades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
from scipy.special import ndtri

from models import synthetic
from models.conventions import Floats
from pipelines.simulate.coins.clock import DAY, HOUR, YEAR, instant_of, milliseconds
from pipelines.simulate.coins.declare import Coin, CoinScenario, OrderKind, Programme, Sprinkle
from pipelines.simulate.coins.listing import CoinContracts
from pipelines.simulate.coins.paths import CoinPath
from pipelines.simulate.draws import draws

KINDS: tuple[OrderKind, ...] = get_args(OrderKind)
ASSUMED_KINDS = ("screen", "combo", "block", "block_rfq", "liquidated_taker")  # dealers answer customers
BLOCK_KINDS = ("block", "block_rfq", "among_dealers", "makers_side")
_BREADTH = 1.5  # of the strikes that are traded
_LEAST_YEARS = 0.25 / 365
_COMBOS, _AMONG_CUSTOMERS = 0.05, 0.25  # of the orders as they come, cumulated; the latter in irregular contracts
_TWO_LEGS = 0.4  # of the blocks that have two
_SEVERAL_FILLS = 0.14
_BUSY_START_HOURS, _BUSY_START = 14, 2.4  # contracts that nobody held yet are bought and sold more at first
_WEEKEND = 0.55


class Order(NamedTuple):
    """One order as it is carried out at one instant. `second`: the other leg's contract, or -1."""

    at: int
    place: int
    second: int
    kind: OrderKind
    buys: bool
    units: int
    fills: int
    closes: float  # uniform: below the customers' share, it closes what they hold
    price: float  # uniform: where between the quotes


@dataclass(frozen=True, slots=True)
class _Floor:
    """Everything that orders are drawn from."""

    coin: Coin
    scenario: CoinScenario
    path: CoinPath
    contracts: CoinContracts
    seed: int

    def draws(self, stream: str, shape: tuple[int, ...]) -> Floats:
        return draws(self.seed, f"{self.coin.underlying} {stream}", shape)

    def weights(self, at: int) -> Floats:
        """How much each contract is traded then; 0 where it is not listed."""
        contracts = self.contracts
        weight = synthetic.interest_weight(
            contracts.is_call,
            contracts.strike,
            float(self.path.index_at(np.array([at]))[0]),
            np.maximum((contracts.expiry_ms - at) / YEAR, _LEAST_YEARS),
            round_step=self.coin.round_step,
            breadth=_BREADTH,
        )
        return np.where(contracts.alive_at(at), (0.02 + weight) * contracts.activity, 0.0)

    def chosen(self, at: int, uniform: Floats, *, is_regular: bool = True) -> list[int]:
        """Contracts by their weight; irregular ones only, where asked; none where none is listed."""
        cumulated = np.cumsum(np.where(is_regular | ~self.contracts.is_regular, self.weights(at), 0.0))
        if cumulated[-1] <= 0.0:
            return []
        places: list[int] = np.searchsorted(cumulated, uniform * cumulated[-1], side="right").tolist()
        return places


def draw_orders(coin: Coin, scenario: CoinScenario, path: CoinPath, contracts: CoinContracts, seed: int) -> list[Order]:
    """In order of time. One stands exactly on every midnight, where a day begins and a bucket too."""
    floor = _Floor(coin, scenario, path, contracts, seed)
    start, end = milliseconds(scenario.start), milliseconds(scenario.end)
    orders = [order for hour in range(start, end, HOUR) for order in _of_hour(floor, hour)]
    for number, programme in enumerate(coin.programmes):
        orders += _programme(floor, programme, number)
    for number, sprinkle in enumerate(coin.sprinkles):
        orders += _sprinkle(floor, sprinkle, number)
    orders.sort(key=lambda order: order.at)
    for midnight in range(start + DAY, end, DAY):
        place = next(place for place, order in enumerate(orders) if order.at >= midnight)
        orders[place] = orders[place]._replace(at=midnight)
    return orders


def _of_hour(floor: _Floor, hour: int) -> Iterator[Order]:
    coin, start = floor.coin, milliseconds(floor.scenario.start)
    season = 1.0 + 0.45 * np.sin((hour % DAY / DAY - 0.35) * 2.0 * np.pi)  # most in the afternoon
    season *= _WEEKEND if instant_of(hour).weekday() >= 5 else 1.0
    season *= _BUSY_START if hour < start + _BUSY_START_HOURS * HOUR else 1.0
    count = int(coin.orders_an_hour * season)
    uniform = floor.draws(f"orders {hour}", (9, count))
    places = floor.chosen(hour, uniform[0])
    times = hour + np.floor(HOUR * uniform[1]).astype(np.int64)
    units = 1 + np.floor(coin.usual_coins / coin.unit_coins * np.exp(0.9 * ndtri(uniform[2]))).astype(np.int64)
    is_call = floor.contracts.is_call[places]
    buys = uniform[3] < np.where(is_call, coin.customers.buys_calls, coin.customers.buys_puts)
    fills = np.where(uniform[4] < _SEVERAL_FILLS, 2 + np.floor(3.0 * uniform[4] / _SEVERAL_FILLS), 1).astype(np.int64)
    for at, place, amount, does_buy, parts, kind, other, closes, price in zip(
        times.tolist(), places, units.tolist(), buys.tolist(), fills.tolist(),
        uniform[5].tolist(), uniform[6].tolist(), uniform[7].tolist(), uniform[8].tolist(), strict=True,
    ):  # fmt: skip
        second = _second_leg(floor.contracts, at, place, other) if kind < _COMBOS else -1
        is_among = _COMBOS <= kind < _AMONG_CUSTOMERS and not floor.contracts.is_regular[place]
        named: OrderKind = "combo" if second >= 0 else "among_customers" if is_among else "screen"
        yield Order(at, place, second, named, does_buy, amount, 1 if second >= 0 else parts, closes, price)


def _second_leg(contracts: CoinContracts, at: int, place: int, uniform: float) -> int:
    """A strike further out of the same expiry and type, or the other type of the same strike; -1 for none."""
    is_call = bool(contracts.is_call[place])
    further = place + 2 if is_call else place - 2
    if uniform < 0.3:
        return place + 1 if is_call else place - 1
    if not 0 <= further < len(contracts.names):
        return -1
    is_listed = contracts.listed_ms[further] <= at and contracts.expiry_ms[further] == contracts.expiry_ms[place]
    return further if is_listed else -1


def _programme(floor: _Floor, programme: Programme, number: int) -> Iterator[Order]:
    """Only where the scenario has its contract and its time."""
    coin = floor.coin
    place = floor.contracts.place_of(programme.expiry, programme.strike, is_call=programme.is_call)
    first, last = milliseconds(programme.from_ts), milliseconds(programme.until_ts)
    if place is None or first < milliseconds(floor.scenario.start) or last > milliseconds(floor.scenario.end):
        return
    uniform = floor.draws(f"programme {number}", (3, programme.orders))
    for turn, (when, size, price) in enumerate(uniform.T.tolist()):
        at = first + int((turn + when) / programme.orders * (last - first))
        units = max(round(programme.coins * (0.7 + 0.6 * size) / coin.unit_coins), 1)
        yield Order(at, place, -1, programme.kind, programme.buys, units, 1, 1.0, price)


def _sprinkle(floor: _Floor, sprinkle: Sprinkle, number: int) -> Iterator[Order]:
    coin, scenario = floor.coin, floor.scenario
    first = max(milliseconds(sprinkle.from_ts), milliseconds(scenario.start))
    last = min(milliseconds(sprinkle.until_ts), milliseconds(scenario.end))
    if first >= last:
        return
    for contract, when, size, side, legs, price in floor.draws(f"sprinkle {number}", (sprinkle.orders, 6)).tolist():
        at = first + int(when * (last - first))
        is_regular = sprinkle.kind in ASSUMED_KINDS
        places = floor.chosen(at - at % HOUR, np.array([contract]), is_regular=is_regular)
        if not places:
            continue
        units = max(round(sprinkle.coins * (0.5 + size) / coin.unit_coins), 1)
        has_two = sprinkle.kind in {"block", "block_rfq"} and legs < _TWO_LEGS
        second = _second_leg(floor.contracts, at, places[0], legs / _TWO_LEGS) if has_two else -1
        yield Order(at, places[0], second, sprinkle.kind, side < 0.5, units, 1, 0.5 * legs, price)
