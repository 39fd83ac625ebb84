"""What parsers of recorded coin files do with their rows once they are typed: judge them, and drop repeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from models.conventions import COIN_IV_CEILING_FRAC
from pipelines.sources.chain_rows import LARGEST_NUMBER, Reason
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA, COIN_REJECTED_SCHEMA, TRADE_SCHEMA
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR

SIDES = ("buy", "sell", "unknown")
_SCHEMAS = {"chains": COIN_CHAIN_SCHEMA, "trades": TRADE_SCHEMA}
_CLOCKS = {"chains": "snapshot_ts", "trades": "trade_ts"}
_PRICES = {"chains": ("bid", "ask", "last", "mark", "forward", "index_price"), "trades": ("price", "index_price")}
_QUANTITIES = {"chains": ("volume", "open_interest"), "trades": ("quantity",)}
_OTHERS = {"chains": ("vendor_iv_frac", "vendor_delta", "vendor_gamma"), "trades": ("vendor_iv_frac",)}
_KEYS = {"chains": ("underlying", "snapshot_ts", "contract_id"), "trades": ("contract_id", "trade_id")}
_REQUIRED = {"chains": (), "trades": ("price", "quantity", "trade_id")}


def volatility(fraction: pl.Expr) -> pl.Expr:
    """Null where a venue's 0 or a number beyond belief says that there is none; what is no volatility at all stays."""
    is_stand_in = (fraction == 0) | (fraction.is_finite() & (fraction > COIN_IV_CEILING_FRAC))
    return pl.when(~is_stand_in).then(fraction)


def judge(typed: pl.DataFrame, kind: str, reasons: Sequence[Reason] = ()) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a `kind` (chains, trades) that hold together, and the others with the first reason found.

    `typed` has the columns of the kind's schema and `row_text`; a text that is no number must be null in it, one that
    is no name of an option has a null `contract_id`. `reasons` are judged after the first of the common ones.
    """
    clock = pl.col(_CLOCKS[kind])
    prices, quantities = _PRICES[kind], _QUANTITIES[kind]
    numbers = [pl.col(name) for name in (*prices, *quantities, *_OTHERS[kind])]
    wrong: list[Reason] = [
        (pl.col("contract_id").is_null(), "unreadable_symbol"),
        (~clock.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR).fill_null(value=False), "unreadable_clock"),
        *reasons,
        *((pl.col(name).is_null(), "required_cell_missing") for name in _REQUIRED[kind]),
        (~pl.all_horizontal(column.is_finite().fill_null(value=True) for column in numbers), "not_finite"),
        (_any(pl.col(name) < 0 for name in prices), "negative_price"),
        (_any(pl.col(name) < 0 for name in quantities), "negative_quantity"),
        (_any(column.abs() > LARGEST_NUMBER for column in numbers), "not_a_quantity"),
        (pl.col("vendor_iv_frac") < 0, "negative_volatility"),
    ]
    if kind == "trades":
        wrong += [
            (~pl.col("taker_side").is_in(SIDES).fill_null(value=False), "unreadable_side"),
            (pl.col("quantity") == 0, "quantity_not_positive"),
        ]
    reason = pl.coalesce(*(pl.when(is_so.fill_null(value=False)).then(pl.lit(name)) for is_so, name in wrong))
    judged = typed.with_columns(reason=reason)
    kept = judged.filter(pl.col("reason").is_null()).select(list(_SCHEMAS[kind])).cast(_SCHEMAS[kind])  # type: ignore[arg-type]
    return kept, rejected(judged.filter(pl.col("reason").is_not_null()), kind)


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(condition.fill_null(value=False) for condition in conditions)


def rejected(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Rows with a `reason` and a `row_text` as COIN_REJECTED_SCHEMA."""
    return rows.select(
        "row_number",
        pl.col("option_type").fill_null("row").alias("row_part"),
        "reason",
        "row_text",
        pl.lit(kind).alias("kind"),
        "underlying",
        pl.col(_CLOCKS[kind]).alias("day_ts"),
    ).cast(COIN_REJECTED_SCHEMA)  # type: ignore[arg-type]


def without_repeats(rows: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """In the order of their key: rows that count, those that say otherwise of the same thing, and the number of exact
    repeats. The first line wins."""
    facts = [name for name in _SCHEMAS[kind] if name != "row_number"]
    distinct = rows.sort("row_number").unique(facts, keep="first", maintain_order=True)
    first = pl.struct(_KEYS[kind]).is_first_distinct()
    others = distinct.filter(~first).with_columns(
        reason=pl.lit("conflicting_duplicate"), row_text=pl.col("contract_id")
    )
    order = _KEYS[kind] if kind == "chains" else ("underlying", "trade_ts", *_KEYS[kind])
    return distinct.filter(first).sort(order), rejected(others, kind), rows.height - distinct.height
