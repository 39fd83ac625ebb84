"""What readers of open-close files do with their rows once typed: expiry, the checks that all share, the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from pipelines.calendar import FIRST_DAY, us_sessions
from pipelines.markets import root_of
from pipelines.sources.chain_rows import LARGEST_NUMBER, OSI_SYMBOL, Reason
from pipelines.sources.many_pages import US_SYMBOL
from pipelines.sources.page import LONGEST_ROW_TEXT, Unreadable
from pipelines.sources.reports.piped import split_by_reason
from pipelines.sources.reports.report import ReportFile, judged
from pipelines.tables.clearing import ORIGIN_COLUMNS

TABLE = "open_close_volume"
EXCHANGE = r"^[A-Z][A-Z0-9]{0,9}$"
NO_EXCHANGE = "the file does not say whose trades it counts: load it with --exchange NAME, such as C1"
_LAST_EXPIRY = date(2099, 12, 31)
_MAKERS = ("market_maker_buy_contracts", "market_maker_sell_contracts")
_STATED = ("exchange_volume_contracts", "industry_volume_contracts", "open_interest")
COUNTS = (*_MAKERS, *ORIGIN_COLUMNS, *_STATED)
_BUYS, _SELLS = (
    (f"market_maker_{side}_contracts", *(name for name in ORIGIN_COLUMNS if name.endswith(f"_{side}_contracts")))
    for side in ("buy", "sell")
)


def checked_exchange(name: str | None) -> str:
    """The exchange that its owner names; Unreadable without one."""
    if name is None:
        raise Unreadable(NO_EXCHANGE)
    if not re.fullmatch(EXCHANGE, name):
        raise Unreadable(f"{name[:20]!r} is not the name of an exchange: write a short upper-case word, such as C1")
    return name


def open_close_report(
    typed: pl.DataFrame, ragged: pl.DataFrame, *, required: Sequence[str], reasons: Sequence[Reason] = ()
) -> ReportFile:
    """The report of typed rows.

    `typed`: row_number, row_text, session_date, underlying, exchange, contract_id, root, expiry_date, strike,
    option_type, is_standard, is_unreadable (a cell that ought to be a number is none) and COUNTS. `ragged`: rows that
    could not be typed. `required`: the counts without which a row is rejected. `reasons` are judged after the common
    ones.
    """
    rows = typed.with_columns(expiry_ts=_expiry_instants(typed))
    kept, wrong = split_by_reason(rows, [*_common(required), *reasons, (_is_one_sided(), "sides_do_not_balance")])
    placed = kept.with_columns(
        pl.col("row_text").str.head(LONGEST_ROW_TEXT),
        part=pl.col("underlying"),
        published_date=pl.lit(None, dtype=pl.Date),
    )
    return judged(TABLE, placed, pl.concat([ragged, wrong]), typed.height + ragged.height)


def _common(required: Sequence[str]) -> list[Reason]:
    counts = [pl.col(name) for name in COUNTS]
    session, expiry = pl.col("session_date"), pl.col("expiry_date")
    return [
        (session.is_null(), "unreadable_date"),
        (~session.is_in(pl.Series(us_sessions().sessions, dtype=pl.Date).implode()), "not_a_session"),
        (~pl.col("underlying").str.contains(US_SYMBOL).fill_null(value=False), "unreadable_underlying"),
        (~pl.col("exchange").str.contains(EXCHANGE).fill_null(value=False), "unreadable_exchange"),
        (pl.col("is_unreadable"), "unreadable_number"),
        (pl.any_horizontal(pl.col(name).is_null() for name in required), "unreadable_number"),
        (pl.any_horizontal(~count.is_finite() for count in counts), "not_finite"),
        (pl.any_horizontal(count < 0 for count in counts), "negative_quantity"),
        (pl.any_horizontal((count != count.floor()) | (count > LARGEST_NUMBER) for count in counts), "not_a_quantity"),
        ((pl.col("strike") <= 0) | ~pl.col("strike").is_finite(), "strike_not_positive"),
        (
            (~pl.col("contract_id").str.contains(OSI_SYMBOL)).fill_null(value=True) | expiry.is_null(),
            "unreadable_symbol",
        ),
        (pl.col("expiry_ts").is_null(), "expiry_out_of_range"),
        (expiry < session, "expiry_before_session"),
        (pl.col("is_standard").is_null(), "unreadable_series_type"),
    ]


def _is_one_sided() -> pl.Expr:
    """Each trade has a buyer and a seller on the same exchange; told only where every origin is stated."""
    bought, sold = (pl.sum_horizontal(names, ignore_nulls=False) for names in (_BUYS, _SELLS))
    return bought != sold


def _expiry_instants(rows: pl.DataFrame) -> pl.Series:
    """By the calendar; null before it, and beyond what OSI symbols can say."""
    calendar = us_sessions()
    pairs = rows.select("root", "expiry_date")
    known = (
        pairs.unique(maintain_order=True).drop_nulls().filter(pl.col("expiry_date").is_between(FIRST_DAY, _LAST_EXPIRY))
    )

    def instant(root: str, day: date) -> datetime:
        return calendar.expiry_instant(day, root_of(root).settlement)

    instants = pl.Series([instant(*pair) for pair in known.iter_rows()], dtype=pl.Datetime("us"))
    return pairs.join(known.with_columns(expiry_ts=instants), on=pairs.columns, how="left", maintain_order="left")[
        "expiry_ts"
    ]
