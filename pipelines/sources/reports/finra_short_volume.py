"""FINRA's daily short volume files: pipe-separated, a row a symbol, and a last line that counts the rows.

The consolidated file (CNMS) and those of single facilities have one layout; the markets on its rows tell which it is.
Short volume includes exempt sales. Symbols are texts whatever they spell: NAN and TRUE are two of them.
"""

from __future__ import annotations

import re

import polars as pl

from pipelines.reports import CONSOLIDATED
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.piped import lines_of
from pipelines.sources.reports.report import ReportFile, no_session
from pipelines.sources.reports.short_volume import LARGEST_BYTES, of_facility, read_lines
from pipelines.sources.text import decode

__all__ = ["LARGEST_BYTES", "NAME", "TABLE", "recognise", "report"]
NAME = "finra_short_volume"
TABLE = "short_volume_daily"
HEADER = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
_FACILITY_OF = {"Q": "FNSQ", "B": "FNQC", "N": "FNYX", "D": "FNRA", "O": "FORF"}
_COLUMNS = ("date", "vendor_symbol", "short", "exempt", "total", "market_codes")
UNCOUNTED, MISCOUNTED = "the last line does not count the rows", "the last line counts"  # how it is refused
_COUNT = re.compile(r"^\d{1,9}$", re.ASCII)
_MOST_SLIPS_FRAC = 0.01  # of rows that name another market than the only one of a facility's file


def recognise(data: bytes) -> bool:
    return data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(HEADER.encode())


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of one day. Unreadable when the last line does not count them: then some are missing."""
    no_session(declared)
    lines = [line for line in lines_of(decode(data).lstrip())[1:] if line.strip()]
    stated = lines.pop().strip() if lines and _COUNT.match(lines[-1].strip()) else None
    if stated is None:
        raise Unreadable(f"{UNCOUNTED}: the file is cut off")
    if int(stated) != len(lines):
        raise Unreadable(f"{MISCOUNTED} {stated} rows and there are {len(lines)}: the file is cut off")
    if not lines:
        raise Unreadable("the file has no rows")
    rows, wrong = read_lines(lines, _COLUMNS)
    market = _only_market(rows["market_codes"])
    facility = CONSOLIDATED if market is None else _FACILITY_OF[market]
    return of_facility(rows, wrong, facility, len(lines), market)


def _only_market(market_codes: pl.Series) -> str | None:
    """The market of a facility's own file, but for slips; None in the consolidated file, which names several."""
    counted = market_codes.value_counts(sort=True)
    if counted.is_empty():
        return None
    code, count = counted.row(0)
    is_only = code in _FACILITY_OF and market_codes.len() - count <= _MOST_SLIPS_FRAC * market_codes.len()
    return code if is_only else None
