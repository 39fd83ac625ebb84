"""The hidden history of one coin: its prices, its contracts, every trade, and who held what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models import synthetic
from pipelines.simulate.coins.clock import YEAR, milliseconds
from pipelines.simulate.coins.declare import Coin, CoinScenario
from pipelines.simulate.coins.ledger import Fill, Ledger, carry_out, open_ledger
from pipelines.simulate.coins.listing import CoinContracts, list_coin_contracts
from pipelines.simulate.coins.orders import draw_orders
from pipelines.simulate.coins.paths import CoinPath, coin_path
from pipelines.simulate.coins.tape import Tape, make_tape

_HELD_BREADTH = 2.5


@dataclass(frozen=True, slots=True)
class CoinHistory:
    coin: Coin
    path: CoinPath
    contracts: CoinContracts
    ledger: Ledger
    fills: tuple[Fill, ...]
    tape: Tape


def simulate_coin(coin: Coin, scenario: CoinScenario, week_start: int, seed: int) -> CoinHistory:
    """`week_start`: the instant of the coin's first anchor, which a shorter scenario shares with the whole week."""
    path = coin_path(coin, week_start, seed)
    contracts = list_coin_contracts(coin, scenario, path, seed)
    start = milliseconds(scenario.start)
    weight = synthetic.interest_weight(
        contracts.is_call,
        contracts.strike,
        float(path.index_at(np.array([start]))[0]),
        (contracts.expiry_ms - start) / YEAR,
        round_step=coin.round_step,
        breadth=_HELD_BREADTH,
    )
    ledger = open_ledger(coin, contracts, weight, seed)
    orders = draw_orders(coin, scenario, path, contracts, seed)
    fills = carry_out(ledger, orders)
    return CoinHistory(
        coin, path, contracts, ledger, tuple(fills), make_tape(coin, path, contracts, orders, fills, seed)
    )
