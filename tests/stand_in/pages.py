"""The least that a vendor may answer: chains of a handful of contracts, curves of a few days."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any


def chain_json(symbol: str, root: str, spot: float, *, at: datetime, last_trade: str, volume: float = 5.0) -> bytes:
    """A page of `symbol` that was built at the UTC instant `at`."""
    options = [
        _contract(f"{root}240719{letter}{round(1000 * spot * moneyness):08d}", volume)
        for moneyness in (0.96, 0.98, 1.0, 1.02, 1.04)
        for letter in "CP"
    ]
    data = {
        "symbol": symbol.replace("_", "^"), "security_type": "index" if symbol.startswith("_") else "etf",
        "current_price": spot, "bid": 0.0, "ask": 0.0, "open": spot, "high": spot, "low": spot, "close": spot,
        "prev_day_close": spot, "volume": 0, "iv30": 17.0, "last_trade_time": last_trade, "options": options,
    }  # fmt: skip
    return json.dumps({"timestamp": f"{at:%Y-%m-%d %H:%M:%S}", "data": data, "symbol": symbol}).encode()


def _contract(code: str, volume: float) -> dict[str, Any]:
    return {
        "option": code, "bid": 1.0, "bid_size": 7.0, "ask": 1.2, "ask_size": 9.0, "iv": 0.2, "open_interest": 10.0,
        "volume": volume, "delta": 0.5, "gamma": 0.01, "vega": 0.1, "theta": -0.1, "rho": 0.1, "theo": 1.1,
        "change": 0.0, "open": 0.0, "high": 0.0, "low": 0.0, "tick": "up", "last_trade_price": 1.1,
        "last_trade_time": None, "percent_change": 0.0, "prev_day_close": 1.0,
    }  # fmt: skip


def curves_csv(newest: date, days: int = 3) -> bytes:
    """Newest day first."""
    rows = [f"{newest - timedelta(days=back):%m/%d/%Y},5.4,5.3,4.2" for back in range(days)]
    return "\n".join(['Date,"1 Mo","1 Yr","10 Yr"', *rows, ""]).encode()
