"""Who holds what after each trade, and what a model that takes every passive side for a dealer's gets wrong by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from models import synthetic
from models.conventions import Floats
from pipelines.simulate.coins.declare import Coin, OrderKind
from pipelines.simulate.coins.listing import CoinContracts
from pipelines.simulate.coins.orders import Order
from pipelines.simulate.draws import draws

# What was planted, by its column of the truth.
EFFECTS = ("among_customers", "liquidated_maker", "among_dealers", "makers_side", "late_start")
_EFFECT_OF: dict[OrderKind, str] = {
    "among_customers": "among_customers",
    "liquidated_maker": "liquidated_maker",
    "both_liquidated": "liquidated_maker",
    "among_dealers": "among_dealers",
    "makers_side": "makers_side",
}
_LATE_TRADES = (40, 900)  # that a late contract had seen before the week


class Fill(NamedTuple):
    """One trade, and the state of its contract after it; quantities in whole units."""

    at: int
    place: int
    order: int
    leg: int
    kind: OrderKind
    buys: bool  # as the venue reports the taker
    units: int
    trade_seq: int
    price: float
    dealers: int
    open_interest: int
    planted: int  # by how much the dealers' true position moved more than minus the taker's


@dataclass(slots=True)
class Ledger:
    """Customers' longs and shorts, and what dealers hold against one another, of each contract in units."""

    long: list[int]
    short: list[int]
    between: list[int]
    trade_seq: list[int]
    closes: float
    opening_dealers: list[int] = field(default_factory=list)
    opening_interest: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        places = range(len(self.long))
        self.opening_dealers = [self.dealers(place) for place in places]
        self.opening_interest = [self.open_interest(place) for place in places]

    def dealers(self, place: int) -> int:
        return self.short[place] - self.long[place]

    def open_interest(self, place: int) -> int:
        return max(self.long[place], self.short[place]) + self.between[place]

    def customer(self, place: int, *, buys: bool, units: int, may_close: bool) -> None:
        """One customer's side: closing where that is wanted and possible, else opening."""
        opened, closed = (self.long, self.short) if buys else (self.short, self.long)
        if may_close and closed[place] >= units:
            closed[place] -= units
        else:
            opened[place] += units

    def can_close(self, place: int, *, buys: bool) -> int:
        return self.short[place] if buys else self.long[place]


def open_ledger(coin: Coin, contracts: CoinContracts, weight: Floats, seed: int) -> Ledger:
    """Late contracts are held already; the others, whenever they were listed, have never been traded."""
    count = len(contracts.names)
    uniform = draws(seed, f"{coin.underlying} held", (3, count))
    scale = np.full(count, coin.held_coins / coin.unit_coins)
    dealers_long = np.where(contracts.is_call, 1.0 - coin.customers.buys_calls, 1.0 - coin.customers.buys_puts)
    held = synthetic.opening_positions(0.1 + weight, scale, dealers_long, uniform)
    seen = draws(seed, f"{coin.underlying} seen", (count,))
    least, most = _LATE_TRADES
    return Ledger(
        long=np.where(contracts.is_late, held.long, 0.0).astype(np.int64).tolist(),
        short=np.where(contracts.is_late, held.short, 0.0).astype(np.int64).tolist(),
        between=[0] * count,
        trade_seq=np.where(contracts.is_late, np.floor(least + (most - least) * seen), 0).astype(np.int64).tolist(),
        closes=coin.customers.closes,
    )


def carry_out(ledger: Ledger, orders: Sequence[Order]) -> list[Fill]:
    """All trades in order of time. A liquidation without anything to liquidate does not happen."""
    fills: list[Fill] = []
    for number, order in enumerate(orders):
        for leg, (place, buys, units) in enumerate(_legs(order)):
            settled = _settle(ledger, order, place, buys=buys, units=units)
            if settled is None:
                continue
            reported, done, planted = settled
            ledger.trade_seq[place] += 1
            fills.append(
                Fill(order.at, place, number, leg, order.kind, reported, done, ledger.trade_seq[place], order.price,
                     ledger.dealers(place), ledger.open_interest(place), planted)
            )  # fmt: skip
    return fills


def is_straddle(place: int, second: int) -> bool:
    return abs(place - second) == 1


def _legs(order: Order) -> list[tuple[int, bool, int]]:
    """Both legs of a spread (the second the other way) or straddle, or an order filled in parts."""
    if order.second >= 0:
        second_buys = order.buys if is_straddle(order.place, order.second) else not order.buys
        return [(order.place, order.buys, order.units), (order.second, second_buys, order.units)]
    parts = min(order.fills, order.units)
    each, rest = divmod(order.units, parts)
    return [(order.place, order.buys, each + (part < rest)) for part in range(parts)]


def _settle(ledger: Ledger, order: Order, place: int, *, buys: bool, units: int) -> tuple[bool, int, int] | None:
    """The taker's side as reported, the units, and the planted effect; None where nobody can be liquidated."""
    kind, may_close = order.kind, order.closes < ledger.closes
    before = ledger.dealers(place)
    if kind == "makers_side":
        ledger.customer(place, buys=not buys, units=units, may_close=may_close)
    elif kind == "among_dealers":
        is_closing = may_close and ledger.between[place] >= units
        ledger.between[place] += -units if is_closing else units
    elif kind == "among_customers":
        ledger.customer(place, buys=buys, units=units, may_close=may_close)
        ledger.customer(place, buys=not buys, units=units, may_close=order.price < ledger.closes)
    elif kind in {"liquidated_taker", "liquidated_maker", "both_liquidated"}:
        found = _liquidated(ledger, kind, place, buys=buys, units=units)
        if found is None:
            return None
        buys, units = found
    else:
        ledger.customer(place, buys=buys, units=units, may_close=may_close)
    taken = units if buys else -units
    return buys, units, ledger.dealers(place) - before + taken


def _liquidated(ledger: Ledger, kind: OrderKind, place: int, *, buys: bool, units: int) -> tuple[bool, int] | None:
    """The liquidated close, on whichever side they can; a dealer takes what a liquidated maker must give."""
    if kind == "both_liquidated":
        done = min(units, ledger.long[place], ledger.short[place])
        ledger.long[place] -= done
        ledger.short[place] -= done
        return (buys, done) if done else None
    for side in (buys, not buys):
        closer_buys = side if kind == "liquidated_taker" else not side
        done = min(units, ledger.can_close(place, buys=closer_buys))
        if done:
            ledger.customer(place, buys=closer_buys, units=done, may_close=True)
            return side, done
    return None


def effect_of(kind: OrderKind) -> str | None:
    return _EFFECT_OF.get(kind)
