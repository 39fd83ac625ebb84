"""The SEC's fails to deliver: half a month of balances between pipes, and two last lines that count rows and shares.

Descriptions may hold pipes, so a line is split from both ends. A price of `.` is none. Files are UTF-8 or Windows-1252.
"""

from __future__ import annotations

import re

import polars as pl

from pipelines.calendar import half_month_end
from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, LONGEST_ROW_TEXT, Declared, Unreadable
from pipelines.sources.reports.piped import day, lines_of, rejected, split_by_reason
from pipelines.sources.reports.report import ReportFile, judged, no_session
from pipelines.symbols import SYMBOL, symbol_keys

NAME = "sec_fails"
TABLE = "fails_to_deliver"
LARGEST_BYTES = 48 * 2**20  # a half of a month has 4 MB
HEADER = "SETTLEMENT DATE|CUSIP|SYMBOL|QUANTITY (FAILS)|DESCRIPTION|PRICE"
NO_SYMBOL = "_none"
UNCOUNTED, MISCOUNTED = "the last two lines do not count rows and shares", "the last lines count"  # how it is refused
_MOST_LINES = 1_000_000
_LONGEST_DESCRIPTION = 200
_LINE = r"^([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)\|([^|]*)$"
_CELLS = ("date", "cusip", "vendor_symbol", "quantity", "security_description", "price")
_COUNT = re.compile(r"^Trailer record count\s*:?\s*([0-9]{1,9})$", re.IGNORECASE)
_TOTAL = re.compile(r"^Trailer total quantity of shares\s*:?\s*([0-9]{1,15})$", re.IGNORECASE)


def recognise(data: bytes) -> bool:
    return data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(HEADER.encode())


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of half a month. Unreadable unless both last lines agree with what is there."""
    no_session(declared)
    lines = [(number, line) for number, line in enumerate(_lines(data), start=1) if line.strip()][1:]
    count, total = _stated(lines)
    if count != len(lines):
        raise Unreadable(f"{MISCOUNTED} {count} rows and there are {len(lines)}: the file is cut off")
    cells, ragged = _cells(lines)
    shares = cells["fails_shares"].fill_null(0).sum()
    if shares != total:
        raise Unreadable(f"{MISCOUNTED} {total} shares and there are {shares}: the file is cut off or damaged")
    rows, wrong = split_by_reason(cells, _REASONS)
    return judged(TABLE, _placed(rows), pl.concat([ragged, wrong]), len(lines))


def _lines(data: bytes) -> list[str]:
    if data.count(b"\n") > _MOST_LINES:
        raise Unreadable(f"more than {_MOST_LINES} lines are no half of a month")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            raise Unreadable(f"the text is neither UTF-8 nor Windows-1252 (byte {error.start})") from None
    return lines_of(text.replace("\0", ""))  # some cells are filled up with it


def _stated(lines: list[tuple[int, str]]) -> tuple[int, int]:
    """The rows and the shares that the last two lines count; they are taken off."""
    last = [line.strip() for _, line in lines[-2:]]
    count, total = (_COUNT.match(last[0]), _TOTAL.match(last[1])) if len(last) == 2 else (None, None)
    if count is None or total is None:
        raise Unreadable(f"{UNCOUNTED}: the file is cut off")
    del lines[-2:]
    return int(count[1]), int(total[1])


def _cells(lines: list[tuple[int, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    texts = pl.DataFrame(lines, schema={"row_number": pl.Int64, "row_text": pl.String}, orient="row")
    parts = texts.with_columns(parts=pl.col("row_text").str.extract_groups(_LINE))
    is_whole = pl.col("parts").struct.field("1").is_not_null()
    cells = parts.filter(is_whole).select(
        "row_number",
        pl.col("row_text").str.head(LONGEST_ROW_TEXT),
        *(pl.col("parts").struct.field(str(place)).str.strip_chars().alias(name)
          for place, name in enumerate(_CELLS, start=1)),
    )  # fmt: skip
    has_price = ~pl.col("price").is_in(["", "."])
    typed = cells.with_columns(
        settlement_date=day("date", "%Y%m%d"),
        fails_shares=pl.when(pl.col("quantity").str.contains("^[0-9]{1,15}$")).then(
            pl.col("quantity").cast(pl.Int64, strict=False)
        ),
        previous_close_usd=pl.when(has_price & pl.col("price").str.contains(r"^[0-9]{0,9}\.?[0-9]{0,9}$")).then(
            pl.col("price").cast(pl.Float64, strict=False)
        ),
        has_price=has_price,
    )
    return typed, rejected(parts.filter(~is_whole), "wrong_column_count")


_REASONS = (
    (pl.col("settlement_date").is_null(), "unreadable_date"),
    (~pl.col("settlement_date").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "date_out_of_range"),
    (~pl.col("cusip").str.contains(r"^[0-9A-Za-z*@#]{9}$"), "unreadable_cusip"),
    ((pl.col("vendor_symbol") != "") & ~pl.col("vendor_symbol").str.contains(SYMBOL), "unreadable_symbol"),
    (pl.col("fails_shares").is_null(), "unreadable_number"),
    (pl.col("fails_shares") > LARGEST_NUMBER, "not_a_quantity"),
    (pl.col("has_price") & pl.col("previous_close_usd").is_null(), "unreadable_number"),
    (pl.col("security_description").str.len_chars() > _LONGEST_DESCRIPTION, "unreadable_text"),
    (pl.col("security_description").str.contains(r"[\x00-\x1f\x7f-\x9f]"), "unreadable_text"),
)


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    days = rows["settlement_date"]
    last_days = {half_month_end(one) for one in days.unique().to_list()}
    if len(last_days) > 1:
        raise Unreadable(f"the file is of {len(last_days)} halves of months; one is expected")
    named = pl.when(pl.col("vendor_symbol") != "").then("vendor_symbol")
    return rows.with_columns(
        session_date=pl.lit(next(iter(last_days), None), dtype=pl.Date),
        part=pl.lit("_all"),
        published_date=pl.lit(None, dtype=pl.Date),
        underlying=pl.when(pl.col("vendor_symbol") != "").then(symbol_keys("vendor_symbol")),
        vendor_symbol=named.otherwise(pl.lit(NO_SYMBOL)),
        security_description=pl.when(pl.col("security_description") != "").then("security_description"),
    )
