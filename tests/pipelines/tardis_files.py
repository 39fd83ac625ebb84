"""Tardis' CSV files as the tests write them, every value their own."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

CHAIN_COLUMNS = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,"
    "bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,"
    "vega,theta,rho"
)
TRADE_COLUMNS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
DAY = datetime(2026, 2, 1)
EXPIRY = datetime(2026, 2, 3, 8)
CALL = "BTC-3FEB26-80000-C"


def micros(instant: datetime) -> int:
    return round(instant.replace(tzinfo=UTC).timestamp()) * 1_000_000 + instant.microsecond


def update(at: datetime, symbol: str = CALL, **cells: object) -> str:
    """A row of `options_chain` that the recorder got at `at`."""
    *_, strike, letter = symbol.split("-")
    values: dict[str, object] = dict.fromkeys(CHAIN_COLUMNS.split(","), "") | {
        "exchange": "deribit",
        "symbol": symbol,
        "timestamp": micros(at - timedelta(milliseconds=20)),
        "local_timestamp": micros(at),
        "type": {"C": "call", "P": "put"}.get(letter, ""),
        "strike_price": strike.replace("D", ".").replace("d", "."),
        "expiration": micros(EXPIRY),
        "open_interest": 10.5,
        "bid_price": 0.0125,
        "ask_price": 0.013,
        "mark_price": 0.01270001,
        "mark_iv": 55.5,
        "underlying_price": 81000.25,
        "delta": 0.6,
        "gamma": 0.00002,
    }
    return ",".join(str(value) for value in (values | cells).values())


def trade(at: datetime, number: object, symbol: str = CALL, **cells: object) -> str:
    """A row of `trades`."""
    values: dict[str, object] = {
        "exchange": "deribit",
        "symbol": symbol,
        "timestamp": micros(at),
        "local_timestamp": micros(at + timedelta(milliseconds=5)),
        "id": number,
        "side": "buy",
        "price": 0.0125,
        "amount": 2.5,
    }
    return ",".join(str(value) for value in (values | cells).values())


def chain_csv(*rows: str) -> bytes:
    return "\n".join([CHAIN_COLUMNS, *rows, ""]).encode()


def trades_csv(*rows: str) -> bytes:
    return "\n".join([TRADE_COLUMNS, *rows, ""]).encode()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)
