"""Updates of options chains as tardis.dev sells them (`options_chain`), reduced to a snapshot every ten minutes.

A file holds each change of each option, sorted by when the recorder got it (`local_timestamp`). The snapshot of B (a
multiple of ten minutes) holds of every option its last row before B. A quiet option keeps its last row until it expires
and for a day at most; the row's number says how old it is. B has no snapshot of an underlying of which no row came in
the ten minutes before, for then the recorder was cut off. A snapshot stands if the file goes on until B; the last one
also if its last row came within ten seconds of B. The first ones lack options that had not changed since the file
began. A row counts once for each snapshot in which it stands.

`underlying_price` is the venue's forward of the expiry; there is no index. An empty cell and 0 are no price, and a
volatility above 400 % is none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import polars as pl

from pipelines.sources import csv_table, tardis_lines
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.coin_names import name_parts
from pipelines.sources.coin_rows import judge, volatility
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Declared, Unreadable
from pipelines.sources.tardis_lines import EXCHANGE, LEADING, TardisLines

NAME = "tardis_chain"
LARGEST_BYTES = 8 * 2**30
IS_STREAMED = True
REDUCTION = 2  # raised when the same file reduces to something else

BUCKET = 600_000_000  # ten minutes in microseconds, as all times here
_CARRIED = 86_400_000_000
_REACHES_END = 10_000_000
_NUMBERS = {
    "bid": "bid_price",
    "ask": "ask_price",
    "last": "last_price",
    "mark": "mark_price",
    "open_interest": "open_interest",
    "iv_percent": "mark_iv",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
    "forward": "underlying_price",
    "stated_strike": "strike_price",
    "stated_expiry": "expiration",
}
_COLUMNS = (*LEADING, "type", *_NUMBERS.values())
_MOST_HELD = 1_500_000  # rows that are some option's last before some snapshot: three days of the whole exchange
_MOST_ROWS = 2_000_000  # with those that are carried on
_COMPACT_EVERY = 250_000
_ROWS_AT_ONCE = 50_000
_HELD = {
    "symbol": pl.String(), "local_timestamp": pl.Int64(), "row_number": pl.Int64(), "bucket": pl.Int64(),
    "line": pl.String(),
}  # fmt: skip
_EARLIEST, _LATEST = (
    int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 for year in (EARLIEST_YEAR, LATEST_YEAR)
)


def recognise(data: bytes) -> bool:
    return tardis_lines.recognise(data, _COLUMNS)


def coin_file_of(path: Path) -> CoinFile:
    """The snapshots of a file, which is read once and never held."""
    with path.open("rb") as file:
        return _read(file)


def coin_file(data: bytes, declared: Declared) -> CoinFile:
    """The same of a file that is held anyway; it names everything itself."""
    del declared
    return _read(BytesIO(data))


def _read(file: BinaryIO) -> CoinFile:
    lines = TardisLines(file, _COLUMNS)
    judged, refused, until = _judged(lines)
    chains = _carried(judged, until)
    copies = chains.height - chains["row_number"].n_unique()
    set_aside = pl.concat([refused, lines.broken_rows("chains")]).sort("row_number")
    return CoinFile(
        chains=chains,
        rejected=set_aside,
        rows_in=lines.rows + copies,
        rows_passed=lines.rows + copies - chains.height - set_aside.height,
    )


def _judged(lines: TardisLines) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The rows that begin to stand at their snapshot, those that would and do not hold together, the last snapshot."""
    last, first_ts, last_ts = _last_of_each_bucket(lines)
    until = _end_of_bucket(last_ts)
    if until - last_ts > _REACHES_END:
        until -= BUCKET
    if until <= first_ts:
        raise Unreadable("the file ends before its first ten minutes do")
    reasons = [
        (pl.col("is_unreadable"), "unreadable_number"),
        (pl.col("is_of_another"), "symbol_contradicts_columns"),
    ]
    parts = [
        judge(_typed(lines.cells(part), part["bucket"]), "chains", reasons)
        for part in last.filter(pl.col("bucket") <= until).iter_slices(_ROWS_AT_ONCE)
    ]
    return pl.concat(kept for kept, _ in parts), pl.concat(refused for _, refused in parts), until


