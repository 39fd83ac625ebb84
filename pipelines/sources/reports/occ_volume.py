"""The clearing house's volume query: sides cleared by account type, a row a root, option type and exchange.

Every contract has two sides, so that those of a root, option type and exchange are even in number. Where they are not,
a row is missing: a few such groups stand as they are (half a contract tells of them), many of them refuse the file.
An answer to a narrower question than all accounts, both option types and all symbols is refused, for it would stand as
the whole market's. Answers that name each contract's expiry are summed over expiries.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports.answers import answers, is_bundle
from pipelines.sources.reports.occ_text import days, refusal, refuse_refusals, whole_lines
from pipelines.sources.reports.piped import read_piped, rejected, split_by_reason
from pipelines.sources.reports.report import ReportFile, judged, no_session
from pipelines.symbols import SYMBOL, symbol_keys

NAME = "occ_volume"
TABLE = "cleared_volume"
LARGEST_BYTES = 96 * 2**20  # a day has 5 MB, one by expiries more
PART = "_all"
COLUMNS = ("quantity", "underlying", "symbol", "actype", "porc", "exchange", "actdate")
_EXPIRY = "contractdate"
_MOST_LINES, _MOST_ITEMS = 3_000_000, 24_000_000
# How a file is refused that lacks a side.
ODD_SIDES, ONE_TYPE, ONE_ACCOUNT = "an odd number of sides", "s only: ask for both", "only: ask for all of them"
_MOST_ODD_FRAC = 0.01  # of groups; of rows that are missing at random half of their groups show it
_KEY = ("underlying", "root", "account_code", "option_type", "exchange")
_GROUP = ("underlying", "root", "option_type", "exchange")
_ACCOUNTS = {"C": "customer", "F": "firm", "M": "market_maker"}


def recognise(data: bytes) -> bool:
    head = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    starts = head.startswith(",".join(COLUMNS[:4]).encode())
    return starts or refusal(data[:256]) is not None or is_bundle(data, NAME)


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of one day. Unreadable in the clearing house's own words where it gives none."""
    no_session(declared)
    if is_bundle(data, NAME):
        data = _joined(answers(data, NAME, _MOST_ITEMS).bodies)
    refuse_refusals(data[:400])
    lines = whole_lines(data, _MOST_LINES)
    header = [name.strip().lower() for name in lines[0].rstrip(",").split(",")] if lines else []
    columns = [*COLUMNS, _EXPIRY]
    if sorted(header) not in (sorted(COLUMNS), sorted(columns)):
        raise Unreadable(f"the columns are not those of a volume query: {','.join(header)}")
    rows, wrong = _read(lines[1:], header)
    last = len(lines)
    if not data.endswith((b"\n", b"\r")) and last in wrong["row_number"]:
        raise Unreadable("the last row is broken off: the file is cut off")
    _check_whole(rows, wrong)
    return _summed(rows, wrong, last - 1)


def _joined(bodies: list[str]) -> bytes:
    """Calls and puts that were asked for one after the other, as one file."""
    header, _, _ = bodies[0].partition("\n")
    rows = [bodies[0]]
    for body in bodies:
        refuse_refusals(body)
        if body.partition("\n")[0].strip() != header.strip() or not body.endswith("\n"):
            raise Unreadable("the answers for calls and for puts do not fit: one is cut off or of another kind")
    rows += [body.partition("\n")[2] for body in bodies[1:]]
    return "".join(rows).encode("utf-8", "replace")


