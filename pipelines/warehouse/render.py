"""Answers as a table for the terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import json
import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TextIO

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from pipelines.warehouse.query import Answer

Format = Literal["table", "csv", "json"]
TABLE_ROWS = 40
_LIST_HEAD = 3
_NUMBER_TYPES = {"DOUBLE", "FLOAT", "BIGINT", "INTEGER", "HUGEINT", "UBIGINT", "NUMBER"}


def render(answer: Answer, output: TextIO, style: Format = "table", *, max_rows: int = TABLE_ROWS) -> None:
    """Write the answer. Only the table is capped, with a note; CSV and JSON hold every row."""
    if style == "csv":
        _csv(answer, output)
    elif style == "json":
        _json(answer, output)
    else:
        _table(answer, Console(file=output), max_rows)


def _csv(answer: Answer, output: TextIO) -> None:
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer:
        writer.writerow(["" if value is None else _csv_cell(value) for value in row])


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(_plain(value)) if isinstance(value, list | dict) else _plain(value)


def _json(answer: Answer, output: TextIO) -> None:
    output.write("[")
    for number, row in enumerate(answer):
        output.write(",\n " if number else "\n ")
        json.dump(dict(zip(answer.columns, map(_plain, row), strict=True)), output)
    output.write("\n]\n")


def _plain(value: Any) -> Any:
    """A value that JSON knows."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _table(answer: Answer, console: Console, max_rows: int) -> None:
    rows = answer.fetch(max_rows + 1)
    texts = [[_shown(value) for value in row] for row in rows[:max_rows]]
    widths = [max(map(len, column)) for column in zip(answer.columns, *texts, strict=True)]
    fits = sum(widths) + 3 * len(widths) + 1 <= console.width
    if fits or not texts:
        _across(answer, texts, console)
    else:
        _down(answer, texts, console)
    if len(rows) > max_rows:
        console.print(Text(f"only the first {max_rows} rows are shown; CSV and JSON hold all", style="dim"))
    elif not rows:
        console.print(Text("no rows", style="dim"))


def _across(answer: Answer, texts: list[list[str]], console: Console) -> None:
    shown = RichTable()
    for name, kind in zip(answer.columns, answer.types, strict=True):
        shown.add_column(Text(name), justify="right" if _is_number(kind) else "left")
    for row in texts:
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)


def _down(answer: Answer, texts: list[list[str]], console: Console) -> None:
    """One line a column: a row wider than the terminal would be unreadable across."""
    for number, row in enumerate(texts, start=1):
        console.print(Text(f"row {number}", style="bold"))
        shown = RichTable.grid(padding=(0, 2))
        for name, cell in zip(answer.columns, row, strict=True):
            shown.add_row(Text(f"  {name}"), Text(cell))
        console.print(shown)


def _is_number(kind: str) -> bool:
    return kind in _NUMBER_TYPES or kind.startswith("DECIMAL")


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        head = ", ".join(_shown(item) for item in value[:_LIST_HEAD])
        return f"[{head}]" if len(value) <= _LIST_HEAD else f"[{head}, ...] ({len(value)} values)"
    return str(value)
