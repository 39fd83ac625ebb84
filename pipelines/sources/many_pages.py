"""Files that hold many chains: the rows of several underlyings and instants, gathered into a page each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import polars as pl

from pipelines.calendar import FIRST_DAY, LAST_DAY, new_york_to_utc, us_sessions
from pipelines.markets import root_of
from pipelines.sources.chain_rows import (
    CHAIN_ROW_SCHEMA,
    LARGEST_NUMBER,
    Reason,
    first_expiry,
    judge,
    plain_symbol,
    without_repeats,
)
from pipelines.sources.csv_table import row_texts
from pipelines.sources.page import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    REJECTED_SCHEMA,
    ChainPage,
    OpenInterestRule,
    Unreadable,
)

US_SYMBOL = r"^[A-Z]{1,10}$"
_PLACE = ["underlying", "quote_ts"]
_STATED = ["underlying_last", "header_ts"]

Place = tuple[Any, ...]
Groups = dict[Place, pl.DataFrame]


def gather(
    typed: pl.DataFrame,
    table: pl.DataFrame,
    unreadable: pl.DataFrame,
    *,
    required: Sequence[str],
    reasons: Sequence[Reason],
    open_interest_rule: OpenInterestRule,
) -> list[ChainPage]:
    """The pages of a file, by underlying and instant. All rows of one row_number belong to the same page.

    `typed`: what `judge` asks for but for row_text, and underlying (null: that of the root), quote_ts and header_ts
    (UTC) and underlying_last. `table`: the cells as they stand in the file, by row_number. `unreadable`: rows that
    could not be typed. Rows that belong to no page are counted with the first.
    """
    rows_in = typed.height + unreadable.height
    nothing = pl.lit(None, dtype=pl.String)
    typed = typed.with_columns(owner=owners(typed["root"])).with_columns(underlying=pl.coalesce("underlying", "owner"))
    kept, rejected = judge(
        typed.with_columns(row_text=nothing), required=required, reasons=[*reasons, *_PLACING_REASONS]
    )
    rejected = pl.concat([unreadable, with_texts(rejected, table)])
    if kept.is_empty():
        reason = rejected["reason"][0] if rows_in else "there are none"
        raise Unreadable(f"none of {rows_in} rows can be read ({reason})")
    places = typed.select("row_number", *_PLACE, *_STATED).unique("row_number")
    groups = _grouped(kept.join(places, on="row_number", how="left", maintain_order="left"))
    homes = pl.DataFrame(list(groups), schema={name: typed.schema[name] for name in _PLACE}, orient="row")
    found = rejected.join(places.join(homes, on=_PLACE, how="semi"), on="row_number", how="left")
    first = min(groups, key=_order)
    set_aside = _grouped(
        found.with_columns(pl.col(name).fill_null(value) for name, value in zip(_PLACE, first, strict=True))
    )
    none = pl.DataFrame(schema=REJECTED_SCHEMA)
    return [
        _page(place, groups[place], set_aside.get(place, none), open_interest_rule)
        for place in sorted(groups, key=_order)
    ]


def session_instants(days: pl.Series, clock: time | None) -> pl.Series:
    """A New York wall clock of each day (None: the session's close) in UTC; null where the day is no session."""
    calendar = us_sessions()
    instants: dict[date, datetime | None] = {
        day: new_york_to_utc(day, clock) if clock else calendar.close_of(day)
        for day in days.filter(days.is_between(FIRST_DAY, LAST_DAY)).unique()
        if calendar.is_session(day)
    }
    return days.replace_strict(instants, default=None, return_dtype=pl.Datetime("us"))


def plain_symbols(names: pl.Series) -> pl.Series:
    """The underlyings as roots spell them; null where there is none."""
    spelled = {name: plain_symbol(name) or None for name in names.drop_nulls().unique()}
    return names.replace_strict(spelled, default=None, return_dtype=pl.String)


def _order(place: Place) -> list[str]:
    return [str(part) for part in place]


def with_texts(rejected: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Whole chains are seldom rejected: only what is needs its cells as one text."""
    cells = table.join(rejected.select("row_number").unique(), on="row_number", how="semi")
    texts = cells.select("row_number", row_text=row_texts(table))
    return rejected.drop("row_text").join(texts, on="row_number", how="left", maintain_order="left")


def _grouped(rows: pl.DataFrame) -> Groups:
    return rows.partition_by(_PLACE, as_dict=True, maintain_order=True)


def owners(roots: pl.Series) -> pl.Series:
    """The underlying of each root."""
    owners = {root: plain_symbol(root_of(root).underlying) for root in roots.drop_nulls().unique()}
    return roots.replace_strict(owners, default=None, return_dtype=pl.String)


_PLACING_REASONS: tuple[Reason, ...] = (
    (~pl.col("underlying").str.contains(US_SYMBOL).fill_null(value=False), "unreadable_underlying"),
    (pl.col("owner") != pl.col("underlying"), "symbol_contradicts_underlying"),
    (~pl.col("expiry_date").dt.year().is_between(2000, 2099), "expiry_out_of_range"),  # OSI symbols say two digits
    (pl.col("quote_ts").is_null(), "unreadable_time"),
    (~pl.col("quote_ts").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "time_out_of_range"),
    (~pl.col("header_ts").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "time_out_of_range"),
)


def _page(place: Place, group: pl.DataFrame, set_aside: pl.DataFrame, rule: OpenInterestRule) -> ChainPage:
    underlying, quote_ts = place
    rows, rejected, duplicates = without_repeats(
        group.select(list(CHAIN_ROW_SCHEMA)), set_aside.select(list(REJECTED_SCHEMA))
    )
    rejected = rejected.sort("row_number", "row_part")
    last = _underlying_last(group)
    return ChainPage(
        underlying=underlying,
        header_ts=group.select(pl.col("header_ts").max()).item(),
        quote_ts=quote_ts,
        open_interest_rule=rule,
        underlying_last=last,
        underlying_bid=None,
        underlying_ask=None,
        underlying_volume=None,
        rows=rows,
        rejected=rejected,
        rows_in=group.height + set_aside.height,
        rows_duplicate=duplicates,
        first_expiry=first_expiry(rows),
        body_sha256=_body_sha256(f"{underlying} {quote_ts} {last}", rows, rejected),
    )


def _underlying_last(group: pl.DataFrame) -> float | None:
    """The price that most rows state."""
    stated = pl.col("underlying_last")
    priced = group.filter(stated.is_finite() & stated.is_between(0, LARGEST_NUMBER, closed="right"))
    counts = (
        priced.group_by("underlying_last", maintain_order=True).len().sort("len", descending=True, maintain_order=True)
    )
    return float(counts["underlying_last"][0]) if counts.height else None


def _body_sha256(stated: str, *frames: pl.DataFrame) -> str:
    """Of the facts, wherever in the file they stand."""
    parts = [stated, *(frame.drop("row_number").write_csv() for frame in frames)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
