"""CSV files with named columns as frames of texts, and their cells as numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA, Unreadable
from pipelines.sources.text import decode, refuse_endless_line

_MOST_COLUMNS = 1000
_LONGEST_HEADER = 65536


def header_names(data: bytes, separator: str = ",") -> list[str]:
    """The column names on the first line that is not blank; none where it is no text."""
    head = data[:_LONGEST_HEADER].removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        line = head.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
        return next(csv.reader([line], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def read_texts(data: bytes, parts: Sequence[str] = ("row",), separator: str = ",") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every whole row as texts with its `row_number` (the header is 1), and the ragged ones as REJECTED_SCHEMA.

    `parts`: what a row holds, so that a ragged one counts for each.
    """
    refuse_endless_line(data)
    decode(data)  # the reader would not tell of ragged rows that are no text
    names = header_names(data, separator)
    if not 2 <= len(names) <= _MOST_COLUMNS:
        raise Unreadable(f"the first line does not name columns separated by {separator!r}")
    if repeated := {name for name in names if names.count(name) > 1}:
        raise Unreadable(f"two columns are called {min(repeated)[:40]!r}")
    ragged: list[arrow_csv.InvalidRow] = []

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False),  # else ragged rows have no number
            parse_options=arrow_csv.ParseOptions(delimiter=separator, invalid_row_handler=set_aside),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string())),
        )
    except pa.ArrowInvalid as error:
        raise Unreadable(f"not a readable CSV: {str(error).splitlines()[0]}") from None
    if table.schema.names != names:
        raise Unreadable("the line of the column names is broken")
    frame = pl.DataFrame(table)
    if frame.select(pl.any_horizontal(pl.all().str.contains(r"[\r\n]")).any()).item():
        raise Unreadable("a quotation runs over several lines")
    return _numbered(frame, [row.number for row in ragged]), _rejected(ragged, parts)


def with_single_names(data: bytes, names: Sequence[str], needed: Collection[str], separator: str = ",") -> bytes:
    """The file with each column named once, if those of one name are not needed: web pages repeat names of groups."""
    if any(names.count(name) > 1 for name in needed):
        return data
    single: list[str] = []
    for place, name in enumerate(names):
        single.append(f"{name} ({place})" if names.count(name) > 1 else name)
    start = len(data) - len(data.removeprefix(b"\xef\xbb\xbf").lstrip())
    header, end, rest = data[start:].partition(b"\n")
    line = io.StringIO()
    csv.writer(line, delimiter=separator, lineterminator="\r" if header.endswith(b"\r") else "").writerow(single)
    return b"".join((data[:start], line.getvalue().encode(), end, rest))


def _numbered(frame: pl.DataFrame, ragged: Sequence[int]) -> pl.DataFrame:
    numbers = pl.int_range(2, frame.height + len(ragged) + 2, eager=True)
    return frame.with_columns(row_number=numbers.filter(~numbers.is_in(list(ragged))))


def _rejected(ragged: Sequence[arrow_csv.InvalidRow], parts: Sequence[str]) -> pl.DataFrame:
    rows = [(row.number, part, "wrong_column_count", row.text[:LONGEST_ROW_TEXT]) for row in ragged for part in parts]
    return pl.DataFrame(rows, schema=REJECTED_SCHEMA, orient="row")


def spelled(table: pl.DataFrame, plain: Callable[[str], str], needed: Collection[str]) -> pl.DataFrame:
    """The needed columns under their plain names. Raises Unreadable when one is missing, or there twice."""
    names = [plain(name) for name in table.columns]
    for name in sorted(needed):
        if names.count(name) != 1:
            raise Unreadable(f"{'two columns are called' if name in names else 'no column'} {name!r}")
    kept = {name: column for name, column in zip(names, table.columns, strict=True) if name in needed}
    return table.select("row_number", **{name: pl.col(column) for name, column in kept.items()})


def row_texts(table: pl.DataFrame) -> pl.Expr:
    """A row's cells as one text, for its owner to find it by."""
    cells = [pl.col(name).cast(pl.String).fill_null("") for name in table.columns if name != "row_number"]
    return pl.concat_str(cells, separator=",").str.head(LONGEST_ROW_TEXT)


def text(column: str, missing: Sequence[str] = ("",)) -> pl.Expr:
    """A cell without the blanks around it; null where it says that there is no value."""
    stripped = pl.col(column).str.strip_chars()
    return pl.when(~stripped.is_in(list(missing))).then(stripped)


def number(column: str, missing: Sequence[str] = ("",)) -> pl.Expr:
    """A cell as a number; null where there is none."""
    return text(column, missing).cast(pl.Float64, strict=False)


def is_no_number(column: str, missing: Sequence[str] = ("",)) -> pl.Expr:
    """Whether a cell says something, and that is no number."""
    return text(column, missing).is_not_null() & number(column, missing).is_null()