def _end_of_bucket(clock: int) -> int:
    return (clock // BUCKET + 1) * BUCKET


def _last_of_each_bucket(lines: TardisLines) -> tuple[pl.DataFrame, int, int]:
    """The last line of each option before the end of each bucket, by row number; the first and the last clock."""
    held = pl.DataFrame(schema=_HELD)
    pieces: list[pl.DataFrame] = []
    fresh = 0
    first_ts, last_ts = _LATEST, _EARLIEST
    is_sane = pl.col("local_timestamp").is_between(_EARLIEST, _LATEST)
    for looked_at, texts in lines:
        for place, number in (
            looked_at.filter(~is_sane.fill_null(value=False)).select("place", "row_number").iter_rows()
        ):
            lines.set_aside(number, "unreadable_clock", texts[place])
        ours = looked_at.filter(is_sane)
        if ours.is_empty():
            continue
        first_ts, last_ts = min(first_ts, _least(ours)), max(last_ts, _greatest(ours))
        piece = _newest(ours.with_columns(bucket=(pl.col("local_timestamp") // BUCKET + 1) * BUCKET))
        # As Python's own: a gathered column of texts would hold on to the whole chunk.
        line = pl.Series(texts.gather(piece["place"]).to_list(), dtype=pl.String())
        pieces.append(piece.drop("place").with_columns(line=line))
        fresh += piece.height
        if fresh > _COMPACT_EVERY:
            held, pieces, fresh = _newest(pl.concat([held, *pieces])), [], 0
            if held.height > _MOST_HELD:
                raise Unreadable("it spans too many ten minutes; split the file by days")
    if last_ts == _EARLIEST:
        raise Unreadable(f"no options of {EXCHANGE} in {lines.rows} rows")
    return _newest(pl.concat([held, *pieces])).sort("row_number"), first_ts, last_ts


def _least(ours: pl.DataFrame) -> int:
    return int(ours["local_timestamp"].min())  # type: ignore[arg-type]


def _greatest(ours: pl.DataFrame) -> int:
    return int(ours["local_timestamp"].max())  # type: ignore[arg-type]


def _newest(rows: pl.DataFrame) -> pl.DataFrame:
    """By the recorder's clock; of equal clocks the later line."""
    if not rows["local_timestamp"].is_sorted():
        rows = rows.sort("local_timestamp", "row_number")
    return rows.unique(["symbol", "bucket"], keep="last", maintain_order=True)


def _typed(table: pl.DataFrame, buckets: pl.Series) -> pl.DataFrame:
    names = table.select(pl.col("symbol").str.to_uppercase()).to_series()
    at = pl.from_epoch(pl.lit(buckets), time_unit="us")
    typed = table.select(
        "row_number",
        "row_text",
        snapshot_ts=at,
        known_at=at,
        stated_type=csv_table.text("type").str.to_lowercase(),
        is_unreadable=pl.any_horizontal(csv_table.is_no_number(column) for column in _NUMBERS.values()),
        **{name: csv_table.number(column) for name, column in _NUMBERS.items()},
        **dict.fromkeys(("volume", "index_price"), pl.lit(None, dtype=pl.Float64)),
    )
    typed = pl.concat([typed, name_parts(names)], how="horizontal")
    return typed.with_columns(
        *(pl.when(pl.col(name) != 0).then(name).alias(name) for name in ("bid", "ask", "last")),
        is_of_another=(
            (pl.col("stated_strike") != pl.col("strike"))
            | (pl.col("stated_type") != pl.col("option_type"))
            | (pl.col("stated_expiry") != pl.col("expiry_ts").dt.epoch("us"))
        ),
    ).with_columns(vendor_iv_frac=volatility(pl.col("iv_percent") / 100))


def _carried(rows: pl.DataFrame, until: int) -> pl.DataFrame:
    """Each row at every snapshot in which it stands, by underlying, snapshot and contract."""
    rows = rows.sort("contract_id", "snapshot_ts", "row_number").unique(
        ["contract_id", "snapshot_ts"], keep="last", maintain_order=True
    )
    start = pl.col("snapshot_ts").dt.epoch("us")
    ends = rows.select(
        start=start,
        end=pl.min_horizontal(
            start.shift(-1).over("contract_id"), pl.col("expiry_ts").dt.epoch("us"), start + _CARRIED, until + BUCKET
        ),
    )
    if ends.select(((pl.col("end") - pl.col("start")) / BUCKET).clip(0).sum()).item() > _MOST_ROWS:
        raise Unreadable("it spans too many ten minutes; split the file by days")
    snapshots = ends.select(pl.int_ranges("start", "end", BUCKET)).to_series()
    standing = rows.with_columns(snapshot_ts=snapshots).filter(pl.col("snapshot_ts").list.len() > 0)
    at = pl.from_epoch("snapshot_ts", time_unit="us")
    carried = standing.explode("snapshot_ts").with_columns(snapshot_ts=at, known_at=at)
    heard = rows.select("underlying", "snapshot_ts").unique()
    return carried.join(heard, on=["underlying", "snapshot_ts"], how="semi").sort(
        "underlying", "snapshot_ts", "contract_id"
    )
