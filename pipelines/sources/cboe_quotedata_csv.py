"""Cboe delayed-quote pages as the "download CSV" button writes them: one underlying, calls and puts side by side.

The layout repeats column names (call then put), so it is read by position. The `Date:` line is the reader's clock in
the reader's language, not the time of the quotes; the file's name says nothing.
"""

from __future__ import annotations

import hashlib
import io
import re

import polars as pl

from pipelines.sources.chain_rows import (
    LARGEST_NUMBER,
    NUMBERS,
    first_expiry,
    judge,
    osi_parts,
    single_underlying,
    without_repeats,
)
from pipelines.sources.header_clock import parse_header_clock
from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA, ChainPage, Declared, Unreadable
from pipelines.sources.text import decode, refuse_endless_line

NAME = "cboe_quotedata_csv"
LARGEST_BYTES = 64 * 2**20

_SIDE_NAMES = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
_HEADER = f"Expiration Date,Calls,{_SIDE_NAMES},Strike,Puts,{_SIDE_NAMES}"
_COLUMNS_IN_LINE = 22
_SIDE = (
    "vendor_symbol",
    "last",
    "net",
    "bid",
    "ask",
    "volume",
    "vendor_iv_frac",
    "vendor_delta",
    "vendor_gamma",
    "open_interest",
)


def recognise(data: bytes) -> bool:
    return b"Expiration Date,Calls," in data[:4096]


def pages(data: bytes, declared: Declared) -> list[ChainPage]:
    """The one page of a file; the owner's word is not needed to read it."""
    del declared
    return [parse(data)]


def parse(data: bytes) -> ChainPage:
    """Typed rows and rejected rows of one page. Raises Unreadable when it cannot be a whole page."""
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than a quote page can hold ({LARGEST_BYTES})")
    refuse_endless_line(data)
    lines = decode(data).splitlines()
    place = next((i for i, line in enumerate(lines[:8]) if line.startswith("Expiration Date,Calls,")), None)
    if place is None or place < 2:
        raise Unreadable("no name and date lines above the column names")
    if lines[place].rstrip(",") != _HEADER:
        raise Unreadable("the column names are not those of a Cboe quote page")
    name_line, date_line = lines[place - 2], lines[place - 1]
    listed = [(number, line) for number, line in enumerate(lines[place + 1 :], place + 2) if line.strip()]
    if not listed:
        raise Unreadable("the page lists no contracts")
    rows, rejected = _contracts(listed)
    rows, rejected, duplicates = without_repeats(rows, rejected)
    if rows.is_empty():
        raise Unreadable(f"none of {2 * len(listed)} rows can be read ({rejected['reason'][0]})")
    header = _header_numbers(date_line)
    body = "\n".join([name_line, *lines[place:]]).rstrip("\n")
    return ChainPage(
        underlying=single_underlying(rows),
        header_ts=parse_header_clock(_clock_text(date_line)),
        quote_ts=None,
        open_interest_rule="pulled",
        underlying_last=_last_sale(name_line),
        underlying_bid=header.get("bid"),
        underlying_ask=header.get("ask"),
        underlying_volume=header.get("volume"),
        rows=rows,
        rejected=rejected.sort("row_number", "row_part"),
        rows_in=2 * len(listed),
        rows_duplicate=duplicates,
        first_expiry=first_expiry(rows),
        body_sha256=hashlib.sha256(body.encode()).hexdigest(),
    )


def _contracts(listed: list[tuple[int, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each line as a call row and a put row; what does not hold together is rejected with the first reason found."""
    whole = [(number, line) for number, line in listed if line.count(",") == _COLUMNS_IN_LINE - 1]
    ragged = [(number, line) for number, line in listed if line.count(",") != _COLUMNS_IN_LINE - 1]
    names = ["expiry_text", *(f"call_{c}" for c in _SIDE), "strike", *(f"put_{c}" for c in _SIDE)]
    if whole:
        text = "\n".join(line for _, line in whole).encode()
        table = pl.read_csv(
            io.BytesIO(text), has_header=False, new_columns=names, schema={n: pl.String() for n in names},
            quote_char=None,
        )  # fmt: skip
    else:
        table = pl.DataFrame(schema={n: pl.String() for n in names})
    table = table.with_columns(
        row_number=pl.Series([number for number, _ in whole], dtype=pl.Int64),
        row_text=pl.Series([line[:LONGEST_ROW_TEXT] for _, line in whole], dtype=pl.String),
    )
    sides = [
        table.select(
            "row_number", "row_text", "expiry_text", "strike",
            *(pl.col(f"{side}_{c}").alias(c) for c in _SIDE), option_type=pl.lit(side),
        )
        for side in ("call", "put")
    ]  # fmt: skip
    rows = pl.concat(sides).sort("row_number", "option_type", maintain_order=True)
    kept, judged = _judge(rows)
    short = [
        {"row_number": number, "row_part": side, "reason": "wrong_column_count", "row_text": line[:LONGEST_ROW_TEXT]}
        for number, line in ragged
        for side in ("call", "put")
    ]
    return kept, pl.concat([judged, pl.DataFrame(short, schema=REJECTED_SCHEMA)])


def _judge(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed rows, and those that do not hold together."""
    typed = rows.with_columns(
        *(pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) for name in NUMBERS),
        **osi_parts("vendor_symbol"),
        contract_id="vendor_symbol",
        listed_expiry=pl.col("expiry_text").str.strip_chars().str.to_date("%a %b %d %Y", strict=False),
        is_adjusted=pl.lit(value=False),
        multiplier=pl.lit(None, dtype=pl.Float64),
    ).with_columns(expiry_date="coded_expiry")
    contradicted = (
        (pl.col("expiry_date") != pl.col("listed_expiry")).fill_null(value=True)
        | (pl.col("coded_type") != pl.col("option_type").str.head(1).str.to_uppercase())
        | ((pl.col("coded_strike") - pl.col("strike")).abs() > 0.005)
    )
    return judge(typed, required=NUMBERS, reasons=[(contradicted, "symbol_contradicts_columns")])


def _last_sale(line: str) -> float:
    match = re.search(r'Last:\s*(\d[\d,]*(?:\.\d+)?)\s*"?(?:,|$)', line)
    last = float(match[1].replace(",", "")) if match else 0.0
    if not 0 < last < LARGEST_NUMBER:
        raise Unreadable("the name line shows no last price")
    return last


def _clock_text(line: str) -> str:
    """What stands between `Date:` and the quote, whether or not the vendor quoted the comma in it."""
    match = re.search(r"Date:\s*(.*?)\s*\"?,\s*\"?Bid:", line)
    return match[1] if match else ""


def _header_numbers(line: str) -> dict[str, float]:
    """Bid, ask and volume of the underlying; digits may be grouped by commas or narrow spaces."""
    found: dict[str, float] = {}
    for name, pattern in (
        ("bid", r"Bid:\s*([\d.]+)"),
        ("ask", r"Ask:\s*([\d.]+)"),
        ("volume", r"Volume:\s*([\d,.\s]+)"),
    ):
        match = re.search(pattern, line)
        digits = re.sub(r"[,\s]", "", match[1]) if match else ""
        if re.fullmatch(r"\d+(\.\d+)?", digits) and float(digits) < LARGEST_NUMBER:
            found[name] = float(digits)
    return found
