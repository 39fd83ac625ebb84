"""Daily short volume of the exchanges Nasdaq BX and PSX: pipe-separated, a row a symbol, closed by an empty line.

No line counts the rows, and exempt sales are not told apart.
"""

from __future__ import annotations

import polars as pl

from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.piped import lines_of
from pipelines.sources.reports.report import ReportFile, no_session
from pipelines.sources.reports.short_volume import LARGEST_BYTES, of_facility, read_lines
from pipelines.sources.text import decode

__all__ = ["LARGEST_BYTES", "NAME", "TABLE", "recognise", "report"]
NAME = "nasdaq_short_volume"
TABLE = "short_volume_daily"
HEADER = "DATE|SYMBOL|SHORT VOLUME|TOTAL VOLUME|MARKET"
_FACILITY_OF = {"B": "NQBX", "X": "NPSX"}
_COLUMNS = ("date", "vendor_symbol", "short", "total", "market_codes")


def recognise(data: bytes) -> bool:
    return data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(HEADER.encode())


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of one exchange's day. Unreadable when the empty line at the end is missing: then rows may be too."""
    no_session(declared)
    lines = lines_of(decode(data).lstrip())[1:]
    if len(lines) < 2 or any(line.strip() for line in lines[-2:]):
        raise Unreadable("the file does not end with its empty line: it is cut off")
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise Unreadable("the file has no rows")
    rows, wrong = read_lines(lines, _COLUMNS)
    market = _market(rows["market_codes"])
    return of_facility(rows, wrong, _FACILITY_OF[market], len(lines), market)


def _market(market_codes: pl.Series) -> str:
    if market_codes.is_empty():
        return "B"  # no row can be read, which is what will be said of the file
    code, count = market_codes.value_counts(sort=True).row(0)
    if code not in _FACILITY_OF or 2 * count <= market_codes.len():
        raise Unreadable("the rows name neither of the markets B (BX) and X (PSX)")
    return str(code)
