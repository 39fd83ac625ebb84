"""Cboe DataShop's Option EOD Summary, in its `Calcs` and its `Quotes` width: many underlyings and days in one file.

A line has two clocks: 15 minutes before the close, in `Calcs` with the vendor's greeks, and the close. So a day of an
underlying gives two pages. Open interest is that of the session's start; zeros mean none.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pipelines.calendar import FIRST_DAY, LAST_DAY, REGULAR_CLOSE, us_sessions, utc_to_new_york
from pipelines.markets import root_of
from pipelines.sources.chain_rows import LARGEST_NUMBER, judge, osi_symbol, plain_symbol, without_repeats
from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA, ChainPage, Declared, Unreadable
from pipelines.sources.text import decode, refuse_endless_line

NAME = "cboe_datashop_eod"
LARGEST_BYTES = 256 * 2**20

BEFORE_CLOSE = timedelta(minutes=15)
# The vendor says when it takes the early quotes of an early close from this day on only.
EARLY_CLOSES_KNOWN_FROM = date(2020, 2, 5)

_TEXTS = ("underlying_symbol", "quote_date", "root", "expiration", "option_type", "delivery_code")
_NUMBERS = (
    "strike", "close", "trade_volume", "open_interest", "bid_1545", "ask_1545", "bid_eod", "ask_eod",
    "underlying_bid_1545", "underlying_ask_1545", "underlying_bid_eod", "underlying_ask_eod",
)  # fmt: skip
_CALCULATED = (
    "active_underlying_price_1545", "implied_underlying_price_1545", "implied_volatility_1545", "delta_1545",
    "gamma_1545",
)  # fmt: skip
_TYPES = {**dict.fromkeys(_TEXTS, pl.String()), **dict.fromkeys((*_NUMBERS, *_CALCULATED), pl.Float64())}
_SYMBOL = re.compile(r"\^?[A-Z][A-Z./]{0,9}")
_OPTION_TYPES = {"C": "call", "c": "call", "P": "put", "p": "put"}
_CLOCKS = ("eod", "1545")  # the close comes first: it alone has the day's volume
# What a row holds at each clock. Volume and last trade are the whole day's, so nobody knew them before its close.
_AT = {
    "eod": {"bid": "bid_eod", "ask": "ask_eod", "last": "close", "volume": "trade_volume"},
    "1545": {
        "bid": "bid_1545", "ask": "ask_1545", "vendor_iv_frac": "implied_volatility_1545",
        "vendor_delta": "delta_1545", "vendor_gamma": "gamma_1545",
    },
}  # fmt: skip
_STATED = ("bid", "ask", "last", "volume", "vendor_iv_frac", "vendor_delta", "vendor_gamma")

_Frames = dict[int, pl.DataFrame]


def recognise(data: bytes) -> bool:
    head = data[:2048].lower()
    return all(name in head for name in (b"underlying_symbol", b"quote_date", b"_1545", b"_eod"))


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """Two pages for each underlying and day; lines that belong to none are counted on the first page."""
    del declared
    refuse_endless_line(data)
    header, lines = _lines(decode(data))
    is_whole = pl.col("row_text").str.count_matches(",", literal=True) == len(header) - 1
    ragged = lines.filter(~is_whole).with_columns(reason=pl.lit("wrong_column_count"))
    table, unplaced = _placed(_typed(header, lines.filter(is_whole)))
    strays = [_set_aside(ragged), _set_aside(unplaced)]
    at_clock = {clock: _judged(table, clock, has_greeks=_CALCULATED[0] in header) for clock in _CLOCKS}
    texts = _by_day(table.select("day", "row_text"))
    found: list[ChainPage] = []
    for day in _days(table).iter_rows(named=True):
        body = hashlib.sha256("\n".join(texts[day["day"]]["row_text"]).encode())
        for clock, quote_ts in _clocks_of(day["quote_date"]):
            rows, rejected = (part.get(day["day"]) for part in at_clock[clock])
            body.update(clock.encode())
            if rows is not None:
                found.append(_page(day, clock, quote_ts, rows, rejected, body.hexdigest()))
            elif rejected is not None:
                strays.append(_of_clock(rejected, clock))
    return _with_strays(found, pl.concat(strays), lines.height)


def _lines(text: str) -> tuple[list[str], pl.DataFrame]:
    """The names of the columns, and the other lines with their numbers."""
    lines = text.replace("\r\n", "\n").split("\n")
    header = [name.strip().lower() for name in lines[0].split(",")]
    for name in (*_TEXTS, *_NUMBERS, *(_CALCULATED if set(header) & set(_CALCULATED) else ())):
        if header.count(name) != 1:
            raise Unreadable(f"no column {name}" if name not in header else f"two columns {name}")
    frame = pl.DataFrame({"row_number": pl.int_range(1, len(lines) + 1, eager=True), "row_text": lines})
    frame = frame.slice(1).filter(pl.col("row_text").str.strip_chars() != "")
    if frame.is_empty():
        raise Unreadable("the file lists no contracts")
    return header, frame


def _typed(header: list[str], lines: pl.DataFrame) -> pl.DataFrame:
    """The columns of need; what is no number is null, as are calculated columns that the file does not have."""
    places = {name: place for place, name in enumerate(header) if name in _TYPES}
    # Other columns may bear any name, even one twice.
    schema = {
        name if name in _TYPES else f"unused {place}": _TYPES.get(name, pl.String())
        for place, name in enumerate(header)
    }
    table = pl.DataFrame(schema={name: _TYPES[name] for name in places})
    if not lines.is_empty():
        text = "\n".join(lines["row_text"]).encode()
        table = pl.read_csv(
            text, has_header=False, schema=schema, columns=list(places.values()), quote_char=None, ignore_errors=True
        )
    return table.select(
        *(pl.col(name).fill_null("").str.strip_chars() for name in _TEXTS),
        *_NUMBERS,
        *(name if name in places else pl.lit(None, dtype=pl.Float64).alias(name) for name in _CALCULATED),
        *lines,
    )


def _placed(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Contracts with the number of their underlying's day, and lines of which nobody can tell it, with the reason."""
    listed = [symbol for symbol in table["underlying_symbol"].unique() if _SYMBOL.fullmatch(symbol)]
    table = table.with_columns(
        underlying=_looked_up("underlying_symbol", {symbol: plain_symbol(symbol) for symbol in listed}),
        quote_date=pl.col("quote_date").str.to_date("%Y-%m-%d", strict=False),
        expiry_date=pl.col("expiration").str.to_date("%Y-%m-%d", strict=False),
        root=pl.col("root").str.strip_prefix("^"),
        option_type=_looked_up("option_type", _OPTION_TYPES),
        is_adjusted=pl.col("delivery_code") != "",
    )
    days = table["quote_date"].unique().drop_nulls()
    days = days.filter(days.is_between(FIRST_DAY, LAST_DAY))  # a year of five digits is no date of Python's
    sessions = days.filter(pl.Series([us_sessions().is_session(day) for day in days], dtype=pl.Boolean))
    table = table.with_columns(
        reason=pl.when(pl.col("underlying").is_null())
        .then(pl.lit("unreadable_underlying"))
        .when(pl.col("quote_date").is_null())
        .then(pl.lit("unreadable_date"))
        .when(~pl.col("quote_date").is_in(sessions.implode()))
        .then(pl.lit("not_a_session"))
    )
    placed = table.filter(pl.col("reason").is_null())
    numbered = placed.select("underlying", "quote_date").unique(maintain_order=True).with_row_index("day")
    placed = placed.join(numbered, on=["underlying", "quote_date"], how="left", maintain_order="left")
    return placed, table.filter(pl.col("reason").is_not_null())


