"""Records of Deribit responses as typed columns: what is odd in one record never reaches the others."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from pipelines.sources.chain_rows import LARGEST_NUMBER, Reason
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA
from pipelines.sources.coin_names import NO_OPTION, name_parts
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, LONGEST_ROW_TEXT

ORIGIN_SCHEMA = {
    "row_number": pl.Int64(), "response": pl.Int64(), "captured_at": pl.Datetime("us"), "is_captured": pl.Boolean(),
}  # fmt: skip
NAME_KEY = "instrument_name"
LONGEST_TEXT = 100
_ODD: Any = object()
_LARGEST_INTEGER = 2**62
_EPOCH = datetime(1970, 1, 1)
_FIRST_MS = int((datetime(EARLIEST_YEAR, 1, 1) - _EPOCH).total_seconds()) * 1000
_LAST_MS = int((datetime(LATEST_YEAR + 1, 1, 1) - _EPOCH).total_seconds()) * 1000 - 1
_AHEAD = pl.duration(hours=24)  # no two clocks differ by more
_NO_STRIKE = r"-0+(?:[dD.]0+)?-[CP]$"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which key of a record fills which column. Clocks are in milliseconds; of identifiers some are numbers."""

    numbers: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    clocks: Mapping[str, str] = field(default_factory=dict)
    integers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of one kind that hold together, and those set aside (COIN_REJECTED_SCHEMA)."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    duplicates: int = 0
    passed: int = 0


