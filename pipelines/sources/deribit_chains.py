"""Chains out of book summaries, which show every option of a currency at once, and of tickers, which show one each.

A summary's chain stands at its newest row. Tickers are a chain as long as no instrument comes twice and less than a
minute passes between two; it stands at the newest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from pipelines.sources.chain_rows import Reason
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA
from pipelines.sources.coin_names import indices_of
from pipelines.sources.coin_rows import volatility
from pipelines.sources.deribit_rows import (
    Judged,
    Layout,
    contract_reasons,
    is_ahead,
    judge,
    nothing_rejected,
    number_reasons,
    once,
    table,
    with_contracts,
)

KIND = "chain"
_SUMMARY = Layout(
    numbers={
        "bid": "bid_price",
        "ask": "ask_price",
        "last": "last",
        "mark": "mark_price",
        "volume": "volume",
        "open_interest": "open_interest",
        "iv_percent": "mark_iv",
        "forward": "underlying_price",
        "estimated_index": "estimated_delivery_price",
    },
    clocks={"row_ts": "creation_timestamp"},
)
_TICKER = Layout(
    numbers={
        "bid": "best_bid_price",
        "ask": "best_ask_price",
        "last": "last_price",
        "mark": "mark_price",
        "volume": "stats.volume",
        "open_interest": "open_interest",
        "iv_percent": "mark_iv",
        "vendor_delta": "greeks.delta",
        "vendor_gamma": "greeks.gamma",
        "forward": "underlying_price",
        "own_index": "index_price",
        "estimated_index": "estimated_delivery_price",
    },
    clocks={"row_ts": "timestamp"},
)
_PRICES = ("bid", "ask", "last", "mark", "forward", "own_index", "estimated_index")
_QUANTITIES = ("volume", "open_interest")
_GREEKS = ("iv_percent", "vendor_delta", "vendor_gamma")
_LONGEST_GAP = timedelta(minutes=1)  # between two tickers of a chain
_NEAREST_INDEX = timedelta(minutes=1)
_FACTS = [name for name in COIN_CHAIN_SCHEMA if name not in {"row_number", "known_at", "index_price"}]
INDEX_SCHEMA = {"index_name": pl.String(), "index_at": pl.Datetime("us"), "near_index": pl.Float64()}


def flat(ticker: Any) -> Any:
    """A ticker with what it nests brought to the top."""
    if not isinstance(ticker, dict):
        return ticker
    nested = {
        f"{outer}.{inner}": ticker[outer].get(inner)
        for outer, inner in (("stats", "volume"), ("greeks", "delta"), ("greeks", "gamma"))
        if isinstance(ticker.get(outer), dict)
    }
    return {key: value for key, value in ticker.items() if key not in {"bids", "asks"}} | nested


def summaries(records: Sequence[Any], origins: pl.DataFrame) -> Judged:
    return _judged(table(records, origins, _SUMMARY), records)


def tickers(records: Sequence[Any], origins: pl.DataFrame) -> Judged:
    return _judged(table(records, origins, _TICKER), records)


def chains(summed: pl.DataFrame | None, ticked: pl.DataFrame | None, indices: pl.DataFrame) -> Judged:
    """COIN_CHAIN_SCHEMA out of judged rows of summaries and tickers, and INDEX_SCHEMA, the indices' prices around."""
    parts: list[pl.DataFrame] = []
    single = Judged(indices, nothing_rejected())
    if summed is not None:
        parts.append(summed.with_columns(snapshot_ts=_newest("row_ts", "response"), seen_at=pl.col("captured_at")))
    if ticked is not None:
        single = once(ticked, ["contract_id", "row_ts"], _own_facts(ticked), kind=KIND, day_ts="row_ts")
        newest = {"snapshot_ts": _newest("row_ts", "chain"), "seen_at": _newest("captured_at", "chain")}
        parts.append(_gathered(single.rows).with_columns(**newest))
    rows = _with_index(pl.concat(parts, how="diagonal"), indices)
    known_at = pl.max_horizontal("seen_at", "snapshot_ts")
    rows = rows.with_columns(known_at=known_at).select(list(COIN_CHAIN_SCHEMA))
    found = once(rows, ["snapshot_ts", "contract_id"], _FACTS, kind=KIND, day_ts="snapshot_ts")
    return Judged(
        found.rows.sort("underlying", "snapshot_ts", "contract_id"),
        pl.concat([single.rejected, found.rejected]),
        single.duplicates + found.duplicates,
    )


