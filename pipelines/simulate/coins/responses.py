"""Bodies of the venue's answers, as text. What is not asked of the sample market is not there."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from models import synthetic
from models.conventions import DAYS_PER_YEAR, Floats
from pipelines.simulate.coins.clock import BUCKET, DAY, HOUR, MINUTE, Milliseconds, date_of, day_start
from pipelines.simulate.coins.declare import EXPIRY_HOUR, Coin
from pipelines.simulate.coins.listing import CoinContracts
from pipelines.simulate.coins.paths import CoinPath
from pipelines.simulate.draws import draws

_AVERAGED = 30 * MINUTE  # before the expiry, of the index, for the delivery price
_VOLATILITY_DAYS = 30
_FIRST_INSTRUMENT = 312_000
_USED_US = 412


def envelope(result: str, captured_us: int) -> str:
    """`captured_us`: when it had arrived; it was sent a little before."""
    sent = captured_us - 18_000
    return (
        f'{{"jsonrpc":"2.0","result":{result},"usIn":{sent - _USED_US},"usOut":{sent},"usDiff":{_USED_US},'
        '"testnet":false}'
    )


def index_price(path: CoinPath, at: int) -> str:
    price = float(path.index_at(np.array([at]))[0])
    return _text({"index_price": price, "estimated_delivery_price": price})


def trades(records: Sequence[str], *, has_more: bool) -> str:
    return f'{{"trades":[{",".join(records)}],"has_more":{_text(has_more)}}}'


def instruments(coin: Coin, contracts: CoinContracts, at: int) -> str:
    base = coin.root.split("_", maxsplit=1)[0]
    common = {
        "price_index": coin.index_name,
        "kind": "option",
        "maker_commission": 0.0003,
        "taker_commission": 0.0003,
        "instrument_type": "reversed" if coin.is_inverse else "linear",
        "is_active": True,
        "state": "open",
        "tick_size": coin.tick,
        "tick_size_steps": [{"above_price": coin.large_tick_above, "tick_size": coin.large_tick}],
        "contract_size": coin.contract_size,
        "min_trade_amount": coin.unit_coins,
        "settlement_currency": coin.settled_in,
        "base_currency": base,
        "quote_currency": coin.settled_in,
        "counter_currency": "USD" if coin.is_inverse else "USDC",
    }
    return _text(
        [
            {
                "instrument_name": contracts.names[place],
                "instrument_id": _FIRST_INSTRUMENT + place,
                "option_type": "call" if contracts.is_call[place] else "put",
                "strike": float(contracts.strike[place]),
                "expiration_timestamp": int(contracts.expiry_ms[place]),
                "creation_timestamp": int(contracts.listed_ms[place]),
                "settlement_period": _period(contracts, place),
                **common,
            }
            for place in np.flatnonzero(contracts.alive_at(at)).tolist()
        ]
    )


def _period(contracts: CoinContracts, place: int) -> str:
    expiry = int(contracts.expiry_ms[place])
    if date_of(expiry).weekday() != 4:
        return "day"
    return "month" if date_of(expiry).month != date_of(expiry + 7 * DAY).month else "week"


def candles(coin: Coin, path: CoinPath, first: int, at: int, seed: int) -> str:
    """Ten-minute bars of the perpetual from `first` to the one that has just begun at `at`, which is not over."""
    ticks = np.arange(first, at + 1, BUCKET)
    opened = (ticks - path.start_ms) // MINUTE
    price = np.round(path.minutes * (1.0 + coin.perpetual_premium_frac), 2)
    prices = [price[start : start + BUCKET // MINUTE + 1] for start in opened.tolist()]
    is_over = ticks + BUCKET <= at
    shown = [one if over else one[:1] for one, over in zip(prices, is_over.tolist(), strict=True)]
    days = [(tick - path.start_ms) // BUCKET for tick in ticks.tolist()]
    chance = draws(seed, f"{coin.underlying} perpetual", (path.minutes.size // (BUCKET // MINUTE) + 1,))[days]
    volume = np.round(coin.perpetual_coins_per_bar * np.where(is_over, 0.3 + 1.4 * chance**2, 0.01), 4)
    closes = np.array([one[-1] for one in shown])
    return _text(
        {
            "status": "ok",
            "ticks": ticks.tolist(),
            "open": [float(one[0]) for one in shown],
            "high": [float(one.max()) for one in shown],
            "low": [float(one.min()) for one in shown],
            "close": closes.tolist(),
            "volume": volume.tolist(),
            "cost": np.round(volume * closes, 0).tolist(),
        }
    )


def volatility_index(path: CoinPath, first: int, at: int) -> str:
    """Hourly bars of the volatility at the money in thirty days, from `first` to the one that has just begun."""
    days = _VOLATILITY_DAYS / DAYS_PER_YEAR
    rows = []
    for start in range(first, at + 1, HOUR):
        last = start + HOUR if start + HOUR <= at else start
        steps = path.step_of(np.arange(start, last + 1, BUCKET)).tolist()
        variances = [synthetic.total_variance(np.array(0.0), np.array(days), path.smiles[step]) for step in steps]
        level = np.round(100.0 * np.sqrt(np.array(variances) / days), 2)
        rows.append([start, *map(float, (level[0], level.max(), level.min(), level[-1]))])
    return _text({"data": rows, "continuation": None})


def delivery_price(path: CoinPath, day: int) -> float:
    """`day`: its start."""
    expiry = day + EXPIRY_HOUR * HOUR
    last = (expiry - path.start_ms) // MINUTE
    return round(float(np.mean(path.minutes[last - _AVERAGED // MINUTE : last + 1])), 4)


def delivery_prices(path: CoinPath, first_day: int, at: int) -> str:
    """Newest first, every day since the first."""
    days = [day for day in range(day_start(at), first_day - 1, -DAY) if day + EXPIRY_HOUR * HOUR <= at]
    data = [{"date": date_of(day).isoformat(), "delivery_price": delivery_price(path, day)} for day in days]
    return _text({"data": data, "records_total": len(days)})


def page_starts(times: Milliseconds | Floats, first: int, last: int, size: int) -> list[tuple[int, int]]:
    """From where to where each page reaches when the next begins at the last instant of the one before."""
    found, begin = [], first
    while True:
        end = min(begin + size, last)
        found.append((begin, end))
        if end >= last:
            return found
        following = int(np.searchsorted(times, times[end - 1]))
        begin = following if following > begin else end


def _text(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))
