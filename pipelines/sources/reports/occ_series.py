"""The clearing house's series search: open interest of every series of an underlying, as it is when it is asked.

Lines of cells between tabs, a line an expiry and strike, with an empty cell behind the root. The text has no date in
it: a bundle dates it by the clearing house's own last day of open interest, its owner by --session. A line says which
of call and put are listed; a line that holds both counts twice.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.calendar import us_sessions
from pipelines.markets import root_of
from pipelines.sources.chain_rows import OSI_SYMBOL, checked_underlying, osi_symbol, plain_symbol
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.answers import answers, is_bundle, opened
from pipelines.sources.reports.occ_text import newest_day, refuse_refusals, whole_lines
from pipelines.sources.reports.piped import read_piped, rejected, split_by_reason
from pipelines.sources.reports.report import ReportFile, judged

NAME = "occ_series"
TABLE = "open_interest_daily"
LARGEST_BYTES = 32 * 2**20  # an index has 2 MB
_MOST_LINES, _MOST_ITEMS = 500_000, 2_000_000
_TITLE = "Series Search Results for "
_HEADER = ("ProductSymbol", "year", "Month", "Day", "Integer", "Dec", "C/P", "Call", "Put", "Position Limit")
_PREAMBLE_LINES = 30
_CELLS = ("root", "gap", "year", "month", "day", "dollars", "thousandths", "flags", "call", "put", "limit")
_SIDES = {"call": ("C", "put"), "put": ("P", "call")}


def recognise(data: bytes) -> bool:
    head = data[:2048].removeprefix(b"\xef\xbb\xbf").lstrip()
    return is_bundle(data, NAME) or head.startswith(_TITLE.encode()) or b"ProductSymbol\tyear\tMonth\t" in head


def report(data: bytes, declared: Declared) -> ReportFile:
    text, asked, session = data, None, declared.session
    if is_bundle(data, NAME):
        found = answers(data, NAME, _MOST_ITEMS)
        text, asked = found.bodies[0].encode("utf-8", "replace"), found.request.get("symbol")
        if session is None and len(found.bodies) > 1:
            session = _last_day(found.bodies[1])
    refuse_refusals(text[:400])
    lines = whole_lines(text, _MOST_LINES)
    start = _header_at(lines) + 1
    contracts, wrong = _contracts([line for line in lines[start:] if line.strip()], start + 1, session)
    rows_in = contracts.height + wrong.height
    if not text.endswith((b"\n", b"\r")) and len(lines) in wrong["row_number"]:
        raise Unreadable("the last row is broken off: the text is cut off")
    if session is None:
        raise Unreadable("the answer does not say of which day it is: declare it with --session")
    if not us_sessions().is_session(session):
        raise Unreadable(f"{session} is no session of the exchanges")
    part = _underlying(asked, declared, lines[:start], contracts)
    placed = contracts.with_columns(
        session_date=pl.lit(session), part=pl.lit(part), published_date=pl.lit(None, dtype=pl.Date),
        underlying=pl.lit(part),
    )  # fmt: skip
    return judged(TABLE, placed, wrong, rows_in)


def _last_day(body: str) -> date:
    """Of which day the clearing house had published open interest when it was asked."""
    day = newest_day(opened(body, _MOST_ITEMS))
    if day is None:
        raise Unreadable("the bundle's second answer does not say of which day the open interest is")
    return day


def _header_at(lines: list[str]) -> int:
    place = next((at for at, line in enumerate(lines[:_PREAMBLE_LINES]) if line.startswith("ProductSymbol\t")), None)
    if place is None:
        raise Unreadable("no table of series in the answer")
    names = tuple(name.strip() for name in lines[place].split("\t") if name.strip())
    if names != _HEADER:
        raise Unreadable(f"the columns are not those of a series search: {', '.join(names)}")
    return place


def _contracts(lines: list[str], first_row: int, session: date | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A row a listed call or put, and those that cannot be read."""
    ends = len(_CELLS)
    whole = [line[:-1] if line.count("\t") == ends and line.endswith("\t") else line for line in lines]
    cells, ragged = read_piped(whole, _CELLS, first_row=first_row, separator="\t")
    cells = cells.with_columns(pl.col("flags").str.replace_all(" ", ""))
    is_listed = pl.col("flags").is_in(["C", "P", "CP"]) & (pl.col("gap") == "")
    shifted = rejected(cells.filter(~is_listed), "shifted_columns")
    kept, wrong = [], [ragged, shifted]
    for option_type, (flag, other) in _SIDES.items():
        lines_of_type = cells.filter(is_listed & pl.col("flags").str.contains(flag, literal=True))
        typed = _typed(lines_of_type, option_type, other, session)
        good, bad = split_by_reason(typed, _REASONS)
        kept.append(good)
        wrong.append(bad.with_columns(row_part=pl.lit(option_type)))
    return pl.concat(kept).sort("row_number", "option_type"), pl.concat(wrong)


