"""Saved responses of Deribit's public API: a bundle of them (`deribit_bundle.py`), or one by itself.

Of each method the options are read; what else the exchange lists is passed. A response in a bundle is known when it was
captured, one by itself when the exchange sent it, and none before the instants of which it speaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from pipelines.sources import deribit_bars, deribit_chains, deribit_instruments, deribit_trades
from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA, COVERAGE_SCHEMA, CoinFile
from pipelines.sources.deribit_lines import (
    INSTRUMENT_METHODS,
    SUMMARY_METHODS,
    TICKER_METHODS,
    TRADE_METHODS,
    Claim,
    Damaged,
    Response,
    entries,
    recognise,
)
from pipelines.sources.deribit_rows import ORIGIN_SCHEMA, Judged, nothing_rejected, shown
from pipelines.sources.page import LONGEST_ROW_TEXT, Declared, Unreadable

__all__ = ["LARGEST_BYTES", "NAME", "coin_file", "recognise"]

NAME = "deribit_responses"
LARGEST_BYTES = 256 * 2**20  # packed; a day of visits has 40 MB
_INDEX_METHOD = "get_index_price"
_BATCH = 20_000  # records that are typed together
_MOST_RECORDS = 250_000  # of a response; half as many options of a coin have ever been listed
_MOST_DAMAGED = 10_000  # lines; a file with more is none of ours
_MOST_REJECTED = 500_000  # records

_Reader = Callable[[Sequence[Any], pl.DataFrame], Judged]
_READERS: dict[str, _Reader] = {
    "summaries": deribit_chains.summaries,
    "tickers": deribit_chains.tickers,
    "trades": deribit_trades.trades,
    "instruments": deribit_instruments.instruments,
    "bars": deribit_bars.bars,
    "deliveries": deribit_bars.deliveries,
}
_UNIQUE: dict[str, Callable[[pl.DataFrame], Judged]] = {
    "trades": deribit_trades.unique,
    "instruments": deribit_instruments.unique,
    "bars": deribit_bars.unique_bars,
    "deliveries": deribit_bars.unique_deliveries,
}
_KIND_OF_METHOD = {
    **dict.fromkeys(SUMMARY_METHODS, "summaries"),
    **dict.fromkeys(TICKER_METHODS, "tickers"),
    **dict.fromkeys(TRADE_METHODS, "trades"),
    **dict.fromkeys(INSTRUMENT_METHODS, "instruments"),
    **dict.fromkeys((deribit_bars.CANDLES, deribit_bars.VOLATILITY_INDEX), "bars"),
    deribit_bars.DELIVERIES: "deliveries",
}


def coin_file(data: bytes, declared: Declared) -> CoinFile:
    """Everything a file holds; the owner's word is not needed to read it."""
    del declared
    reading = _Reading()
    for entry in entries(data):
        reading.take(entry)
    return reading.file()


@dataclass(slots=True)
class _Kind:
    """Records of one kind that wait to be typed, and those that were."""

    reader: _Reader
    records: list[Any] = field(default_factory=list)
    origins: list[tuple[int, int, datetime | None, bool]] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    def settle(self) -> None:
        origins = pl.DataFrame(self.origins, schema=ORIGIN_SCHEMA, orient="row")
        self.judged.append(self.reader(self.records, origins))
        self.records, self.origins = [], []

    def rows(self) -> pl.DataFrame | None:
        """What was found of the kind; None where the file has no record of it."""
        if self.records:
            self.settle()
        return pl.concat([judged.rows for judged in self.judged]) if self.judged else None


