"""FINRA's daily short volume files: pipe-separated, a row a symbol, and a last line that counts the rows.

The consolidated file (CNMS) and those of single facilities have one layout; the markets on its rows tell which it is.
Short volume includes exempt sales. Symbols are texts whatever they spell: NAN and TRUE are two of them.
"""

from __future__ import annotations

import polars as pl

from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Declared, Unreadable
from pipelines.sources.piped import read_piped, split_by_reason
from pipelines.sources.report import ReportFile, judged
from pipelines.sources.text import decode
from pipelines.symbols import SYMBOL, symbol_keys

NAME = "finra_short_volume"
TABLE = "short_volume_daily"
LARGEST_BYTES = 16 * 2**20
HEADER = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
CONSOLIDATED = "CNMS"
_FACILITY_OF = {"Q": "FNSQ", "B": "FNQC", "N": "FNYX", "D": "FNRA", "O": "FORF"}
_COLUMNS = ("date", "vendor_symbol", "short", "exempt", "total", "market_codes")


def recognise(data: bytes) -> bool:
    return data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(HEADER.encode())


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of one day. Unreadable when the last line does not count them: then some are missing."""
    del declared
    lines = [line for line in decode(data).lstrip().splitlines()[1:] if line.strip()]
    stated = lines.pop().strip() if lines and lines[-1].strip().isdecimal() else None
    if stated is None:
        raise Unreadable("the last line does not count the rows: the file is cut off")
    if int(stated) != len(lines):
        raise Unreadable(f"the last line counts {stated} rows and there are {len(lines)}: the file is cut off")
    typed, ragged = read_piped(lines, _COLUMNS)
    rows, wrong = split_by_reason(_numbered(typed), _REASONS)
    days = rows["session_date"].unique()
    if days.len() > 1:
        raise Unreadable(f"the file is of {days.len()} days; one is expected")
    facility = facility_of(rows["market_codes"])
    placed = rows.with_columns(
        part=pl.lit(facility),
        facility=pl.lit(facility),
        underlying=symbol_keys("vendor_symbol"),
        published_date=pl.lit(None, dtype=pl.Date),
    )
    return judged(TABLE, placed, pl.concat([ragged, wrong]), len(lines))


def facility_of(market_codes: pl.Series) -> str:
    """The consolidated file names several markets, that of one facility only its own."""
    codes = market_codes.unique().to_list()
    return _FACILITY_OF.get(codes[0], CONSOLIDATED) if len(codes) == 1 else CONSOLIDATED


def _numbered(typed: pl.DataFrame) -> pl.DataFrame:
    return typed.with_columns(
        session_date=pl.col("date").str.to_date("%Y%m%d", strict=False),
        short_volume_shares=pl.col("short").cast(pl.Float64, strict=False),
        short_exempt_volume_shares=pl.col("exempt").cast(pl.Float64, strict=False),
        total_volume_shares=pl.col("total").cast(pl.Float64, strict=False),
    )


_SHARES = ("short_volume_shares", "short_exempt_volume_shares", "total_volume_shares")
_REASONS = (
    (pl.col("session_date").is_null(), "unreadable_date"),
    (~pl.col("session_date").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "date_out_of_range"),
    (~pl.col("vendor_symbol").str.contains(SYMBOL), "unreadable_symbol"),
    (pl.any_horizontal(pl.col(name).is_null() for name in _SHARES), "unreadable_number"),
    (~pl.all_horizontal(pl.col(name).is_finite() for name in _SHARES), "not_finite"),
    (pl.any_horizontal(pl.col(name) < 0 for name in _SHARES), "negative_quantity"),
    (pl.any_horizontal(pl.col(name) > LARGEST_NUMBER for name in _SHARES), "not_a_quantity"),
    (pl.col("short_volume_shares") > pl.col("total_volume_shares"), "short_above_total"),
    (pl.col("short_exempt_volume_shares") > pl.col("short_volume_shares"), "exempt_above_short"),
    (~pl.col("market_codes").str.contains(r"^[A-Z](,[A-Z])*$"), "unreadable_market"),
)
