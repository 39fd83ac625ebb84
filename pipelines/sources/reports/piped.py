"""Lines of texts between pipes, as frames. Nothing is guessed: a cell is the text that it is, or what that spells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA, Unreadable

_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$"
_SHAPES = {
    "%Y-%m-%d": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "%Y%m%d": r"^[0-9]{8}$", "%m/%d/%Y": r"^[0-9]{2}/[0-9]{2}/[0-9]{4}$",
}  # fmt: skip


def read_piped(
    lines: Sequence[str], columns: Sequence[str], *, first_row: int = 2, separator: str = "|"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines as texts by column with `row_number` and `row_text`, and the ragged ones as REJECTED_SCHEMA.

    `first_row`: the number of the first line in its file.
    """
    texts = pl.DataFrame(
        {"row_number": range(first_row, first_row + len(lines)), "row_text": lines},
        schema={"row_number": pl.Int64, "row_text": pl.String},
    )
    # Counted before they are split: a line of nothing but separators would take a hundred times its size.
    is_whole = pl.col("row_text").str.count_matches(separator, literal=True) == len(columns) - 1
    split = texts.filter(is_whole).with_columns(cells=pl.col("row_text").str.split(separator))
    whole = split.select(
        "row_number",
        pl.col("row_text").str.head(LONGEST_ROW_TEXT),
        *(pl.col("cells").list.get(place).str.strip_chars().alias(name) for place, name in enumerate(columns)),
    )
    return whole, rejected(texts.filter(~is_whole), "wrong_column_count")


def number(column: str) -> pl.Expr:
    """A cell of plain digits, else null: a spreadsheet's 2.55E+06 has lost some."""
    return pl.when(pl.col(column).str.contains(_NUMBER)).then(column).cast(pl.Float64)


def day(column: str, *forms: str) -> pl.Expr:
    """A cell in full in one of these forms, else null: what is left of a day cut off may be read as another."""
    cell = pl.col(column)
    return pl.coalesce(
        pl.when(cell.str.contains(_SHAPES[form])).then(cell.str.to_date(form, strict=False)) for form in forms
    )


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends; what follows the last end is a line too, and may be empty."""
    return text.replace("\r\n", "\n").split("\n")


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the lines below it that are not blank."""

    header: str
    lines: list[str]
    is_open: bool  # the last line lacks its end

    def refuse_cut_off(self, wrong_rows: pl.Series) -> None:
        """Unreadable where the last line is open and one of those that cannot be read, by `read_piped`'s numbers."""
        if self.is_open and wrong_rows.max() == len(self.lines) + 1:
            raise Unreadable("the last line is not whole: the file is cut off")


def table_of(text: str) -> Table:
    """Unreadable where there is no line below the header."""
    header, *lines = lines_of(text)
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise Unreadable("the file has no rows")
    return Table(header, filled, is_open=bool(lines[-1].strip()))


def rejected(rows: pl.DataFrame, reason: str | pl.Expr) -> pl.DataFrame:
    """Rows with `row_number` and `row_text` as REJECTED_SCHEMA."""
    why = pl.lit(reason) if isinstance(reason, str) else reason
    found = rows.select(
        "row_number", row_part=pl.lit("row"), reason=why, row_text=pl.col("row_text").str.head(LONGEST_ROW_TEXT)
    )
    return found.cast(REJECTED_SCHEMA)  # type: ignore[arg-type]


def split_by_reason(typed: pl.DataFrame, reasons: Sequence[tuple[pl.Expr, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that no reason holds against, and the others as REJECTED_SCHEMA with the first that does."""
    found = pl.coalesce(
        *(pl.when(wrong.fill_null(value=False)).then(pl.lit(name)) for wrong, name in reasons), pl.lit(None, pl.String)
    )
    judged = typed.with_columns(reason=found)
    return judged.filter(pl.col("reason").is_null()).drop("reason"), rejected(
        judged.filter(pl.col("reason").is_not_null()), pl.col("reason")
    )