def table(records: Sequence[Any], origins: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """A row a record: ORIGIN_SCHEMA, `name`, the layout's columns, and `odd`, a reason where a value has a wrong type.

    A key that is missing is null, as is null.
    """
    found = [record if type(record) is dict else {} for record in records]
    odd: list[str | None] = [None if type(record) is dict else "not_a_record" for record in records]

    def column(key: str, read: Callable[[Any], Any], dtype: pl.DataType, reason: str) -> pl.Series:
        values = [record.get(key) for record in found]
        if not _is_plain(values, dtype):
            values = [read(value) for value in values]
            for place, value in enumerate(values):
                if value is _ODD:
                    values[place], odd[place] = None, odd[place] or reason
        return pl.Series(values, dtype=dtype)

    columns = {
        "name": column(NAME_KEY, _text, pl.String(), "unreadable_symbol"),
        **{name: column(key, _number, pl.Float64(), "unreadable_number") for name, key in layout.numbers.items()},
        **{name: column(key, _integer, pl.Int64(), "unreadable_number") for name, key in layout.integers.items()},
        **{name: column(key, _text, pl.String(), "unreadable_text") for name, key in layout.texts.items()},
        **{
            name: column(key, _clock, pl.Int64(), "unreadable_clock").cast(pl.Datetime("ms")).cast(pl.Datetime("us"))
            for name, key in layout.clocks.items()
        },
    }
    return origins.with_columns(**columns, odd=pl.Series(odd, dtype=pl.String))


def _is_plain(values: list[Any], dtype: pl.DataType) -> bool:
    """That reading each value by itself would change none: told without a look at each, for nearly all are so."""
    types = set(map(type, values)) - {type(None)}
    if not types:
        return True
    stated = [value for value in values if value is not None]
    if types == {float}:
        return dtype == pl.Float64
    if types == {int}:
        return dtype == pl.Int64 and min(stated) >= _FIRST_MS and max(stated) <= _LAST_MS
    if types != {str} or dtype != pl.String:
        return False
    joined = "".join(stated)
    return (
        joined.isascii() and joined.isprintable() and 0 < min(map(len, stated)) <= max(map(len, stated)) <= LONGEST_TEXT
    )


def with_contracts(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The rows with CONTRACT_SCHEMA, null where the name is that of no option; and how many are of other products."""
    rows = pl.concat([rows, name_parts(rows["name"])], how="horizontal")
    is_other = rows.select((pl.col("contract_id").is_null() & pl.col("name").str.contains(NO_OPTION)).fill_null(False))
    ours = rows.filter(~is_other.to_series())
    return ours, rows.height - ours.height


def contract_reasons() -> list[Reason]:
    return [
        (pl.col("odd") == "not_a_record", "not_a_record"),
        (pl.col("contract_id").is_null() & pl.col("name").str.contains(_NO_STRIKE), "strike_not_positive"),
        (pl.col("contract_id").is_null(), "unreadable_symbol"),
    ]


def number_reasons(prices: Sequence[str], quantities: Sequence[str], others: Sequence[str] = ()) -> list[Reason]:
    def of_any(names: Sequence[str], is_wrong: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        return pl.any_horizontal(pl.lit(value=False), *(is_wrong(pl.col(name)) for name in names))

    return [
        (of_any([*prices, *quantities, *others], lambda number: ~number.is_finite()), "not_finite"),
        (of_any(prices, lambda price: price < 0), "negative_price"),
        (of_any(quantities, lambda quantity: quantity < 0), "negative_quantity"),
        (of_any(prices, lambda price: price > LARGEST_NUMBER), "not_a_price"),
        (of_any(quantities, lambda quantity: quantity > LARGEST_NUMBER), "not_a_quantity"),
    ]


def is_ahead(clock: str) -> pl.Expr:
    """That a row is later than any clock could have had it when it was captured."""
    return pl.col("is_captured") & (pl.col(clock) > pl.col("captured_at") + _AHEAD)


def judge(
    rows: pl.DataFrame, records: Sequence[Any], reasons: Sequence[Reason], *, kind: str, day_ts: str, passed: int = 0
) -> Judged:
    """Apart by the first reason found; one that a type gave comes last. `rows` may be fewer than `records`."""
    first = pl.coalesce(*(pl.when(wrong.fill_null(False)).then(pl.lit(name)) for wrong, name in reasons), pl.col("odd"))
    judged = rows.with_columns(reason=first)
    bad = judged.filter(pl.col("reason").is_not_null())
    if bad.is_empty():
        return Judged(judged.drop("reason"), nothing_rejected(), passed=passed)
    texts = [shown(records[place]) for place in bad["place"]]
    part = pl.col("option_type") if "option_type" in bad.columns else pl.lit(None, dtype=pl.String)
    rejected = bad.select(
        "row_number",
        part.fill_null("row").alias("row_part"),
        "reason",
        pl.Series("row_text", texts, dtype=pl.String),
        pl.lit(kind).alias("kind"),
        "underlying",
        pl.coalesce(pl.col(day_ts), pl.col("captured_at")).alias("day_ts"),
    )
    kept = judged.filter(pl.col("reason").is_null()).drop("reason")
    return Judged(kept, rejected.cast(COIN_REJECTED_SCHEMA), passed=passed)  # type: ignore[arg-type]


def once(rows: pl.DataFrame, key: Sequence[str], facts: Sequence[str], *, kind: str, day_ts: str) -> Judged:
    """Each key once, as it was stated first: an exact repeat is a duplicate, a differing one is rejected."""
    if rows.is_empty() or rows.select(pl.struct(key).is_unique().all()).item():
        return Judged(rows, nothing_rejected())
    distinct = rows.unique(list(facts), keep="first", maintain_order=True)
    is_first = distinct.select(pl.struct(key).is_first_distinct()).to_series()
    conflicting = distinct.filter(~is_first)
    name = next(name for name in ("contract_id", "symbol", "underlying") if name in rows.columns)
    rejected = conflicting.select(
        "row_number",
        pl.col("option_type").alias("row_part") if "option_type" in rows.columns else pl.lit("row").alias("row_part"),
        pl.lit("conflicting_duplicate").alias("reason"),
        pl.col(name).alias("row_text"),
        pl.lit(kind).alias("kind"),
        pl.col("underlying"),
        pl.col(day_ts).alias("day_ts"),
    )
    return Judged(
        distinct.filter(is_first),
        rejected.cast(COIN_REJECTED_SCHEMA),  # type: ignore[arg-type]
        rows.height - distinct.height,
    )


def changes(rows: pl.DataFrame, key: Sequence[str], said: Sequence[str], *, kind: str, day_ts: str) -> Judged:
    """Each key as it was stated first, and again whenever a later capture states it differently. In order of the key.

    What one capture states in two ways is a conflict.
    """
    found = once(rows, [*key, "known_at"], [*said, "known_at"], kind=kind, day_ts=day_ts)
    ordered = found.rows.sort(*key, "known_at")
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in said)
    changed = ordered.filter(~is_same)
    return Judged(changed, found.rejected, found.duplicates + ordered.height - changed.height)


def nothing_rejected() -> pl.DataFrame:
    return pl.DataFrame(schema=COIN_REJECTED_SCHEMA)


def _number(value: Any) -> Any:
    """A JSON number or null; an integer may be longer than any float."""
    if value is None or type(value) is float:
        return value
    if type(value) is not int:
        return _ODD
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _integer(value: Any) -> Any:
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) < _LARGEST_INTEGER else _ODD


def _clock(value: Any) -> Any:
    number = _integer(value)
    return number if number is None or (number is not _ODD and _FIRST_MS <= number <= _LAST_MS) else _ODD


def _text(value: Any) -> Any:
    """A short word, or a number that stands for one; none where it is empty."""
    if type(value) is str:
        return (value or None) if len(value) <= LONGEST_TEXT and value.isascii() and value.isprintable() else _ODD
    if value is None:
        return None
    return str(value) if type(value) is int and abs(value) < _LARGEST_INTEGER else _ODD


def shown(record: Any) -> str:
    try:
        return json.dumps(record)[:LONGEST_ROW_TEXT]
    except RecursionError:  # it could just be read
        return "nested too deeply to be shown"
