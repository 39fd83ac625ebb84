"""Cboe's Open-Close Volume Summary by day: one exchange's volume of each series by who traded, in what effect.

A file says neither its exchange nor anything of other exchanges' trades. Customers' volume comes in three sizes of
orders, which are added. Market makers have no opening and closing.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.markets import root_of
from pipelines.sources import csv_table
from pipelines.sources.chain_rows import osi_symbol
from pipelines.sources.many_pages import plain_symbols
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.open_close_rows import TABLE, checked_exchange, open_close_report
from pipelines.sources.reports.report import ReportFile, no_session
from pipelines.tables.clearing import ORIGIN_COLUMNS

__all__ = ["LARGEST_BYTES", "NAME", "TABLE", "recognise", "report"]

NAME = "cboe_open_close"
LARGEST_BYTES = 256 * 2**20

_CONTRACT = (
    "quote_date", "underlying_symbol", "option_symbol", "expiration_date", "strike_price", "call_put_flag",
)  # fmt: skip
_SIZES = ("lt_100_", "100_199_", "gt_199_")
_ORIGINS = {"customer": ("cust", _SIZES), "professional": ("procust", _SIZES), "firm": ("firm", ("",)),
            "broker_dealer": ("bd", ("",))}  # fmt: skip


def _parts_of(name: str) -> tuple[str, ...]:
    """The file's columns whose sum is one of ours, such as customer_open_buy_contracts."""
    origin = next(origin for origin in _ORIGINS if name.startswith(f"{origin}_"))
    code, sizes = _ORIGINS[origin]
    what = name.removeprefix(f"{origin}_").removesuffix("_contracts")
    return tuple(f"{code}_{size}{what}_vol" for size in sizes)


_SUMS: dict[str, tuple[str, ...]] = {
    "market_maker_buy_contracts": ("mm_buy_vol",),
    "market_maker_sell_contracts": ("mm_sell_vol",),
    **{name: _parts_of(name) for name in ORIGIN_COLUMNS},
}
_OPTIONAL = {
    "exchange_volume_contracts": "total_exchange_vol",
    "industry_volume_contracts": "total_industry_vol",
    "open_interest": "open_interest",
}
_NEEDED = (*_CONTRACT, *(part for parts in _SUMS.values() for part in parts))
_SIDES = {"C": "call", "P": "put"}
_SERIES = {"S": True, "N": False}
_OF_INTERVALS = ("quote_datetime", "ticker")


def recognise(data: bytes) -> bool:
    head = data[:8192].lower()
    return all(name in head for name in (b"mm_buy_vol", b"mm_sell_vol", b"call_put_flag"))


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of any number of days and underlyings, of the one exchange that is declared."""
    no_session(declared)
    exchange = checked_exchange(declared.exchange)
    texts, ragged = csv_table.read_texts(data)
    names = [_plain(name) for name in texts.columns]
    if found := set(_OF_INTERVALS).intersection(names):
        raise Unreadable(f"column {min(found)!r}: the volume of intervals within a day; load the summary of whole days")
    optional = [name for name in ("series_type", *_OPTIONAL.values()) if name in names]
    table = csv_table.spelled(texts, _plain, [*_NEEDED, *optional])
    negative = (pl.col("is_part_negative"), "negative_quantity")
    return open_close_report(_typed(table, exchange, optional), ragged, required=[*_SUMS, "strike"], reasons=[negative])


def _plain(name: str) -> str:
    return name.strip().lower()


def _typed(table: pl.DataFrame, exchange: str, optional: list[str]) -> pl.DataFrame:
    counted = [*(part for parts in _SUMS.values() for part in parts), *(n for n in _OPTIONAL.values() if n in optional)]
    number = csv_table.number
    typed = table.select(
        "row_number",
        row_text=csv_table.row_texts(table),
        session_date=_day("quote_date"),
        exchange=pl.lit(exchange),
        root=csv_table.text("option_symbol").str.strip_prefix("^").str.replace_all(r"[./ ]", ""),
        expiry_date=_day("expiration_date"),
        strike=number("strike_price"),
        option_type=_word("call_put_flag", _SIDES, pl.String()),
        is_unreadable=pl.any_horizontal(csv_table.is_no_number(name) for name in counted),
        is_part_negative=pl.any_horizontal(number(name) < 0 for name in counted),
        **{ours: pl.sum_horizontal(map(number, parts), ignore_nulls=False) for ours, parts in _SUMS.items()},
        **{
            ours: number(theirs) if theirs in optional else pl.lit(None, dtype=pl.Float64)
            for ours, theirs in _OPTIONAL.items()
        },
    )
    return typed.with_columns(
        underlying=plain_symbols(table["underlying_symbol"]),
        is_standard=_standard(table, typed["root"], is_stated="series_type" in optional),
        contract_id=osi_symbol(),
    )


def _day(name: str) -> pl.Expr:
    """Written 2025-03-28, 03/28/2025 or 20250328."""
    text = csv_table.text(name)
    return pl.coalesce(text.str.to_date(form, strict=False) for form in ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d"))


def _word(name: str, meanings: Mapping[str, object], dtype: pl.DataType) -> pl.Expr:
    return csv_table.text(name).str.to_uppercase().replace_strict(meanings, default=None, return_dtype=dtype)


def _standard(table: pl.DataFrame, roots: pl.Series, *, is_stated: bool) -> pl.Series:
    """As the file says of the series (null where it says something else), or as the root does."""
    if is_stated:
        return table.select(_word("series_type", _SERIES, pl.Boolean())).to_series()
    known = {root: root_of(root).is_standard for root in roots.drop_nulls().unique()}
    return roots.replace_strict(known, default=False, return_dtype=pl.Boolean)
