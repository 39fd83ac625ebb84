"""Trades in the venue's own words: a record a fill, and one of each combo under the combo's name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.conventions import Floats
from pipelines.simulate.coins import quotes
from pipelines.simulate.coins.clock import Milliseconds
from pipelines.simulate.coins.declare import Coin
from pipelines.simulate.coins.ledger import Fill, is_straddle
from pipelines.simulate.coins.listing import CoinContracts, strike_name
from pipelines.simulate.coins.orders import BLOCK_KINDS, Order
from pipelines.simulate.coins.paths import CoinPath
from pipelines.simulate.coins.valuation import value
from pipelines.simulate.draws import draws

Record = dict[str, object]
_LIQUIDATION = {"liquidated_taker": "T", "liquidated_maker": "M", "both_liquidated": "MT"}
_FIRST_BLOCK, _FIRST_RFQ = 152_301, 20_417
_PLUS, _ZERO_PLUS, _MINUS, _ZERO_MINUS = range(4)


@dataclass(frozen=True, slots=True)
class Tape:
    """`records` and `parents` as JSON, each in order of time. `prices`: of each fill, in the venue's unit."""

    times: Milliseconds
    records: tuple[str, ...]
    parent_times: Milliseconds
    parents: tuple[str, ...]
    prices: Floats
    index_prices: Floats


def coins_of(coin: Coin, units: Floats | int) -> Floats:
    """Whole units in coins, the nearest number to the decimal."""
    return np.round(np.asarray(units) * coin.unit_coins, 1)


def make_tape(
    coin: Coin, path: CoinPath, contracts: CoinContracts, orders: Sequence[Order], fills: Sequence[Fill], seed: int
) -> Tape:
    at = np.array([fill.at for fill in fills], dtype=np.int64)
    places = np.array([fill.place for fill in fills], dtype=np.int64)
    valued = value(path, contracts, at, places)
    marks = quotes.mark(coin, valued)
    prices = _prices(coin, fills, marks, quotes.half_spread(coin, valued))
    vega = np.maximum(valued.vega * quotes.per_dollar(coin, valued), 1e-12)
    iv = np.round(np.clip(100.0 * (valued.iv_frac + (prices - marks) / vega), 0.0, 500.0), 2)
    amounts = coins_of(coin, np.array([fill.units for fill in fills]))
    contract_counts = np.round(amounts / coin.contract_size, 1)
    ids = _Ids(coin, len(fills), seed)
    last_price: dict[int, tuple[float, int]] = {}
    records: list[Record] = []
    parents: dict[int, Record] = {}
    columns = (valued.index.tolist(), marks.tolist(), prices.tolist(), iv.tolist(), amounts.tolist(),
               contract_counts.tolist())  # fmt: skip
    for fill, index, mark, price, percent, amount, count in zip(fills, *columns, strict=True):
        order = orders[fill.order]
        before, tick = last_price.get(fill.place, (price, _ZERO_PLUS))
        last_price[fill.place] = (price, _tick_direction(before, price, tick))
        record: Record = {
            "timestamp": fill.at,
            "iv": percent,
            "price": price,
            "amount": amount,
            "direction": "buy" if fill.buys else "sell",
            "index_price": index,
            "instrument_name": contracts.names[fill.place],
            "trade_seq": fill.trade_seq,
            "mark_price": mark,
            "tick_direction": last_price[fill.place][1],
            "contracts": count,
        }
        if fill.kind in _LIQUIDATION:
            record["liquidation"] = _LIQUIDATION[fill.kind]
        if fill.kind in BLOCK_KINDS:
            record |= _block(fill, order)
        if fill.kind == "combo":
            name = combo_name(coin, contracts, order)
            if fill.order not in parents:
                parents[fill.order] = ids.parent(name, order, record)
            record |= {"combo_id": name, "combo_trade_id": parents[fill.order]["trade_id"]}
        record["trade_id"] = ids.next()
        if fill.kind == "combo":
            _add_leg(parents[fill.order], record, order, coin)
        records.append(record)
    return Tape(
        times=at,
        records=tuple(map(_text, records)),
        parent_times=np.array([orders[number].at for number in parents], dtype=np.int64),
        parents=tuple(map(_text, parents.values())),
        prices=prices,
        index_prices=valued.index,
    )


