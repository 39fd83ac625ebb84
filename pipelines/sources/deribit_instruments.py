"""What the exchange says of its options. Rows of contracts that expired long ago lack most of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.sources.chain_rows import Reason
from pipelines.sources.coin_file import INSTRUMENT_SCHEMA
from pipelines.sources.deribit_rows import (
    Judged,
    Layout,
    changes,
    contract_reasons,
    judge,
    number_reasons,
    table,
    with_contracts,
)

KIND = "instrument"
_LAYOUT = Layout(
    numbers={"stated_strike": "strike", "contract_size_coins": "contract_size", "min_trade_coins": "min_trade_amount"},
    texts={"stated_type": "option_type"},
    clocks={"stated_expiry": "expiration_timestamp", "listed_ts": "creation_timestamp"},
)
_STRIKE_ROUNDING = 1e-9  # relative
_SAID = [name for name in INSTRUMENT_SCHEMA if name != "known_at"]


def instruments(records: Sequence[Any], origins: pl.DataFrame) -> Judged:
    """INSTRUMENT_SCHEMA and `row_number`, in the order of the records and with repeats."""
    ours, passed = with_contracts(table(records, origins, _LAYOUT).with_row_index("place"))
    size = pl.col("contract_size_coins")
    reasons: list[Reason] = [
        *contract_reasons(),
        *number_reasons([], ["contract_size_coins", "min_trade_coins"], ["stated_strike"]),
        (size == 0, "contract_size_not_positive"),
        (
            (pl.col("stated_strike") - pl.col("strike")).abs() > _STRIKE_ROUNDING * pl.col("strike"),
            "strike_contradicts_symbol",
        ),
        (pl.col("stated_type") != pl.col("option_type"), "type_contradicts_symbol"),
        (pl.col("stated_expiry").dt.date() != pl.col("expiry_date"), "expiry_contradicts_symbol"),
        (pl.col("captured_at").is_null(), "unreadable_clock"),
    ]
    judged = judge(ours, records, reasons, kind=KIND, day_ts="captured_at", passed=passed)
    rows = judged.rows.with_columns(
        known_at="captured_at", min_trade_coins=pl.when(pl.col("min_trade_coins") > 0).then("min_trade_coins")
    )
    return Judged(rows.select("row_number", *INSTRUMENT_SCHEMA), judged.rejected, passed=judged.passed)


def unique(rows: pl.DataFrame) -> Judged:
    # Once a day at least: each day's tables rest on what is said that day, whichever days a file spans.
    day = (pl.col("known_at") - pl.duration(microseconds=1)).dt.date()
    dated = rows.with_columns(day=day)
    found = changes(dated, ["contract_id", "day"], [*_SAID, "day"], kind=KIND, day_ts="known_at")
    return Judged(found.rows.select(list(INSTRUMENT_SCHEMA)), found.rejected, found.duplicates)
