"""FINRA's short interest at a settlement date, as its API answers (JSON) and as the file of its web page (pipes).

Both have the same fields. Symbols come without separators. Days to cover are FINRA's own, between 1 and 999.99, where
both ends stand for anything beyond; they are kept as stated.
"""

from __future__ import annotations

import polars as pl

from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Declared, Unreadable
from pipelines.sources.reports.answers import is_bundle
from pipelines.sources.reports.finra_pages import LONGEST_TEXT, Kind, is_array_with, missing_fields, rows_of, typed
from pipelines.sources.reports.piped import day, number, read_piped, rejected, split_by_reason, table_of
from pipelines.sources.reports.report import ReportFile, judged, no_session
from pipelines.sources.text import decode
from pipelines.symbols import SYMBOL, symbol_keys

NAME = "finra_short_interest"
TABLE = "short_interest"
LARGEST_BYTES = 64 * 2**20  # a settlement date has some 22,600 rows: 2 MB as a file, 12 MB as JSON
_FIELDS: dict[str, tuple[str, Kind]] = {
    "session_date": ("settlementDate", "day"),
    "symbol": ("symbolCode", "text"),
    "issue": ("issueName", "text"),
    "market": ("marketClassCode", "text"),
    "short_position_shares": ("currentShortPositionQuantity", "number"),
    "previous_short_position_shares": ("previousShortPositionQuantity", "number"),
    "average_daily_volume_shares": ("averageDailyVolumeQuantity", "number"),
    "days_to_cover": ("daysToCoverQuantity", "number"),
    "revision": ("revisionFlag", "text"),
    "split": ("stockSplitFlag", "text"),
}
_NEEDED = ("settlementDate", "symbolCode", "marketClassCode", "currentShortPositionQuantity")
_PIPED = tuple(field.encode() for field, _ in _FIELDS.values())  # of the file's header, among others, in any order
_MOST_COLUMNS = 40
_HEADER_BYTES = 1024


def recognise(data: bytes) -> bool:
    head = data[:_HEADER_BYTES].partition(b"\n")[0]
    is_piped = b"|" in head and all(field in head for field in _PIPED)
    return is_piped or is_bundle(data, NAME) or is_array_with(data, ("currentShortPositionQuantity",))


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of every settlement date in the answer or the file."""
    no_session(declared)
    is_json = data[:16].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    cells, ragged, rows_in = _of_json(data) if is_json else _of_pipes(data)
    is_readable = pl.col("wrong").is_null()
    broken = rejected(cells.filter(~is_readable), pl.col("wrong"))
    rows, wrong = split_by_reason(cells.filter(is_readable), _REASONS)
    placed = rows.with_columns(
        part=pl.lit("_all"),
        published_date=pl.lit(None, dtype=pl.Date),
        underlying=symbol_keys("symbol"),
        vendor_symbol="symbol",
        issue_name=pl.col("issue").fill_null("_none"),
        market_class=pl.col("market").fill_null("_none"),
        is_revised=_is_marked("revision", _REVISED),
        is_split_adjusted=_is_marked("split", _SPLIT),
    )
    return judged(TABLE, placed, pl.concat([ragged, broken, wrong]), rows_in)


def _of_json(data: bytes) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    rows = rows_of(data, NAME)
    if missing := missing_fields(rows, _NEEDED):
        raise Unreadable(f"the rows lack {', '.join(missing)}: ask for all fields")
    cells = typed(rows, _FIELDS)
    return cells, rejected(cells.clear(), ""), len(rows)


def _of_pipes(data: bytes) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Cells by column; `wrong` where one cannot be read. The last column is a date, so that a cut-off line shows."""
    table = table_of(decode(data))
    texts, ragged = read_piped(table.lines, _columns(table.header))
    cells = _typed(texts)
    broken = cells.filter(pl.col("wrong").is_not_null())
    table.refuse_cut_off(pl.concat([ragged["row_number"], broken["row_number"]]))
    return cells, ragged, len(table.lines)


def _columns(header: str) -> list[str]:
    """The fields by their names, which must all be there; other columns by their places."""
    named = [name.strip() for name in header.split("|", maxsplit=_MOST_COLUMNS)]
    wanted = [field for field, _ in _FIELDS.values()]
    if missing := [field for field in wanted if field not in named]:
        raise Unreadable(f"the header lacks {', '.join(missing)}")
    columns = [name if name in wanted else f"column {place}" for place, name in enumerate(named)]
    if len(columns) > _MOST_COLUMNS or len(set(columns)) != len(columns):
        raise Unreadable("the header names a column twice, or too many of them")
    return columns


def _typed(texts: pl.DataFrame) -> pl.DataFrame:
    """Texts by field as cells by column, with the first reason why a row cannot be read in `wrong`, or null."""
    cells = texts.select(
        "row_number",
        "row_text",
        *(pl.when(pl.col(field) != "").then(pl.col(field)).alias(column) for column, (field, _) in _FIELDS.items()),
    )
    numbers = [column for column, (_, kind) in _FIELDS.items() if kind == "number"]
    settled = day("session_date", "%Y-%m-%d")
    is_unread = pl.any_horizontal(pl.col(name).is_not_null() & number(name).is_null() for name in numbers)
    return cells.with_columns(
        settled.alias("session_date"),
        *(number(name).alias(name) for name in numbers),
        wrong=pl.when(is_unread)
        .then(pl.lit("unreadable_number"))
        .when(settled.is_null())
        .then(pl.lit("unreadable_date")),
    )


def _is_marked(column: str, marks: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).is_in(marks).fill_null(value=False)


_REVISED, _SPLIT, _UNMARKED = ("R", "Y"), ("S", "Y"), ("N",)
_QUANTITIES = (
    "short_position_shares", "previous_short_position_shares", "average_daily_volume_shares", "days_to_cover",
)  # fmt: skip
_REASONS = (
    (pl.col("session_date").is_null(), "no_settlement_date"),
    (~pl.col("session_date").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "date_out_of_range"),
    (pl.col("symbol").is_null(), "no_symbol"),
    (~pl.col("symbol").str.contains(SYMBOL), "unreadable_symbol"),
    (pl.any_horizontal(pl.col(name).str.len_chars() > LONGEST_TEXT for name in ("issue", "market")), "unreadable_text"),
    (pl.col("short_position_shares").is_null(), "unreadable_number"),
    (pl.any_horizontal(pl.col(name) < 0 for name in _QUANTITIES), "negative_quantity"),
    (pl.any_horizontal(pl.col(name) > LARGEST_NUMBER for name in _QUANTITIES), "not_a_quantity"),
    (~pl.col("revision").is_in(_REVISED + _UNMARKED), "unknown_flag"),
    (~pl.col("split").is_in(_SPLIT + _UNMARKED), "unknown_flag"),
)
