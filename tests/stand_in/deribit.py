"""A stand-in of Deribit with its documented misbehaviour: trades, chains and bars of coins, on two hosts.

The live host holds the last 24 hours and answers older questions with nothing, without an error. The one of history
lags. Both are asked as `/live/api/v2/public/...` and `/history/api/v2/public/...` of one site.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.stand_in.site import Answer

EPOCH = datetime(1970, 1, 1)
DAY_MS = 86_400_000
Row = dict[str, Any]


def ms_of(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(milliseconds=1)


def made_trades(
    currency: str, times: list[int], *, seed: int = 1, first_id: int = 1, instruments: list[str] | None = None
) -> list[Row]:
    """A trade at each of these instants, numbered in this order, in a handful of instruments."""
    dice = random.Random(seed)
    names = instruments or [f"{base_of(currency)}-25DEC26-{strike}-{kind}" for strike in (90, 100) for kind in "CP"]
    seqs = dict.fromkeys(names, 0)
    rows = []
    for place, ms in enumerate(times):
        name = dice.choice(names)
        seqs[name] += 1
        trade_id = str(first_id + place) if currency == "BTC" else f"{currency}-{first_id + place}"
        rows.append(
            {
                "trade_id": trade_id, "trade_seq": seqs[name], "instrument_name": name, "timestamp": ms,
                "direction": dice.choice(["buy", "sell"]), "tick_direction": 0, "price": dice.randint(1, 90) / 1000,
                "mark_price": 0.05, "index_price": 100_000.0, "iv": 50.0, "amount": dice.randint(1, 50) / 10,
            }
        )  # fmt: skip
    return rows


def base_of(currency: str) -> str:
    return "SOL_USDC" if currency == "USDC" else currency


@dataclass
class Exchange:
    """`trades` by currency, in the order of their names, which is nearly that of time."""

    now: Callable[[], datetime]
    trades: dict[str, list[Row]] = field(default_factory=dict)
    longest_page: int = 1000  # whatever is asked for
    most_counted: int = 10_000  # a greater `count` is an error
    has_more: bool | str | None = "true"  # always this answer; "true": the truth; None: the key is missing
    hidden: set[tuple[str, int]] = field(default_factory=set)  # instrument and number: given by instrument only
    lost: set[tuple[str, int]] = field(default_factory=set)  # never given
    leaks: list[Row] = field(default_factory=list)  # rows outside the range, in every page
    is_shuffled: bool = False  # within a page
    history_lag: timedelta = timedelta(hours=1)
    instead: dict[str, list[Answer]] = field(default_factory=dict)  # by method, once each, before what is asked for
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def respond(self, target: str) -> Answer:
        """To a path with its query."""
        split = urlsplit(target)
        host, _, method = split.path.strip("/").partition("/api/v2/public/")
        params = dict(parse_qsl(split.query))
        self.asked.append((host, method, params))
        if self.instead.get(method):
            return self.instead[method].pop(0)
        if not hasattr(self, f"_{method}"):
            return failure(-32601, "Method not found", status=400)
        return getattr(self, f"_{method}")(host, params)

    def result(self, result: Any) -> Answer:
        out_us = ms_of(self.now()) * 1000
        page = {"jsonrpc": "2.0", "result": result, "usIn": out_us - 5, "usOut": out_us, "usDiff": 5, "testnet": False}
        return Answer(json.dumps(page | {"starbase": None}).encode())

    def _held(self, host: str, currency: str) -> list[Row]:
        now = self.now()
        from_ms = ms_of(now) - DAY_MS if host == "live" else 0
        until_ms = ms_of(now if host == "live" else now - self.history_lag)
        rows = self.trades.get(currency, [])
        return [row for row in rows if from_ms <= row["timestamp"] <= until_ms and key(row) not in self.lost]

    def _page(self, rows: list[Row], params: dict[str, str]) -> Answer:
        count = int(params.get("count", 10))
        if count > self.most_counted:
            return failure(-32602, "Invalid params", {"reason": "must be at most 1000", "param": "count"}, status=400)
        rows = rows[::-1] if params.get("sorting") == "desc" else rows
        page = [dict(row) for row in rows[: min(count, self.longest_page)]]
        is_more: object = len(rows) > len(page) if self.has_more == "true" else self.has_more
        page += self.leaks
        if self.is_shuffled:
            random.Random(len(page)).shuffle(page)
        return self.result({"trades": page} | ({} if self.has_more is None else {"has_more": is_more}))

    def _get_last_trades_by_currency_and_time(self, host: str, params: dict[str, str]) -> Answer:
        start, end = int(params["start_timestamp"]), int(params["end_timestamp"])
        if host == "live" and start < ms_of(self.now()) - DAY_MS:
            return self.result({"trades": [], "has_more": False})
        held = self._held(host, params["currency"])
        rows = [row for row in held if start <= row["timestamp"] <= end and key(row) not in self.hidden]
        return self._page(rows, params)

    def _get_last_trades_by_currency(self, host: str, params: dict[str, str]) -> Answer:
        first = number(params["start_id"])
        held = self._held(host, params["currency"])
        rows = [row for row in held if number(row["trade_id"]) >= first and key(row) not in self.hidden]
        return self._page(rows, params)

    def _get_last_trades_by_instrument(self, host: str, params: dict[str, str]) -> Answer:
        name, first, last = params["instrument_name"], int(params["start_seq"]), int(params["end_seq"])
        held = [row for currency in self.trades for row in self._held(host, currency)]
        named = [row for row in held if row["instrument_name"] == name]
        if not named:
            return failure(13020, "not_found", {"reason": "instrument_not_found", "param": "instrument_name"})
        rows = [row for row in named if first <= row["trade_seq"] <= last]
        return self._page(sorted(rows, key=lambda row: row["trade_seq"]), params)

    def _get_book_summary_by_currency(self, host: str, params: dict[str, str]) -> Answer:
        now, base = ms_of(self.now()), base_of(params["currency"])
        rows = [
            {
                "instrument_name": f"{base}-25DEC26-{strike}-{kind}", "base_currency": base.partition("_")[0],
                "quote_currency": "BTC", "bid_price": None if strike == 80 else 0.01, "ask_price": 0.02,
                "mid_price": 0.015, "mark_price": 0.01523456, "mark_iv": 45.91, "last": None, "high": None, "low": None,
                "price_change": None, "open_interest": 12.5, "volume": 1.5, "volume_usd": 100.0,
                "underlying_price": 100.5, "underlying_index": f"SYN.{base}-25DEC26", "interest_rate": 0.0,
                "estimated_delivery_price": 100.0, "creation_timestamp": now,
            }
            for strike in (80, 90, 100)
            for kind in "CP"
        ]  # fmt: skip
        return self.result(rows)

    def _get_index_price(self, host: str, params: dict[str, str]) -> Answer:
        return self.result({"index_price": 100.0, "estimated_delivery_price": 100.0})

    def _get_instruments(self, host: str, params: dict[str, str]) -> Answer:
        base = base_of(params["currency"])
        return self.result(
            [
                {
                    "instrument_name": f"{base}-25DEC26-{strike}-{kind}", "kind": "option", "strike": float(strike),
                    "option_type": "call" if kind == "C" else "put", "contract_size": 1.0, "min_trade_amount": 0.1,
                    "creation_timestamp": 1_700_000_000_000, "expiration_timestamp": 1_798_185_600_000,
                    "instrument_type": "reversed", "is_active": True, "state": "open",
                }
                for strike in (80, 90, 100)
                for kind in "CP"
            ]
        )  # fmt: skip

    def _get_tradingview_chart_data(self, host: str, params: dict[str, str]) -> Answer:
        length = int(params["resolution"]) * 60_000
        start, end = int(params["start_timestamp"]), int(params["end_timestamp"])
        ticks = list(range(start + -start % length, end + 1, length))
        columns = {name: [100.0] * len(ticks) for name in ("open", "high", "low", "close", "volume", "cost")}
        return self.result({"status": "ok" if ticks else "no_data", "ticks": ticks, **columns})

    def _get_volatility_index_data(self, host: str, params: dict[str, str]) -> Answer:
        """The newest ten of the range, and before which instant there are more."""
        length, start, end = (int(params[name]) for name in ("resolution", "start_timestamp", "end_timestamp"))
        ticks = list(range(start + -start % (1000 * length), end + 1, 1000 * length))
        rows = [[ms, 50.0, 51.0, 49.0, 50.5] for ms in ticks[-10:]]
        return self.result({"data": rows, "continuation": rows[0][0] - 1 if len(ticks) > 10 else None})

    def _get_delivery_prices(self, host: str, params: dict[str, str]) -> Answer:
        today = self.now().date()
        days = [{"date": f"{today - timedelta(days=back)}", "delivery_price": 100.0 + back} for back in range(3)]
        return self.result({"data": days[: int(params["count"])], "records_total": 3})


def failure(code: int, message: str, data: object = None, *, status: int = 200) -> Answer:
    return Answer(
        json.dumps({"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}}).encode(), status
    )


def key(row: Row) -> tuple[str, int]:
    return row["instrument_name"], row["trade_seq"]


def number(trade_id: str) -> int:
    return int(trade_id.rpartition("-")[2])
