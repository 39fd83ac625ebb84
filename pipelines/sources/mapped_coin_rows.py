"""What readers of mapped coin chains and trades do with their rows once typed: judge, drop repeats, tell the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from models.conventions import COIN_IV_CEILING_FRAC
from pipelines.sources import coin_rows
from pipelines.sources.chain_rows import LARGEST_NUMBER, Reason
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA
from pipelines.sources.many_pages import with_texts
from pipelines.sources.mapped_cells import Cells
from pipelines.sources.mapping_keys import Moment, VolatilityUnit
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, REJECTED_SCHEMA, Unreadable

_LEAST_USUAL_IV_FRAC = 0.01
PLACE = ("underlying", "own_ts")


def numbers(cells: Cells, keys: Mapping[str, str]) -> dict[str, pl.Series | pl.Expr]:
    """Columns under our names; null where the file has none."""
    nothing = pl.lit(None, dtype=pl.Float64)
    return {name: cells.number(key) if cells.has(key) else nothing for name, key in keys.items()}


def moment(cells: Cells, key: str, declared: Moment | None) -> pl.Series | pl.Expr:
    return pl.lit(None, dtype=pl.Datetime("us")) if declared is None else cells.moment(key, declared)


def volatility(stated: pl.Series, unit: VolatilityUnit) -> pl.Series:
    """As a fraction; null where a venue's 0 or a value beyond belief says that there is none."""
    fraction = stated / (100 if unit == "percent" else 1)
    middle = fraction.filter(fraction > 0).median()
    if isinstance(middle, float) and not _LEAST_USUAL_IV_FRAC <= middle <= COIN_IV_CEILING_FRAC:
        raise Unreadable(f"mapping: iv_unit: as {unit} the usual volatility would be {middle * 100:.4g} %")
    return fraction.to_frame().select(coin_rows.volatility(pl.col(fraction.name))).to_series()


def stated(names: Iterable[str]) -> list[pl.Expr]:
    """Zero is what venues say where they have no such price."""
    return [pl.when(pl.col(name) != 0).then(name).alias(name) for name in names]


def number_reasons(prices: Sequence[str], quantities: Sequence[str], others: Sequence[str] = ()) -> list[Reason]:
    return [
        (pl.col("is_unreadable"), "unreadable_number"),
        (_any(~pl.col(name).is_finite() for name in (*prices, *quantities, *others)), "not_finite"),
        (_any(pl.col(name) < 0 for name in prices), "negative_price"),
        (_any(pl.col(name) > LARGEST_NUMBER for name in prices), "not_a_price"),
        (_any(pl.col(name) < 0 for name in quantities), "negative_quantity"),
        (_any(pl.col(name) > LARGEST_NUMBER for name in quantities), "not_a_quantity"),
        (pl.col("vendor_iv_frac") < 0, "negative_volatility"),
    ]


def time_reasons(*, is_known_stated: bool) -> list[Reason]:
    return [
        (pl.col("own_ts").is_null(), "unreadable_time"),
        (~pl.col("own_ts").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "time_out_of_range"),
        (pl.lit(is_known_stated) & pl.col("known_ts").is_null(), "unreadable_known_time"),
        (~pl.col("known_ts").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "time_out_of_range"),
    ]


def judge(typed: pl.DataFrame, reasons: Sequence[Reason]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that hold together, and the others with the first `reason` found."""
    judged = typed.with_columns(
        reason=pl.coalesce(*(pl.when(wrong.fill_null(value=False)).then(pl.lit(name)) for wrong, name in reasons))
    )
    return judged.filter(pl.col("reason").is_null()).drop("reason"), judged.filter(pl.col("reason").is_not_null())


def without_repeats(
    rows: pl.DataFrame, key: Sequence[str], facts: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """A key counts once: an exact repeat is a duplicate, a differing one is set aside."""
    if rows.n_unique(key) == rows.height:
        return rows, rows.clear().with_columns(reason=pl.lit(None, dtype=pl.String)), 0
    distinct = rows.unique(facts, keep="first", maintain_order=True)
    first = distinct.select(pl.struct(key).is_first_distinct()).to_series()
    conflicting = distinct.filter(~first).with_columns(reason=pl.lit("conflicting_duplicate"))
    return distinct.filter(first), conflicting, rows.height - distinct.height


def rejected(parts: Iterable[pl.DataFrame], cells: Cells, kind: str) -> pl.DataFrame:
    """The rows set aside, as COIN_REJECTED_SCHEMA."""
    told = pl.concat([part.select("row_number", *PLACE, "reason", row_part="option_type") for part in parts])
    nothing = pl.lit(None, dtype=pl.String)
    typed = with_texts(told.with_columns(pl.col("row_part").fill_null("row"), row_text=nothing), cells.table)
    instant = pl.col("own_ts")
    in_range = instant.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR)
    ragged = cells.ragged.with_columns(underlying=nothing, day_ts=pl.lit(None, dtype=pl.Datetime("us")))
    columns = (*REJECTED_SCHEMA, "underlying", "day_ts")
    found = typed.with_columns(day_ts=pl.when(in_range).then(instant)).select(columns)
    both = pl.concat([found, ragged.select(columns)]).with_columns(kind=pl.lit(kind))
    return both.select(list(COIN_REJECTED_SCHEMA)).sort("row_number")


def check_any(kept: pl.DataFrame, set_aside: pl.DataFrame, rows_in: int) -> None:
    if kept.is_empty():
        reason = set_aside["reason"][0] if set_aside.height else "no options" if rows_in else "there are none"
        raise Unreadable(f"none of {rows_in} rows can be read ({reason})")


def _any(wrong: Iterable[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(value=False), *(one.fill_null(value=False) for one in wrong))
