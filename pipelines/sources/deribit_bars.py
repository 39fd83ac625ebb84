"""Candles of an instrument, of the volatility index, and delivery prices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from models.conventions import COIN_EXPIRY_HOUR
from pipelines.sources.bars import PRICES, range_or_null
from pipelines.sources.chain_rows import Reason
from pipelines.sources.coin_file import COIN_BAR_SCHEMA, DELIVERY_SCHEMA
from pipelines.sources.coin_names import underlying_of_index
from pipelines.sources.deribit_rows import Judged, Layout, changes, is_ahead, judge, number_reasons, table
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR

KIND, DELIVERY_KIND = "bar", "delivery"
CANDLES, VOLATILITY_INDEX, DELIVERIES = (
    "get_tradingview_chart_data",
    "get_volatility_index_data",
    "get_delivery_prices",
)
# By the word that the request uses: minutes for candles, seconds for the volatility index.
_OF_CANDLES = {
    "1": "1m", "3": "3m", "5": "5m", "10": "10m", "15": "15m", "30": "30m", "60": "1h", "120": "2h", "180": "3h",
    "360": "6h", "720": "12h", "1D": "1d",
}  # fmt: skip
_OF_VOLATILITY = {"1": "1s", "60": "1m", "3600": "1h", "43200": "12h", "1D": "1d"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,25}", re.ASCII)  # it names a partition
_CANDLE_KEYS = ("ticks", *PRICES, "volume")
_BAR = Layout(
    numbers={name: name for name in (*PRICES, "volume")},
    texts={"symbol": "symbol", "interval": "interval"},
    clocks={"start_ts": "ticks"},
)
_DELIVERY = Layout(numbers={"delivery_price": "delivery_price"}, texts={"underlying": "underlying", "day": "date"})


def records_of(method: str, params: dict[str, Any], result: Any) -> list[Any] | str | None:
    """A record a bar or delivery, which also says whose it is; a reason where the request is not one of ours; None
    where the answer has another shape."""
    if not isinstance(result, dict):
        return None
    if method == CANDLES:
        return _candles(_asked(params, "instrument_name", _OF_CANDLES), result)
    rows = result.get("data")
    if not isinstance(rows, list):
        return None
    if method == VOLATILITY_INDEX:
        asked = _asked(params, "currency", _OF_VOLATILITY)
        if isinstance(asked, str):
            return asked
        owner = asked | {"symbol": f"{asked['symbol']}_DVOL"}
        return [dict(zip(_CANDLE_KEYS, row, strict=False)) | owner if isinstance(row, list) else row for row in rows]
    index = params.get("index_name")
    if not isinstance(index, str):
        return "unreadable_symbol"
    underlying = underlying_of_index(index)
    return [row | {"underlying": underlying} if isinstance(row, dict) else row for row in rows]


def bars(records: Sequence[Any], origins: pl.DataFrame) -> Judged:
    """COIN_BAR_SCHEMA and `row_number`, with repeats. A bar that had not ended when it was captured is passed."""
    rows = table(records, origins, _BAR).with_row_index("place")
    number = pl.col("interval").str.extract(r"^(\d+)").cast(pl.Int64)
    seconds = number * pl.col("interval").str.tail(1).replace_strict(_SECONDS, default=None, return_dtype=pl.Int64)
    rows = rows.with_columns(
        bar_ts=pl.col("start_ts") + pl.duration(seconds=seconds),
        underlying=pl.col("symbol").str.extract(r"^([A-Z0-9]+)"),
    )
    ended = rows.filter(~(pl.col("bar_ts") > pl.col("captured_at")).fill_null(False))
    reasons: list[Reason] = [
        (pl.col("odd") == "not_a_record", "not_a_record"),
        (pl.col("bar_ts").is_null(), "unreadable_clock"),
        *number_reasons([], ["volume"], PRICES),
        (pl.any_horizontal(pl.col(name) <= 0 for name in PRICES), "price_not_positive"),
        (pl.col("odd").is_null() & pl.col("close").is_null(), "no_close"),
    ]
    judged = judge(ended, records, reasons, kind=KIND, day_ts="bar_ts", passed=rows.height - ended.height)
    kept = judged.rows.with_columns(range_or_null()).with_columns(known_at="captured_at")
    return Judged(kept.select("row_number", "underlying", *COIN_BAR_SCHEMA), judged.rejected, passed=judged.passed)


def unique_bars(rows: pl.DataFrame) -> Judged:
    """What a bar says settles late: it stands again where it changed."""
    said = [name for name in COIN_BAR_SCHEMA if name != "known_at"]
    found = changes(rows, ["symbol", "interval", "bar_ts"], said, kind=KIND, day_ts="bar_ts")
    return Judged(found.rows.select(list(COIN_BAR_SCHEMA)), found.rejected, found.duplicates)


def deliveries(records: Sequence[Any], origins: pl.DataFrame) -> Judged:
    """DELIVERY_SCHEMA and `row_number`, with repeats. Indices on which no options of ours settle are passed."""
    rows = table(records, origins, _DELIVERY).with_row_index("place")
    day = pl.col("day").str.to_date("%Y-%m-%d", strict=False)  # which takes years before Christ
    day = pl.when(day.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR)).then(day)
    rows = rows.with_columns(delivery_ts=day.cast(pl.Datetime("us")) + pl.duration(hours=COIN_EXPIRY_HOUR))
    ours = rows.filter(pl.col("underlying").is_not_null() | (pl.col("odd") == "not_a_record"))
    reasons: list[Reason] = [
        (pl.col("odd") == "not_a_record", "not_a_record"),
        (pl.col("delivery_ts").is_null(), "unreadable_date"),
        (pl.col("odd").is_null() & pl.col("delivery_price").is_null(), "unreadable_number"),
        *number_reasons(["delivery_price"], []),
        (pl.col("delivery_price") <= 0, "price_not_positive"),
        (is_ahead("delivery_ts"), "clock_ahead_of_capture"),
    ]
    judged = judge(ours, records, reasons, kind=DELIVERY_KIND, day_ts="delivery_ts", passed=rows.height - ours.height)
    kept = judged.rows.with_columns(known_at=pl.max_horizontal("captured_at", "delivery_ts"))
    return Judged(kept.select("row_number", *DELIVERY_SCHEMA), judged.rejected, passed=judged.passed)


def unique_deliveries(rows: pl.DataFrame) -> Judged:
    said = [name for name in DELIVERY_SCHEMA if name != "known_at"]
    found = changes(rows, ["underlying", "delivery_ts"], said, kind=DELIVERY_KIND, day_ts="delivery_ts")
    return Judged(found.rows.select(list(DELIVERY_SCHEMA)), found.rejected, found.duplicates)


def _asked(params: dict[str, Any], key: str, intervals: dict[str, str]) -> dict[str, str] | str:
    symbol, interval = params.get(key), intervals.get(str(params.get("resolution")).upper())
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        return "unreadable_symbol"
    return "unreadable_interval" if interval is None else {"symbol": symbol, "interval": interval}


def _candles(asked: dict[str, str] | str, result: dict[str, Any]) -> list[Any] | str | None:
    columns: list[Any] = [result.get(key) for key in _CANDLE_KEYS]
    if result.get("status") == "no_data" or isinstance(asked, str):
        return asked if isinstance(asked, str) else []
    if not all(isinstance(column, list) for column in columns) or len({len(column) for column in columns}) != 1:
        return None
    return [dict(zip(_CANDLE_KEYS, row, strict=True)) | asked for row in zip(*columns, strict=True)]
