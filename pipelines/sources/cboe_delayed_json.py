"""Cboe's delayed chain as its web pages fetch it: one underlying, one JSON envelope.

`timestamp` is the server's clock in UTC, `last_trade_time` the underlying's newest trade on the New York clock. Zeros
mean none. The order of the keys is not fixed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl

from pipelines.calendar import new_york_to_utc, us_sessions, utc_to_new_york
from pipelines.sources.chain_rows import (
    LARGEST_NUMBER,
    first_expiry,
    judge,
    osi_parts,
    plain_symbol,
    single_underlying,
    without_repeats,
)
from pipelines.sources.page import LONGEST_ROW_TEXT, QUOTE_DELAY, ChainPage, DailyBar, Declared, Unreadable

NAME = "cboe_delayed_json"
LARGEST_BYTES = 32 * 2**20  # the longest chain, SPX, is a third of it

_KEYS = {
    "bid": "bid",
    "ask": "ask",
    "last": "last_trade_price",
    "volume": "volume",
    "open_interest": "open_interest",
    "vendor_iv_frac": "iv",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
}
_ENVELOPE = (re.compile(rb'^(\xef\xbb\xbf)?\s*\{\s*"'), re.compile(rb'"data"\s*:'), re.compile(rb'"options"\s*:'))
_CLOCK = re.compile(r"^(19|20)\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d$", re.ASCII)
_HEAD_BYTES = 8192  # the options are announced within them, whichever key comes first


def recognise(data: bytes) -> bool:
    head = data[:_HEAD_BYTES]
    return all(pattern.search(head) for pattern in _ENVELOPE)


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """The one page of a file; the owner's word is not needed to read it."""
    del declared
    try:
        return [_parse(data)]
    except RecursionError:
        raise Unreadable("the JSON is nested more deeply than any chain") from None


def _parse(data: bytes) -> ChainPage:
    envelope, stated, options = _opened(data)
    rows, rejected = _contracts(options)
    rows, rejected, duplicates = without_repeats(rows, rejected)
    if rows.is_empty():
        raise Unreadable(f"none of {len(options)} contracts can be read ({rejected['reason'][0]})")
    header_ts = _utc(envelope.get("timestamp"))
    return ChainPage(
        underlying=_underlying(rows, (stated.get("symbol"), envelope.get("symbol"))),
        header_ts=header_ts,
        quote_ts=_quote_ts(_utc(stated.get("last_trade_time"), of_new_york=True), header_ts),
        open_interest_rule="pulled",
        underlying_last=_positive(stated.get("current_price")),
        underlying_bid=_positive(stated.get("bid")),
        underlying_ask=_positive(stated.get("ask")),
        underlying_volume=_positive(stated.get("volume")),
        rows=rows,
        rejected=rejected.sort("row_number", "row_part"),
        rows_in=len(options),
        rows_duplicate=duplicates,
        first_expiry=first_expiry(rows),
        body_sha256=_body_sha256(envelope),
        bar=_bar(stated),
    )


def _opened(data: bytes) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """The envelope, what it states of the underlying, and its contracts."""
    try:
        envelope = json.loads(data)
    except ValueError as error:
        raise Unreadable(f"no whole JSON: {error}") from None
    stated = envelope.get("data") if isinstance(envelope, dict) else None
    options = stated.get("options") if isinstance(stated, dict) else None
    if not isinstance(stated, dict) or not isinstance(options, list):
        raise Unreadable("the JSON has no list data.options")
    if not options:
        raise Unreadable("the page lists no contracts")
    return envelope, stated, options


def _contracts(options: list[Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed rows, and those that do not hold together with the first reason found."""
    contracts = [option if isinstance(option, dict) else {} for option in options]
    columns = {name: _floats(contract.get(key) for contract in contracts) for name, key in _KEYS.items()}
    symbols = [_ascii(contract.get("option")) for contract in contracts]
    typed = (
        pl.DataFrame({"contract_id": pl.Series(symbols, dtype=pl.String), **columns})
        .with_columns(
            **osi_parts("contract_id"),
            row_number=pl.int_range(1, pl.len() + 1),
            row_text=pl.lit(None, dtype=pl.String),
            is_adjusted=pl.lit(value=False),
            multiplier=pl.lit(None, dtype=pl.Float64),
        )
        .with_columns(
            expiry_date="coded_expiry",
            strike="coded_strike",
            option_type=pl.col("coded_type").replace_strict({"C": "call", "P": "put"}, default=None),
        )
    )
    kept, rejected = judge(typed, required=list(_KEYS))
    texts = [json.dumps(options[number - 1])[:LONGEST_ROW_TEXT] for number in rejected["row_number"]]
    return kept, rejected.with_columns(row_text=pl.Series(texts, dtype=pl.String))


def _floats(values: Iterable[Any]) -> pl.Series:
    return pl.Series([value if type(value) is float else _float(value) for value in values], dtype=pl.Float64)


def _float(value: object) -> float | None:
    """A JSON number; an integer may be longer than any float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _positive(value: object) -> float | None:
    number = _float(value)
    return number if number is not None and 0 < number < LARGEST_NUMBER else None


def _ascii(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None


def _underlying(rows: pl.DataFrame, stated: Iterable[object]) -> str:
    """By the roots; what the page says must agree."""
    underlying = single_underlying(rows)
    for symbol in stated:
        if isinstance(symbol, str) and plain_symbol(symbol) != underlying:
            raise Unreadable(f"the page says {symbol[:20]!r} and lists contracts on {underlying}")
    return underlying


def _utc(text: object, *, of_new_york: bool = False) -> datetime | None:
    """A clock of the vendor as an instant in UTC; None where it cannot be one."""
    if not isinstance(text, str) or not _CLOCK.match(text):
        return None
    try:
        clock = datetime.fromisoformat(text)
    except ValueError:
        return None
    return new_york_to_utc(clock.date(), clock.time()) if of_new_york else clock


def _quote_ts(last_trade: datetime | None, header_ts: datetime | None) -> datetime | None:
    """The instant of the quotes: 15 minutes before the page, but within the day on which the underlying last traded.

    A page made in the evening, even on the next day in UTC, or before the next opening still shows that day's quotes.
    """
    delayed = None if header_ts is None else header_ts - QUOTE_DELAY
    if last_trade is None or delayed is None:
        return last_trade or delayed
    calendar = us_sessions()
    day = utc_to_new_york(last_trade).date()
    if not calendar.is_session(day) or last_trade < calendar.open_of(day):
        return last_trade
    return max(last_trade, min(delayed, calendar.close_of(day)))


def _bar(stated: dict[str, Any]) -> DailyBar | None:
    values = [_positive(stated.get(name)) for name in ("open", "high", "low", "close", "volume")]
    return DailyBar(*values) if any(values) else None


def _body_sha256(envelope: dict[str, Any]) -> str:
    body = {key: value for key, value in envelope.items() if key != "timestamp"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
