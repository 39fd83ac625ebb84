"""What all CSV files of tardis.dev share: four leading columns, times in microseconds, and more lines than memory.

Lines are looked at by their exchange, symbol and clock alone; only those that count are read further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import polars as pl

from pipelines.sources import csv_table
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA
from pipelines.sources.line_chunks import LONGEST_LINE, line_chunks, plain_head
from pipelines.sources.page import LONGEST_ROW_TEXT, Unreadable

LEADING = ("exchange", "symbol", "timestamp", "local_timestamp")
EXCHANGE = "deribit"
MOST_REJECTED = 100_000
_LOOKED_AT = {"exchange": pl.String(), "symbol": pl.String(), "local_timestamp": pl.Int64()}
_LINES = {"line": pl.String()}
_BROKEN = {"row_number": pl.Int64(), "reason": pl.String(), "row_text": pl.String()}


def recognise(data: bytes, columns: Sequence[str]) -> bool:
    return set(csv_table.header_names(plain_head(data))) >= set(columns)


@dataclass
class TardisLines:
    """One pass over a file, of which some columns are needed. `rows` and `broken` grow with it."""

    file: BinaryIO
    needed: Sequence[str]
    names: list[str] = field(default_factory=list)
    rows: int = 0  # lines below the header that are not blank
    broken: list[tuple[int, str, str]] = field(default_factory=list)  # row number, reason, text

    def __iter__(self) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        """Of each chunk: `place`, `row_number`, `symbol` and `local_timestamp` of the exchange's rows that say whose
        option they are about; and the lines of the chunk, by place."""
        number = 1
        for chunk in line_chunks(self.file):
            data = chunk if self.names else self._below_header(chunk)
            below = data.count(b"\n")
            broken = len(self.broken)
            looked_at, lines, numbers = self._look(data, below, number)
            number += below
            self.rows += lines.len() + len(self.broken) - broken
            ours = looked_at.with_columns(row_number=numbers).with_row_index("place").filter(_is_ours())
            yield ours.drop("exchange"), lines

    def _below_header(self, data: bytes) -> bytes:
        self.names = csv_table.header_names(data)
        if len(set(self.names)) < len(self.names) or not set(self.names) >= set(self.needed):
            raise Unreadable("the first line does not name the columns")
        return data.partition(b"\n")[2]

    def _look(self, data: bytes, below: int, number: int) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
        """The columns that are looked at, the lines, and their row numbers; `number` is that of the line before."""
        numbers = pl.int_range(number + 1, number + 1 + below, eager=True)
        if b"\0" not in data:
            try:
                looked_at, lines = self._read(data)
            except pl.exceptions.PolarsError:
                pass  # something is no text
            else:
                if lines.len() == below and (lines.str.count_matches(",", literal=True) == len(self.names) - 1).all():
                    return looked_at, lines, numbers
        data, numbers = self._sound(data, numbers)
        looked_at, lines = self._read(data)
        if lines.len() != numbers.len():
            raise Unreadable("its lines cannot be told apart")
        return looked_at, lines, numbers

    def _read(self, data: bytes) -> tuple[pl.DataFrame, pl.Series]:
        if not data:
            return pl.DataFrame(schema=_LOOKED_AT), pl.Series("line", [], dtype=pl.String())
        schema = {name: _LOOKED_AT.get(name, pl.String()) for name in self.names}
        looked_at = pl.read_csv(
            data, has_header=False, schema=schema, columns=self._places(_LOOKED_AT), quote_char=None, ignore_errors=True
        )
        lines = pl.read_csv(data, has_header=False, schema=_LINES, separator="\x01", quote_char=None).to_series()
        return looked_at, lines if looked_at.height == lines.len() else lines.clear()

    def _places(self, columns: Iterable[str]) -> list[int]:
        return sorted(self.names.index(name) for name in columns)

    def _sound(self, data: bytes, numbers: pl.Series) -> tuple[bytes, pl.Series]:
        """The lines that are whole; the others are noted, blank ones are none."""
        kept: list[int] = []
        sound: list[bytes] = []
        for number, line in zip(numbers, data.split(b"\n"), strict=False):
            if not line.strip():
                continue
            try:
                text = line.decode()
            except UnicodeDecodeError:
                text = line.decode("utf-8", "backslashreplace")
                self.set_aside(number, "unreadable_text", text)
                continue
            if "\0" in text or "\x01" in text or len(line) > LONGEST_LINE:
                self.set_aside(number, "unreadable_text", text)
            elif text.count(",") != len(self.names) - 1:
                self.set_aside(number, "wrong_column_count", text)
            else:
                kept.append(number)
                sound.append(line)
        return b"".join(line + b"\n" for line in sound), pl.Series(kept, dtype=pl.Int64())

    def set_aside(self, number: int, reason: str, text: str) -> None:
        self.broken.append((number, reason, text[:LONGEST_ROW_TEXT]))
        if len(self.broken) > MOST_REJECTED:
            raise Unreadable(f"more than {MOST_REJECTED} rows cannot be read; the first: {self.broken[0][1]}")

    def broken_rows(self, kind: str) -> pl.DataFrame:
        """What was set aside, as COIN_REJECTED_SCHEMA."""
        told = pl.DataFrame(self.broken, schema=_BROKEN, orient="row")
        nowhere = [pl.lit(None, dtype=COIN_REJECTED_SCHEMA[name]).alias(name) for name in ("underlying", "day_ts")]
        return told.with_columns(pl.lit("row").alias("row_part"), pl.lit(kind).alias("kind"), *nowhere).select(
            list(COIN_REJECTED_SCHEMA)
        )

    def cells(self, lines: pl.DataFrame) -> pl.DataFrame:
        """`row_number`, `row_text` and the needed columns of some lines (`row_number`, `line`), as texts."""
        data = "".join(line + "\n" for line in lines["line"]).encode()
        schema = dict.fromkeys(self.names, pl.String())
        table = pl.DataFrame(schema=schema)
        if data:
            table = pl.read_csv(
                data, has_header=False, schema=schema, columns=self._places(self.needed), quote_char=None
            )
        return table.select(pl.col(name).str.strip_chars() for name in self.needed).with_columns(
            row_number=lines["row_number"], row_text=lines["line"].str.head(LONGEST_ROW_TEXT).str.strip_chars()
        )


def _is_ours() -> pl.Expr:
    """Combos and futures have other names; a damaged name of an option still ends like one."""
    name = pl.col("symbol")
    return (pl.col("exchange") == EXCHANGE) & (name.str.ends_with("-C") | name.str.ends_with("-P"))
