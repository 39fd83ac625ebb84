"""The words in which the sample market of coin options is declared: coins, expiries, what customers do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from models.synthetic import Smile

# Who trades with whom. Dealers answer customers in the first five, as a flow model assumes; in the others they do not.
OrderKind = Literal[
    "screen", "combo", "block", "block_rfq", "liquidated_taker",
    "among_customers", "liquidated_maker", "both_liquidated", "among_dealers", "makers_side",
]  # fmt: skip
EXPIRY_HOUR = 8  # UTC


@dataclass(frozen=True, slots=True)
class Expiry:
    """Contracts that are listed before the week: their strikes, how much they trade, and how many of them are late.

    `late_share`: of its strikes whose trades before the week are in no file, although positions were held.
    """

    day: date
    strikes: tuple[float, ...]
    activity: float
    late_share: float = 0.0
    listed_ts: datetime | None = None  # inside the week; None: before it
    has_future: bool = False


@dataclass(frozen=True, slots=True)
class Dailies:
    """Expiries of the next days, listed at 08:00 around the spot of that moment.

    Every morning adds the same offsets around where the coin is by then, `least_distance` from what is there.
    """

    days_ahead: int
    centre_step: float
    offsets: tuple[float, ...]
    least_distance: float
    activity: float


@dataclass(frozen=True, slots=True)
class Customers:
    """How likely an order of customers buys, by what it trades; and how likely it closes what they hold."""

    buys_calls: float
    buys_puts: float
    closes: float = 0.3


@dataclass(frozen=True, slots=True)
class Programme:
    """Somebody's orders in one contract, spread over some hours."""

    kind: OrderKind
    expiry: date
    strike: float
    is_call: bool
    buys: bool
    from_ts: datetime
    until_ts: datetime
    orders: int
    coins: float  # an order


@dataclass(frozen=True, slots=True)
class Sprinkle:
    """Orders of one kind in contracts as they come, between two instants."""

    kind: OrderKind
    from_ts: datetime
    until_ts: datetime
    orders: int
    coins: float


@dataclass(frozen=True, slots=True)
class Coin:
    """One underlying, how the venue names and counts it, and what happens to it."""

    underlying: str
    currency: str  # of the venue's book, which linear coins share
    root: str
    settled_in: str
    is_inverse: bool
    index_name: str
    perpetual: str
    contract_size: float  # coins
    unit_coins: float  # the least amount; all quantities are whole numbers of it
    tick: float
    large_tick: float
    large_tick_above: float
    price_decimals: int  # of the mark
    trade_id_prefix: str
    first_trade_id: int
    anchors: tuple[float, ...]  # the index every six hours from the first day on
    volatility_frac: float
    smile: Smile
    smile_response: float
    basis_frac: float
    perpetual_premium_frac: float
    perpetual_coins_per_bar: float
    round_step: float
    expiries: tuple[Expiry, ...]
    dailies: Dailies
    customers: Customers
    orders_an_hour: float
    usual_coins: float  # an order
    held_coins: float  # in a late contract at the start
    has_volatility_index: bool
    programmes: tuple[Programme, ...] = ()
    sprinkles: tuple[Sprinkle, ...] = ()


@dataclass(frozen=True, slots=True)
class CoinScenario:
    """Some days of some coins, and how they were collected. `hourly_hours`: the last ones come as a file an hour."""

    first_day: date
    days: int
    visit_minutes: int
    hourly_hours: int
    coins: tuple[Coin, ...]

    @property
    def start(self) -> datetime:
        return datetime(self.first_day.year, self.first_day.month, self.first_day.day)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=self.days)
