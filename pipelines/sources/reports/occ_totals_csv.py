"""The clearing house's daily open interest of the whole market: a line a day of the month so far, newest first.

A title line and two lines of headings stand above. Numbers are quoted and have commas; a line may end with a comma.
"""

from __future__ import annotations

import csv
import re

from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.occ_text import day_of, refuse_refusals, whole_lines
from pipelines.sources.reports.occ_totals import OPEN_INTEREST_FACTS, TABLE, Found, contracts
from pipelines.sources.reports.report import ReportFile, no_session

__all__ = ["LARGEST_BYTES", "NAME", "TABLE", "recognise", "report"]
NAME = "occ_totals_csv"
LARGEST_BYTES = 2**20
_MOST_LINES = 5000
_TITLE = "Daily Open Interest"
_GROUPS = ["Date", "Equity", "", "", "Index/Other", "", "", "Debt", "", "", "Futures", "OCC Total"]
_KINDS = ["", *("Calls", "Puts", "Total") * 3]
_NUMBER = re.compile(r"^[0-9]{1,3}(,[0-9]{3}){0,4}$|^[0-9]{1,15}$", re.ASCII)


def recognise(data: bytes) -> bool:
    head = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().lstrip(b'"')
    return head.startswith(_TITLE.encode())


def report(data: bytes, declared: Declared) -> ReportFile:
    no_session(declared)
    refuse_refusals(data[:400])
    lines = whole_lines(data, _MOST_LINES)
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    headings = [_without_blanks(_cells(line)) for _, line in numbered[1:3]]
    # Below futures and the total a word stands in some files and none in others.
    if len(headings) != 2 or headings[0] != _GROUPS or headings[1][: len(_KINDS)] != _KINDS:
        raise Unreadable("the headings are not those of the daily open interest")
    found = Found("open_interest")
    for number, line in numbered[3:]:
        cells = _without_blanks(_cells(line))
        if len(cells) != 1 + len(OPEN_INTEREST_FACTS):
            found.reject(number, line, "wrong_column_count")
            continue
        figures = dict(zip(OPEN_INTEREST_FACTS, map(_number, cells[1:]), strict=True))
        found.take_day(number, line, day_of(cells[0]), figures)
    return found.report()


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error as error:
        raise Unreadable(f"not a readable CSV: {error}") from None


def _without_blanks(cells: list[str]) -> list[str]:
    """Without what commas at the end of a line add."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _number(cell: str) -> float | None:
    return contracts(int(cell.replace(",", ""))) if _NUMBER.match(cell) else None
