"""Responses as Deribit answers, made up: rows, envelopes and bundles for tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from pipelines.sources import deribit_responses
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.deribit_bundle import pack, response_line
from pipelines.sources.page import NOTHING_DECLARED

NOON = datetime(2026, 5, 18, 12)
CALL, PUT = "BTC-29MAY26-70000-C", "BTC-29MAY26-70000-P"
FRAMES = ("chains", "trades", "instruments", "bars", "deliveries")


def ms(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1)) // timedelta(milliseconds=1)


def envelope(result: Any, **more: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "result": result, "usIn": 1, "usOut": 2, "usDiff": 1, **more})


def line(method: str, result: Any, at: datetime = NOON, **params: Any) -> str:
    return response_line(at, f"public/{method}", params, envelope(result))


def summary(name: str = CALL, **changed: Any) -> dict[str, Any]:
    row = {
        "instrument_name": name, "creation_timestamp": ms(NOON) - 40, "bid_price": 0.05, "ask_price": 0.0525,
        "mid_price": 0.05125, "mark_price": 0.05123456, "mark_iv": 45.91, "last": 0.051, "high": None, "low": None,
        "price_change": None, "open_interest": 312.4, "volume": 25.1, "volume_usd": 101000.5,
        "underlying_price": 77100.25, "underlying_index": "SYN.BTC-29MAY26", "interest_rate": 0,
        "estimated_delivery_price": 77000.5, "base_currency": "BTC", "quote_currency": "BTC",
    }  # fmt: skip
    return row | changed


def ticker(name: str = CALL, **changed: Any) -> dict[str, Any]:
    row = {
        "instrument_name": name, "timestamp": ms(NOON) - 30, "state": "open", "open_interest": 312.4,
        "stats": {"volume": 25.1, "low": None, "high": None, "price_change": None}, "best_bid_price": 0.05,
        "best_bid_amount": 1.0, "best_ask_price": 0.0525, "best_ask_amount": 2.0, "index_price": 77010.0,
        "mark_price": 0.0512, "last_price": None, "underlying_price": 77100.25, "mark_iv": 45.91, "bid_iv": 0.0,
        "greeks": {"delta": 0.81234, "gamma": 0.00002, "vega": 40.1, "theta": -50.2, "rho": 10.3},
        "estimated_delivery_price": 77000.5, "bids": [[0.05, 1.0]], "asks": [[0.0525, 2.0]],
    }  # fmt: skip
    return row | changed


def trade(number: int = 1, name: str = CALL, **changed: Any) -> dict[str, Any]:
    row = {
        "trade_id": str(415305278 + number), "trade_seq": number, "instrument_name": name,
        "timestamp": ms(NOON) - 5000 + number, "direction": "buy", "tick_direction": 1, "price": 0.051,
        "mark_price": 0.0512, "index_price": 77000.5, "iv": 46.2, "amount": 0.5, "contracts": 0.5,
    }  # fmt: skip
    return row | changed


def instrument(name: str = CALL, **changed: Any) -> dict[str, Any]:
    row = {
        "instrument_name": name, "instrument_id": 5, "kind": "option", "option_type": "call", "strike": 70000.0,
        "base_currency": "BTC", "quote_currency": "BTC", "instrument_type": "reversed", "price_index": "btc_usd",
        "contract_size": 1.0, "min_trade_amount": 0.1, "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}],
        "creation_timestamp": ms(datetime(2026, 4, 1)), "expiration_timestamp": ms(datetime(2026, 5, 29, 8)),
        "is_active": True, "state": "open",
    }  # fmt: skip
    return row | changed


def summaries(*rows: Any, at: datetime = NOON, currency: str = "BTC") -> str:
    return line("get_book_summary_by_currency", list(rows), at, currency=currency, kind="option")


def trades(*rows: Any, at: datetime = NOON) -> str:
    return line(
        "get_last_trades_by_currency_and_time", {"trades": list(rows), "has_more": False}, at, currency="BTC"
    )  # fmt: skip


def instruments(*rows: Any, at: datetime = NOON) -> str:
    return line("get_instruments", list(rows), at, currency="BTC", kind="option")


def index(price: Any, at: datetime = NOON, name: str = "btc_usd") -> str:
    return line("get_index_price", {"index_price": price, "estimated_delivery_price": price}, at, index_name=name)


def parsed(data: bytes) -> CoinFile:
    """The file, of which every record must be accounted for and every row stand once."""
    assert deribit_responses.recognise(data)
    file = deribit_responses.coin_file(data, NOTHING_DECLARED)
    landed = sum(getattr(file, name).height for name in FRAMES)
    assert file.rows_in == landed + file.rejected.height + file.rows_duplicate + file.rows_passed
    assert not file.rejected.select("row_number", "row_part").is_duplicated().any()
    for name in FRAMES:
        if getattr(file, name).height:
            assert getattr(file, name)["known_at"].null_count() == 0
    return file


def read(*lines: str) -> CoinFile:
    return parsed(pack(lines))


def reasons(file: CoinFile) -> list[str]:
    return file.rejected["reason"].to_list()