def _typed(cells: pl.DataFrame, option_type: str, other: str, session: date | None) -> pl.DataFrame:
    """Of a line without calls the puts stand in their own column, or alone in that of the calls: readers disagree."""
    is_alone = pl.col("flags").str.len_chars() == 1
    own, others = _count(option_type), _count(other)
    stands_beside = is_alone & (pl.col(option_type) == "") if option_type == "put" else pl.lit(value=False)
    roots = {root: root_of(root) for root in cells["root"].unique().to_list()}
    strike = (_count("dollars", 5) * 1000 + _count("thousandths", 3, 3)) / 1000
    expiry = pl.concat_str("year", pl.lit("-"), "month", pl.lit("-"), "day").str.to_date("%Y-%m-%d", strict=False)
    typed = cells.with_columns(
        option_type=pl.lit(option_type),
        expiry_date=expiry,
        strike=strike,
        is_standard=pl.col("root").replace_strict(
            {root: one.is_standard for root, one in roots.items()}, default=None, return_dtype=pl.Boolean
        ),
        open_interest=pl.when(stands_beside).then(others).otherwise(own),
        unlisted=pl.when(is_alone & ~stands_beside).then(others).otherwise(0.0),
        position_limit_contracts=_count("limit", 12),
        session=pl.lit(session, dtype=pl.Date),
    )
    return typed.with_columns(contract_id=osi_symbol())


def _count(column: str, most_digits: int = 10, fewest_digits: int = 1) -> pl.Expr:
    """A cell of digits alone, null where it is none."""
    is_one = pl.col(column).str.contains(rf"^[0-9]{{{fewest_digits},{most_digits}}}$")
    return pl.when(is_one).then(pl.col(column).cast(pl.Float64, strict=False))


_REASONS = (
    (pl.col("expiry_date").is_null(), "unreadable_expiry"),
    (pl.col("strike").is_null(), "unreadable_strike"),
    (pl.col("strike") <= 0, "strike_not_positive"),
    (~pl.col("contract_id").str.contains(OSI_SYMBOL), "unreadable_symbol"),
    (pl.col("open_interest").is_null(), "unreadable_number"),
    (pl.col("position_limit_contracts").is_null() & (pl.col("limit") != ""), "unreadable_number"),
    (pl.col("unlisted") > 0, "interest_of_unlisted_type"),
    (pl.col("expiry_date") < pl.col("session"), "expired"),
)


def _underlying(asked: object, declared: Declared, preamble: list[str], contracts: pl.DataFrame) -> str:
    """By what was asked for, by its owner's word, by the answer's title, or by the roots; the first two must agree."""
    title = next((line.removeprefix(_TITLE) for line in preamble if line.startswith(_TITLE)), None)
    said = [plain_symbol(one) for one in (asked, declared.underlying, title) if isinstance(one, str) and one.strip()]
    if len(set(said)) > 1:
        raise Unreadable(f"the answer is of {said[-1]}, not of {said[0]}")
    roots = contracts["root"].unique().to_list()
    bases = sorted({root_of(root).underlying for root in roots})
    if not said and len(bases) != 1:
        raise Unreadable(f"the answer mixes underlyings: {', '.join(bases[:4])}")
    name = said[0] if said else plain_symbol(bases[0])
    if (base := root_of(name).underlying) != name:
        raise Unreadable(f"{name} is a root of {base}: ask for the underlying with all of its roots")
    return checked_underlying(name)