def _text(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))


class _Ids:
    """Numbers that the venue gives once a currency, with gaps, and once a combo, without."""

    def __init__(self, coin: Coin, count: int, seed: int) -> None:
        self._coin = coin
        self._last = coin.first_trade_id
        self._steps = iter((1 + np.floor(4.0 * draws(seed, f"{coin.underlying} ids", (2 * count + 2,)))).tolist())
        self._combo_seq: dict[str, int] = {}

    def next(self) -> str:
        self._last += int(next(self._steps))
        return f"{self._coin.trade_id_prefix}{self._last}"

    def parent(self, name: str, order: Order, first_leg: Record) -> Record:
        self._combo_seq[name] = self._combo_seq.get(name, 0) + 1
        return {
            "timestamp": order.at,
            "price": 0.0,
            "amount": first_leg["amount"],
            "direction": "buy" if order.buys else "sell",
            "index_price": first_leg["index_price"],
            "instrument_name": name,
            "trade_seq": self._combo_seq[name],
            "mark_price": 0.0,
            "tick_direction": _ZERO_PLUS,
            "legs": [],
            "contracts": first_leg["contracts"],
            "trade_id": self.next(),
        }


def _add_leg(parent: Record, leg: Record, order: Order, coin: Coin) -> None:
    legs = parent["legs"]
    assert isinstance(legs, list)
    sign = 1.0 if not legs or is_straddle(order.place, order.second) else -1.0
    for name in ("price", "mark_price"):
        parent[name] = round(float(str(parent[name])) + sign * float(str(leg[name])), coin.price_decimals)
    legs.append(dict(leg))


def combo_name(coin: Coin, contracts: CoinContracts, order: Order) -> str:
    """As BTC-CS-28JUN24-64000_66000: bought, it buys the first strike and sells the second; a straddle has one."""
    first, second = (strike_name(float(contracts.strike[place])) for place in (order.place, order.second))
    day = contracts.names[order.place].split("-")[1]
    if is_straddle(order.place, order.second):
        return f"{coin.root}-STRD-{day}-{first}"
    return f"{coin.root}-{'CS' if contracts.is_call[order.place] else 'PS'}-{day}-{first}_{second}"


def _block(fill: Fill, order: Order) -> Record:
    told: Record = {
        "block_trade_id": f"BLOCK-{_FIRST_BLOCK + fill.order}",
        "block_trade_leg_count": 2 if order.second >= 0 else 1,
    }
    return told | ({"block_rfq_id": _FIRST_RFQ + fill.order} if fill.kind == "block_rfq" else {})


def _prices(coin: Coin, fills: Sequence[Fill], marks: Floats, half: Floats) -> Floats:
    """Takers pay up: to the quotes on the screen, part of the way in blocks and combos, whose ticks are small."""
    is_negotiated = np.array([fill.kind in {*BLOCK_KINDS, "combo"} for fill in fills])
    does_buy = np.array([fill.buys for fill in fills])
    share = 0.3 + 0.7 * np.array([fill.price for fill in fills])
    away = np.where(does_buy, 1.0, -1.0) * half * share * np.where(is_negotiated, 0.5, 1.0)
    tick = np.where(is_negotiated, coin.tick, quotes.tick_at(coin, marks))
    asked = np.where(does_buy, quotes.up(marks + away, tick), quotes.down(marks + away, tick))
    return np.maximum(asked, tick)


def _tick_direction(before: float, price: float, tick: int) -> int:
    if price > before:
        return _PLUS
    if price < before:
        return _MINUS
    return _ZERO_PLUS if tick in {_PLUS, _ZERO_PLUS} else _ZERO_MINUS
