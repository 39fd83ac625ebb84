"""Trades of options as tardis.dev sells them (`trades`): the taker's side, price in what the venue quotes, coins.

The layout has no volatility, no index and no word on blocks, combos or liquidations: every trade counts as one of the
screen. Its `liquidations` files look the same and are none of these; their rows are trades told twice.

What is complete: a file of several contracts holds every trade between its own. A silence of more than an hour, in
which the recorder may have been cut off, is not covered, nor is the time around a row that was set aside. What begins
or ends within ten minutes of a UTC midnight goes until it, for the vendor cuts at midnight, by the recorder's clock. A
file of a single contract covers nothing.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import polars as pl

from pipelines.sources import csv_table, tardis_lines
from pipelines.sources.coin_file import COVERAGE_SCHEMA, CoinFile
from pipelines.sources.coin_names import name_parts
from pipelines.sources.coin_rows import judge, without_repeats
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.tardis_lines import EXCHANGE, LEADING, TardisLines

NAME = "tardis_trades"
LARGEST_BYTES = 8 * 2**30
IS_STREAMED = True
REDUCTION = 1  # raised when the same file reduces to something else

_NUMBERS = {"price": "price", "quantity": "amount", "traded": "timestamp", "recorded": "local_timestamp"}
_COLUMNS = (*LEADING, "id", "side", "price", "amount")
_MOST_TRADES = 3_000_000
_LONGEST_SILENCE = timedelta(hours=1)
_NEAR_MIDNIGHT = timedelta(minutes=10)


def recognise(data: bytes) -> bool:
    return tardis_lines.recognise(data, _COLUMNS)


def coin_file_of(path: Path) -> CoinFile:
    """The trades of a file and what it covers."""
    with path.open("rb") as file:
        return _read(file)


def coin_file(data: bytes, declared: Declared) -> CoinFile:
    """The same of a file that is held anyway; it names everything itself."""
    del declared
    return _read(BytesIO(data))


def _read(file: BinaryIO) -> CoinFile:
    lines = TardisLines(file, _COLUMNS)
    typed = _typed(lines.cells(_lines_of_options(lines)))
    trades, refused = judge(
        typed,
        "trades",
        [
            (pl.col("recorded_ts").is_null(), "unreadable_clock"),
            (pl.col("is_unreadable"), "unreadable_number"),
        ],
    )
    broken = lines.broken_rows("trades")
    holes = pl.concat([refused["row_number"], broken["row_number"]]).sort()
    coverage = _coverage(trades.join(typed.select("row_number", "recorded_ts"), on="row_number"), holes)
    trades, others, repeats = without_repeats(trades, "trades")
    set_aside = pl.concat([refused, others, broken]).sort("row_number")
    return CoinFile(
        trades=trades,
        coverage=coverage,
        rejected=set_aside,
        rows_in=lines.rows,
        rows_duplicate=repeats,
        rows_passed=lines.rows - trades.height - set_aside.height - repeats,
    )


def _lines_of_options(lines: TardisLines) -> pl.DataFrame:
    pieces = [pl.DataFrame(schema={"row_number": pl.Int64(), "line": pl.String()})]
    count = 0
    for ours, texts in lines:
        # As Python's own: a gathered column of texts would hold on to the whole chunk.
        line = pl.Series(texts.gather(ours["place"]).to_list(), dtype=pl.String())
        pieces.append(ours.select("row_number", line=line))
        count += ours.height
        if count > _MOST_TRADES:
            raise Unreadable(f"more than {_MOST_TRADES} trades; split the file by days")
    if not count:
        raise Unreadable(f"no trades of options of {EXCHANGE} in {lines.rows} rows")
    return pl.concat(pieces)


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    names = table.select(pl.col("symbol").str.to_uppercase()).to_series()
    traded, recorded = (
        pl.from_epoch(csv_table.text(name).cast(pl.Int64, strict=False), time_unit="us")
        for name in ("timestamp", "local_timestamp")
    )
    typed = table.select(
        "row_number",
        "row_text",
        trade_ts=traded,
        known_at=traded,
        recorded_ts=recorded,
        trade_id=csv_table.text("id"),
        trade_seq=pl.lit(None, dtype=pl.Int64),
        taker_side=csv_table.text("side").str.to_lowercase(),
        price=csv_table.number("price"),
        quantity=csv_table.number("amount"),
        is_unreadable=pl.any_horizontal(csv_table.is_no_number(column) for column in _NUMBERS.values()),
        flow_class=pl.lit("screen"),
        **dict.fromkeys(("index_price", "vendor_iv_frac"), pl.lit(None, dtype=pl.Float64)),
        **dict.fromkeys(("liquidated_side", "block_id", "combo_id"), pl.lit(None, dtype=pl.String)),
    )
    return pl.concat([typed, name_parts(names)], how="horizontal")


def _coverage(trades: pl.DataFrame, holes: pl.Series) -> pl.DataFrame:
    """Spans by the recorder's clock, for every underlying of which the file has a trade. `holes`: rows set aside."""
    if trades["contract_id"].n_unique() < 2:
        return pl.DataFrame(schema=COVERAGE_SCHEMA)
    clock, hole = pl.col("recorded_ts"), pl.col("holes_before")
    midnight, next_midnight = clock.dt.truncate("1d"), clock.dt.truncate("1d") + timedelta(days=1)
    runs = (
        trades.with_columns(holes_before=holes.search_sorted(trades["row_number"]).cast(pl.Int64))
        .sort("recorded_ts", "row_number")
        .with_columns(run=((clock.diff() > _LONGEST_SILENCE) | (hole.diff() != 0)).fill_null(value=False).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(
            hole.first(),
            from_ts=clock.first(),
            until_ts=clock.last(),
            midnight=pl.when(clock - midnight <= _NEAR_MIDNIGHT).then(midnight).first(),
            next_midnight=pl.when(next_midnight - clock <= _NEAR_MIDNIGHT).then(next_midnight).last(),
        )
    )
    spans = runs.select(
        from_ts=pl.when(hole.shift(fill_value=0) == hole).then("midnight"),
        until_ts=pl.when(hole.shift(-1, fill_value=holes.len()) == hole).then("next_midnight"),
        first="from_ts",
        last="until_ts",
    ).select(from_ts=pl.coalesce("from_ts", "first"), until_ts=pl.coalesce("until_ts", "last"))
    covered = trades.select(pl.col("underlying").unique().sort()).join(
        spans.filter(pl.col("from_ts") < pl.col("until_ts")), how="cross"
    )
    return covered.with_columns(known_at="until_ts").select(list(COVERAGE_SCHEMA))