class _Reading:
    """A file while it is read: what each line adds."""

    def __init__(self) -> None:
        self.kinds = {name: _Kind(reader) for name, reader in _READERS.items()}
        self.claims: list[tuple[str, datetime, datetime, datetime]] = []
        self.indices: list[tuple[str, datetime, float]] = []
        self.damaged: list[dict[str, Any]] = []
        self.rows_in = self.rows_passed = self.responses = self.rejected = 0
        self.lost_until: datetime | None = None  # trades before it may be missing
        self.is_time_of_loss_open = False

    def take(self, entry: Response | Claim | Damaged) -> None:
        if entry.captured_at is not None and self.is_time_of_loss_open:
            self._lose_until(entry.captured_at)
            self.is_time_of_loss_open = False
        if isinstance(entry, Claim):
            self._claim(entry)
        elif isinstance(entry, Damaged):
            self._damage(entry)
        else:
            self._response(entry)

    def file(self) -> CoinFile:
        rows = {name: kind.rows() for name, kind in self.kinds.items()}
        indices = pl.DataFrame(self.indices, schema=deribit_chains.INDEX_SCHEMA, orient="row")
        found = {name: unique(frame) for name, unique in _UNIQUE.items() if (frame := rows[name]) is not None}
        if rows["summaries"] is not None or rows["tickers"] is not None:
            found["chains"] = deribit_chains.chains(rows["summaries"], rows["tickers"], indices)
        judged = [*(part for kind in self.kinds.values() for part in kind.judged), *found.values()]
        damaged = pl.DataFrame(self.damaged, schema=COIN_REJECTED_SCHEMA)
        rejected = pl.concat([nothing_rejected(), damaged, *(part.rejected for part in judged)])
        coverage = pl.DataFrame(self.claims, schema=COVERAGE_SCHEMA, orient="row")
        return CoinFile(
            **{name: part.rows for name, part in found.items()},
            coverage=_without_doubt(coverage, rejected).unique().sort(list(COVERAGE_SCHEMA)),
            rejected=rejected.sort("row_number"),
            rows_in=self.rows_in,
            rows_duplicate=sum(part.duplicates for part in judged),
            rows_passed=self.rows_passed + sum(part.passed for part in judged),
        )

    def _claim(self, claim: Claim) -> None:
        if self.lost_until is not None and claim.from_ts < self.lost_until:
            said = {"underlyings": claim.underlyings, "from": str(claim.from_ts), "until": str(claim.until_ts)}
            self._damage(Damaged(claim.captured_at, "claim_in_doubt", json.dumps(said), loses_trades=False), "coverage")
            return
        self.claims.extend((name, claim.from_ts, claim.until_ts, claim.until_ts) for name in claim.underlyings)

    def _damage(self, damaged: Damaged, kind: str = "response") -> None:
        self.rows_in += 1
        if damaged.loses_trades and damaged.captured_at is not None:
            self._lose_until(damaged.captured_at)
        elif damaged.loses_trades:
            self.is_time_of_loss_open = True  # it was captured before the next line
        self.damaged.append(
            {
                "row_number": self.rows_in,
                "row_part": "row",
                "reason": damaged.reason,
                "row_text": damaged.text[:LONGEST_ROW_TEXT],
                "kind": kind,
                "underlying": None,
                "day_ts": damaged.captured_at,
            }
        )
        if len(self.damaged) > _MOST_DAMAGED:
            raise Unreadable(f"more than {_MOST_DAMAGED} lines cannot be read ({damaged.reason})")

    def _lose_until(self, instant: datetime) -> None:
        self.lost_until = instant if self.lost_until is None else max(self.lost_until, instant)

    def _response(self, response: Response) -> None:
        name = _KIND_OF_METHOD.get(response.method)
        if name is None:
            self._index(response)
            self.rows_in += 1
            self.rows_passed += 1
            return
        records = _records(name, response)
        if isinstance(records, list) and len(records) > _MOST_RECORDS:
            records = "too_many_records"
        if not isinstance(records, list):
            is_lost = name == "trades"
            reason, text = records or "unexpected_result", shown(response.result)
            self._damage(Damaged(response.captured_at, reason, text, loses_trades=is_lost))
            return
        self.responses += 1
        kind = self.kinds[name]
        captured_at, is_captured = response.captured_at, response.is_captured
        first, self.rows_in = self.rows_in + 1, self.rows_in + len(records)
        kind.records.extend(records)
        kind.origins.extend(
            (number, self.responses, captured_at, is_captured) for number in range(first, self.rows_in + 1)
        )
        if len(kind.records) >= _BATCH:
            kind.settle()
            self.rejected += kind.judged[-1].rejected.height
            if self.rejected > _MOST_REJECTED:
                raise Unreadable(f"more than {_MOST_REJECTED} records cannot be read")

    def _index(self, response: Response) -> None:
        result, index = response.result, response.params.get("index_name")
        price = result.get("index_price") if isinstance(result, dict) else None
        if response.method != _INDEX_METHOD or response.captured_at is None or not isinstance(index, str):
            return
        if isinstance(price, (int, float)) and 0 < price < LARGEST_NUMBER and index.isascii():
            self.indices.append((index, response.captured_at, float(price)))


def _records(kind: str, response: Response) -> list[Any] | str | None:
    """What the response lists; a reason why not, or None where it has another shape."""
    result = response.result
    if kind in {"bars", "deliveries"}:
        return deribit_bars.records_of(response.method, response.params, result)
    if kind == "tickers":
        return [deribit_chains.flat(result)] if isinstance(result, dict) else None
    if kind == "trades":
        result = result.get("trades") if isinstance(result, dict) else None
    if kind == "instruments" and isinstance(result, dict):
        result = [result]
    return result if isinstance(result, list) else None


def _without_doubt(coverage: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """The claims within which no trade of theirs was set aside: what the others call complete is not."""
    lost = rejected.filter((pl.col("kind") == deribit_trades.KIND) & (pl.col("reason") != "conflicting_duplicate"))
    first = lost.select("underlying", lost_ts="day_ts").drop_nulls().sort("lost_ts")
    found = coverage.sort("from_ts").join_asof(
        first, left_on="from_ts", right_on="lost_ts", by="underlying", strategy="forward", check_sortedness=False
    )
    return found.filter((pl.col("lost_ts") >= pl.col("until_ts")).fill_null(value=True)).drop("lost_ts")
