"""What every chain parser does with its rows once they are typed: judge them, drop repeats, tell what they list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.markets import root_of
from pipelines.sources.page import REJECTED_SCHEMA, Unreadable

LARGEST_NUMBER = 1e12  # of a price or a quantity
_FEWEST_ROWS_OF_AN_EXPIRY = 5  # fewer are taken for a slip, not for the page's first expiry
_UNDERLYING = re.compile(r"^[A-Z][A-Z.]{0,9}$")
OSI_SYMBOL = r"^[0-9A-Z.]{1,6}[0-9]{6}[CP][0-9]{8}$"  # \d would take the digits of all alphabets

CHAIN_ROW_SCHEMA = {
    "row_number": pl.Int64(), "contract_id": pl.String(), "root": pl.String(), "expiry_date": pl.Date(),
    "option_type": pl.String(), "strike": pl.Float64(), "bid": pl.Float64(), "ask": pl.Float64(), "last": pl.Float64(),
    "volume": pl.Float64(), "open_interest": pl.Float64(), "vendor_iv_frac": pl.Float64(), "vendor_delta": pl.Float64(),
    "vendor_gamma": pl.Float64(), "is_adjusted": pl.Boolean(), "multiplier": pl.Float64(),
}  # fmt: skip
NUMBERS = ("bid", "ask", "last", "volume", "open_interest", "vendor_iv_frac", "vendor_delta", "vendor_gamma", "strike")
_PRICES = ("bid", "ask", "last")
_QUANTITIES = ("volume", "open_interest")

Reason = tuple[pl.Expr, str]


def osi_parts(symbol: str) -> dict[str, pl.Expr]:
    """Root, expiry, type letter and strike read off an unpadded OSI symbol from the right; null where it is none."""
    text = pl.col(symbol)
    length = text.str.len_chars().cast(pl.Int64)
    return {
        "root": text.str.head(-15),
        "coded_expiry": text.str.slice(length - 15, 6).str.to_date("%y%m%d", strict=False),
        "coded_type": text.str.slice(length - 9, 1),
        "coded_strike": text.str.tail(8).cast(pl.Int64, strict=False) / 1000,
    }


def osi_symbol() -> pl.Expr:
    """The unpadded OSI symbol from root, expiry_date, option_type and strike."""
    return pl.concat_str(
        "root",
        pl.col("expiry_date").dt.strftime("%y%m%d"),
        pl.col("option_type").str.head(1).str.to_uppercase(),
        (pl.col("strike") * 1000).round().cast(pl.Int64, strict=False).cast(pl.String).str.zfill(8),
    )


def judge(
    typed: pl.DataFrame, *, required: Sequence[str], reasons: Sequence[Reason] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that hold together (CHAIN_ROW_SCHEMA), and the others with the first reason found (REJECTED_SCHEMA).

    `typed` has the columns of CHAIN_ROW_SCHEMA and `row_text`; a text that is no number must be null in it. `required`:
    the numbers without which a row is rejected; the others may be null. `reasons` are judged after the common ones.
    """
    present = [pl.col(name) for name in NUMBERS]
    whole = pl.all_horizontal((pl.col(name) == pl.col(name).floor()).fill_null(value=True) for name in _QUANTITIES)
    common: list[Reason] = [
        (pl.any_horizontal(pl.col(name).is_null() for name in required), "unreadable_number"),
        (~pl.all_horizontal(column.is_finite().fill_null(value=True) for column in present), "not_finite"),
        (pl.any_horizontal((pl.col(name) < 0).fill_null(value=False) for name in _PRICES), "negative_price"),
        (pl.any_horizontal((pl.col(name) < 0).fill_null(value=False) for name in _QUANTITIES), "negative_quantity"),
        (~whole | (pl.max_horizontal(*_QUANTITIES) > LARGEST_NUMBER).fill_null(value=False), "not_a_quantity"),
        (pl.col("vendor_iv_frac") < 0, "negative_volatility"),
        (pl.col("strike") <= 0, "strike_not_positive"),
        (
            (~pl.col("contract_id").str.contains(OSI_SYMBOL)).fill_null(value=True) | pl.col("expiry_date").is_null(),
            "unreadable_symbol",
        ),
        *reasons,
    ]
    judged = typed.with_columns(
        reason=pl.coalesce(*(pl.when(wrong.fill_null(value=False)).then(pl.lit(name)) for wrong, name in common))
    )
    kept = judged.filter(pl.col("reason").is_null()).select(list(CHAIN_ROW_SCHEMA)).cast(CHAIN_ROW_SCHEMA)  # type: ignore[arg-type]
    rejected = judged.filter(pl.col("reason").is_not_null()).rename({"option_type": "row_part"})
    return kept, rejected.with_columns(pl.col("row_part").fill_null("row")).select(list(REJECTED_SCHEMA))


def without_repeats(rows: pl.DataFrame, rejected: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """A contract counts once: an exact repeat is a duplicate, a differing one is rejected."""
    facts = [name for name in CHAIN_ROW_SCHEMA if name != "row_number"]
    distinct = rows.unique(facts, keep="first", maintain_order=True)
    first = distinct["contract_id"].is_first_distinct()
    conflicting = distinct.filter(~first).select(
        "row_number", row_part="option_type", reason=pl.lit("conflicting_duplicate"), row_text=pl.col("contract_id")
    )
    return distinct.filter(first), pl.concat([rejected, conflicting]), rows.height - distinct.height


def single_underlying(rows: pl.DataFrame) -> str:
    """By the roots, never by the file's or the page's name."""
    found = sorted({root_of(root).underlying for root in rows["root"].unique().to_list()})
    if len(found) != 1:
        raise Unreadable(f"the page mixes underlyings: {', '.join(found[:4])}")
    return checked_underlying(found[0])


def checked_underlying(name: str) -> str:
    """The symbol, if it can name a partition."""
    if not _UNDERLYING.match(name):
        raise Unreadable(f"{name[:40]!r} is not the symbol of an underlying")
    return name


def plain_symbol(name: str) -> str:
    """A vendor's spelling of an underlying as roots spell it: ^SPX and _SPX are SPX, BRK.B and BRK/B are BRKB."""
    return re.sub(r"[^0-9A-Za-z]", "", name).upper()


def first_expiry(rows: pl.DataFrame) -> date:
    """The earliest listed expiry that enough rows share."""
    counts: dict[date, int] = dict(rows.group_by("expiry_date").len().iter_rows())
    enough = min(_FEWEST_ROWS_OF_AN_EXPIRY, max(counts.values()))
    return min(day for day, count in counts.items() if count >= enough)