def _looked_up(column: str, names: dict[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(names, default=None, return_dtype=pl.String)


def _set_aside(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.with_columns(pl.col("row_text").str.head(LONGEST_ROW_TEXT), row_part=pl.lit("row")).select(
        list(REJECTED_SCHEMA)
    )


def _judged(table: pl.DataFrame, clock: str, *, has_greeks: bool) -> tuple[_Frames, _Frames]:
    """By day: what the rows say at one clock, and those that do not hold together."""
    stated = _AT[clock]
    none = pl.lit(None, dtype=pl.Float64)
    typed = table.select(
        "row_number", "row_text", "day", "quote_date", "root", "expiry_date", "option_type", "strike", "open_interest",
        "is_adjusted",
        *((pl.col(stated[name]) if name in stated else none).alias(name) for name in _STATED),
        contract_id=osi_symbol(),
        multiplier=none,
        is_foreign=_is_foreign(table),
    )  # fmt: skip
    required = [name for name, column in stated.items() if has_greeks or column not in _CALCULATED]
    reasons = [
        (pl.col("is_foreign"), "root_of_another_underlying"),
        (pl.col("expiry_date") < pl.col("quote_date"), "expiry_before_session"),
        (pl.col("expiry_date").dt.year() > 2099, "expiry_out_of_range"),  # OSI symbols say two digits
    ]
    rows, rejected = judge(typed, required=[*required, "open_interest", "strike"], reasons=reasons)
    rows = rows.with_columns(pl.when(pl.col("last") > 0).then("last"))
    days = table.select("row_number", "day")
    rows, rejected = (
        frame.join(days, on="row_number", how="left", maintain_order="left") for frame in (rows, rejected)
    )
    return _by_day(rows), _by_day(rejected.with_columns(pl.col("row_text").str.head(LONGEST_ROW_TEXT)))


def _is_foreign(table: pl.DataFrame) -> pl.Series:
    """An index option settles as its root says, so its root must be declared; a share had roots of any letters."""
    pairs = table.select("underlying", "root").unique()
    wrong = []
    for underlying, root in pairs.iter_rows():
        declared = root_of(root)
        is_index = "european" in (declared.exercise, root_of(underlying).exercise)
        wrong.append(is_index and declared.underlying != underlying)
    pairs = pairs.with_columns(is_foreign=pl.Series(wrong, dtype=pl.Boolean))
    return table.join(pairs, on=["underlying", "root"], how="left", maintain_order="left")["is_foreign"]


def _by_day(frame: pl.DataFrame) -> _Frames:
    parts = frame.partition_by("day", as_dict=True, include_key=False, maintain_order=True)
    return {day: part for (day,), part in parts.items()}


def _days(table: pl.DataFrame) -> pl.DataFrame:
    """One row per underlying and day, with what its lines say of the underlying."""

    def known(name: str) -> pl.Expr:
        return pl.col(name).filter(_is_price(name))

    implied = "implied_underlying_price_1545"
    return table.group_by("day", "underlying", "quote_date", maintain_order=True).agg(
        *(known(f"underlying_{side}_{clock}").median() for side in ("bid", "ask") for clock in _CLOCKS),
        known("active_underlying_price_1545").median(),
        # It differs between expiries, and the nearest is closest to the spot.
        known(implied).sort_by(pl.col("expiry_date").filter(_is_price(implied)), nulls_last=True).first(),
    )


def _is_price(name: str) -> pl.Expr:
    return (pl.col(name) > 0) & (pl.col(name) < LARGEST_NUMBER)


def _clocks_of(day: date) -> list[tuple[str, datetime]]:
    close = us_sessions().close_of(day)
    is_early = utc_to_new_york(close).time() < REGULAR_CLOSE
    clocks = [("eod", close)]
    return clocks if is_early and day < EARLY_CLOSES_KNOWN_FROM else [*clocks, ("1545", close - BEFORE_CLOSE)]


def _of_clock(rejected: pl.DataFrame, clock: str) -> pl.DataFrame:
    """A line is two records, so those of the earlier clock bear its name."""
    if clock == "eod" or rejected.is_empty():
        return rejected
    return rejected.with_columns(pl.col("row_part") + f"_{clock}")


def _page(
    day: dict[str, Any], clock: str, quote_ts: datetime, rows: pl.DataFrame, rejected: pl.DataFrame | None, body: str
) -> ChainPage:
    rejected = pl.DataFrame(schema=REJECTED_SCHEMA) if rejected is None else rejected
    rows_in, duplicates = rows.height + rejected.height, 0
    if rows["contract_id"].n_unique() < rows.height:
        rows, rejected, duplicates = without_repeats(rows, rejected)
    first_expiry = rows["expiry_date"].min()
    assert isinstance(first_expiry, date)
    bid, ask = day[f"underlying_bid_{clock}"], day[f"underlying_ask_{clock}"]
    last = None if bid is None or ask is None else (bid + ask) / 2
    if clock == "1545":
        last = day["active_underlying_price_1545"] or last or day["implied_underlying_price_1545"]
    return ChainPage(
        underlying=day["underlying"],
        header_ts=None,
        quote_ts=quote_ts,
        open_interest_rule="session_start",
        underlying_last=last,
        underlying_bid=bid,
        underlying_ask=ask,
        underlying_volume=None,
        rows=rows,
        rejected=_of_clock(rejected, clock),
        rows_in=rows_in,
        rows_duplicate=duplicates,
        first_expiry=first_expiry,
        body_sha256=body,
    )


def _with_strays(found: list[ChainPage], strays: pl.DataFrame, lines: int) -> list[ChainPage]:
    if not found:
        raise Unreadable(f"none of {lines} rows can be read ({strays['reason'][0]})")
    first, *others = found
    rejected = pl.concat([first.rejected, strays]).sort("row_number", "row_part")
    return [replace(first, rejected=rejected, rows_in=first.rows_in + strays.height), *others]