def _judged(rows: pl.DataFrame, records: Sequence[Any]) -> Judged:
    absent = {name: pl.lit(None, pl.Float64) for name in (*_PRICES, *_GREEKS) if name not in rows.columns}
    ours, passed = with_contracts(rows.with_columns(**absent).with_row_index("place"))
    clock = pl.coalesce(pl.col("row_ts"), pl.col("captured_at"))
    ours = ours.with_columns(row_ts=clock, vendor_iv_frac=volatility(pl.col("iv_percent") / 100))
    reasons: list[Reason] = [
        *contract_reasons(),
        *number_reasons(_PRICES, _QUANTITIES, _GREEKS),
        (pl.col("iv_percent") < 0, "negative_volatility"),
        (pl.col("row_ts").is_null(), "unreadable_clock"),
        (is_ahead("row_ts"), "clock_ahead_of_capture"),
    ]
    judged = judge(ours, records, reasons, kind=KIND, day_ts="row_ts", passed=passed)
    rows = judged.rows.with_columns(forward=_stated("forward"), estimated_index=_stated("estimated_index"))
    return Judged(rows.drop("place", "name", "odd"), judged.rejected, passed=judged.passed)


def _stated(name: str) -> pl.Expr:
    """Zero is what the exchange says where it has none."""
    return pl.when(pl.col(name) != 0).then(name)


def _newest(clock: str, group: str) -> pl.Expr:
    return pl.col(clock).max().over(group, "underlying")


def _own_facts(rows: pl.DataFrame) -> list[str]:
    return [name for name in rows.columns if name not in {"row_number", "response", "captured_at", "is_captured"}]


def _gathered(rows: pl.DataFrame) -> pl.DataFrame:
    """With the chain of which each ticker is a part, of its underlying."""
    latest: dict[str, tuple[int, datetime, set[str]]] = {}
    chain_of: list[int] = []
    for underlying, contract, row_ts, captured_at in rows.select(
        "underlying", "contract_id", "row_ts", "captured_at"
    ).iter_rows():
        at = captured_at or row_ts
        chain, before, seen = latest.get(underlying, (0, at, set()))
        if contract in seen or abs(at - before) > _LONGEST_GAP:
            chain, seen = chain + 1, set()
        seen.add(contract)
        latest[underlying] = (chain, at, seen)
        chain_of.append(chain)
    return rows.with_columns(chain=pl.Series(chain_of, dtype=pl.Int64))


def _with_index(rows: pl.DataFrame, indices: pl.DataFrame) -> pl.DataFrame:
    """The ticker's own index, else the nearest around the capture, else what the delivery is estimated at."""
    rows = rows.with_columns(index_name=indices_of(rows["root"]))
    asked = rows.select("index_name", "captured_at").drop_nulls().unique().sort("captured_at")
    near = asked.join_asof(
        indices.sort("index_at"),
        left_on="captured_at",
        right_on="index_at",
        by="index_name",
        strategy="nearest",
        tolerance=_NEAREST_INDEX,
        check_sortedness=False,  # both are, yet polars cannot tell within groups
    )
    joined = rows.join(near, on=["index_name", "captured_at"], how="left", maintain_order="left")
    return joined.with_columns(index_price=pl.coalesce(_stated("own_index"), "near_index", "estimated_index"))