def _read(lines: list[str], header: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows may end with a comma that the header does not have."""
    commas = len(header)
    cells, ragged = read_piped(
        [line.removesuffix(",") if line.count(",") == commas else line for line in lines], header, separator=","
    )
    if _EXPIRY not in cells.columns:
        cells = cells.with_columns(pl.lit(None, dtype=pl.String).alias(_EXPIRY))
    has_expiry = _EXPIRY in header
    typed = cells.select(
        "row_number",
        "row_text",
        session_date=days("actdate"),
        vendor_symbol="underlying",
        underlying=symbol_keys("underlying"),
        root="symbol",
        account_code="actype",
        account_type=pl.col("actype").replace_strict(_ACCOUNTS, default="other", return_dtype=pl.String),
        option_type=pl.col("porc").replace_strict({"C": "call", "P": "put"}, default=None, return_dtype=pl.String),
        exchange="exchange",
        cleared_sides=pl.when(pl.col("quantity").str.contains(r"^[0-9]{1,12}$")).then(
            pl.col("quantity").cast(pl.Float64, strict=False)
        ),
        is_negative=pl.col("quantity").str.starts_with("-"),
        expiry_date=days(_EXPIRY),
    )
    reasons = (
        *_REASONS,
        *(((pl.col("expiry_date").is_null(), "unreadable_expiry"),) if has_expiry else ()),
    )
    rows, wrong = split_by_reason(typed, reasons)
    return rows, pl.concat([ragged, wrong])


_REASONS = (
    (pl.col("session_date").is_null(), "unreadable_date"),
    (pl.col("is_negative"), "negative_quantity"),
    (pl.col("cleared_sides").is_null(), "unreadable_number"),
    (~pl.col("vendor_symbol").str.contains(SYMBOL), "unreadable_symbol"),
    (~pl.col("root").str.contains(r"^[0-9A-Z.]{1,8}$"), "unreadable_root"),
    (~pl.col("account_code").str.contains(r"^[A-Z0-9]{1,8}$"), "unreadable_account"),
    (pl.col("option_type").is_null(), "unreadable_option_type"),
    (~pl.col("exchange").str.contains(r"^[A-Z0-9][A-Z0-9 /&.-]{0,19}$"), "unreadable_exchange"),
)


def _check_whole(rows: pl.DataFrame, wrong: pl.DataFrame) -> None:
    """Unreadable where the answer is to a narrower question than a day of everything."""
    if rows.is_empty():
        reason = f" ({wrong['reason'][0]})" if wrong.height else ""
        raise Unreadable(f"none of {wrong.height} rows can be read{reason}")
    if (count := rows["session_date"].n_unique()) > 1:
        raise Unreadable(f"the file is of {count} days; one is expected")
    if rows["option_type"].n_unique() == 1:
        raise Unreadable(f"the file has {rows['option_type'][0]}{ONE_TYPE}")
    if rows["account_code"].n_unique() == 1:
        raise Unreadable(f"the file has account type {rows['account_code'][0]} {ONE_ACCOUNT}")
    if rows["underlying"].n_unique() == 1:
        raise Unreadable(f"the file has {rows['underlying'][0]} only: ask for all symbols")
    expiries = rows["expiry_date"]
    if expiries.null_count() == 0 and expiries.n_unique() == 1:
        raise Unreadable(f"the file has contracts of {expiries[0]} only: ask for all expiries")


def _summed(rows: pl.DataFrame, wrong: pl.DataFrame, rows_in: int) -> ReportFile:
    """Over expiries, where there are any: each row of the file is in a sum, a repeat, or rejected."""
    stated = ("session_date", *_KEY, "expiry_date")
    distinct = rows.unique([*stated, "cleared_sides"], keep="first", maintain_order=True)
    is_first = distinct.select(pl.struct(stated).is_first_distinct()).to_series()
    kept = distinct.filter(is_first)
    wrong = pl.concat([wrong, rejected(distinct.filter(~is_first), "conflicting_duplicate")])
    sums = kept.group_by("session_date", *_KEY, maintain_order=True).agg(
        pl.col("row_number", "row_text", "account_type").first(), pl.col("cleared_sides").sum()
    )
    _check_even(sums)
    placed = sums.with_columns(
        part=pl.lit(PART),
        published_date=pl.lit(None, dtype=pl.Date),
        cleared_contracts=pl.col("cleared_sides") / 2,
    )
    file = judged(TABLE, placed, wrong, placed.height + wrong.height)
    merged, repeats = kept.height - sums.height, rows.height - distinct.height
    if file.rows.height + file.rejected.height + merged + repeats != rows_in:
        raise ValueError(f"{rows_in} rows came in and others went out")
    return replace(file, rows_in=rows_in, rows_duplicate=repeats, rows_merged=merged)


def _check_even(sums: pl.DataFrame) -> None:
    groups = sums.group_by(_GROUP).agg(pl.col("cleared_sides").sum())
    odd = groups.filter(pl.col("cleared_sides") % 2 != 0).height
    if odd > max(1, _MOST_ODD_FRAC * groups.height):
        raise Unreadable(f"{odd} of {groups.height} groups have {ODD_SIDES}: rows are missing")
