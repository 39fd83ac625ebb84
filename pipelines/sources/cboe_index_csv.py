"""Cboe's daily history of an index, as its site writes it: a row a day, the whole history in every file.

Most indices have `DATE,OPEN,HIGH,LOW,CLOSE`, which does not say whose they are; those of a single value name it in the
header (`DATE,VVIX`). Files saved again by a spreadsheet drop the zeros of `MM/DD/YYYY`.
"""

from __future__ import annotations

import re

import polars as pl

from pipelines.sources.bars import BAR_SCHEMA, PRICES, BarFile, judge_bars
from pipelines.sources.chain_rows import plain_symbol
from pipelines.sources.csv_table import header_names, is_no_number, number, read_texts, row_texts, text
from pipelines.sources.page import Declared, Unreadable

NAME = "cboe_index_csv"
LARGEST_BYTES = 16 * 2**20
_UNNAMED = ["DATE", "OPEN", "HIGH", "LOW", "CLOSE"]
_SYMBOL = re.compile(r"^[A-Z][A-Z0-9.]{0,9}$")


def recognise(data: bytes) -> bool:
    names = _names(data)
    return names == _UNNAMED or _named_symbol(names) is not None


def bars(data: bytes, declared: Declared) -> BarFile:
    """The days of one index. `declared.underlying` names it where the header does not."""
    names = _names(data)
    named, owners = _named_symbol(names), plain_symbol(declared.underlying or "")
    if names != _UNNAMED and named is None:
        raise Unreadable("the column names are not those of an index history")
    if named and owners and named != owners:
        raise Unreadable(f"the file is of {named}, not of {owners}")
    symbol = named or owners or None
    if symbol is None:
        raise Unreadable("the file does not say whose prices these are; name the index with --underlying SYMBOL")
    table, ragged = read_texts(data)
    cells = [name for name in table.columns if name != "row_number"]
    table = table.rename(dict(zip(cells, names, strict=True)))
    stated = {price: price.upper() for price in PRICES} if names == _UNNAMED else {"close": names[1]}
    typed = table.select(
        "row_number",
        row_text=row_texts(table),
        underlying=pl.lit(symbol),
        bar_date=text("DATE").str.to_date("%m/%d/%Y", strict=False),
        volume=pl.lit(None, dtype=pl.Float64),
        is_unreadable=pl.any_horizontal(is_no_number(name) for name in stated.values()),
        **{price: number(stated[price]) if price in stated else pl.lit(None, dtype=pl.Float64) for price in PRICES},
    )
    return judge_bars(typed.select(*BAR_SCHEMA, "row_number", "row_text", "is_unreadable"), ragged)


def _names(data: bytes) -> list[str]:
    return [name.strip() for name in header_names(data)]


def _named_symbol(names: list[str]) -> str | None:
    """The index that the header of a single-value history names."""
    if len(names) != 2 or names[0] != "DATE" or names[1] in _UNNAMED:
        return None
    return names[1] if _SYMBOL.match(names[1]) else None
