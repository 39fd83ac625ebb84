"""Commands that ask the published warehouse: sql, tables."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.app import ASK, UserError, app


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


@app.command(
    rich_help_panel=ASK,
    epilog="Examples: `dealerflow sql \"from key_levels_latest\"` · `... --as-known '2025-05-01 12:00' --format csv`",
)
def sql(
    query: Annotated[str, typer.Argument(help="One query; tables as `dealerflow tables` lists them.")],
    as_known: Annotated[
        str | None, typer.Option("--as-known", metavar="TS", help="Answer from what was known at this UTC instant.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", "-f", help="How to print the rows.")] = Format.table,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of a table; CSV and JSON print all.")] = 100,
) -> None:
    """Ask the published warehouse, read-only.

    No query can write, read other files or reach the network.
    """
    from pipelines.settings import data_paths
    from pipelines.warehouse.query import parse_instant
    from pipelines.warehouse.query import query as ask
    from pipelines.warehouse.render import render

    answer = ask(data_paths(), query, as_known=None if as_known is None else parse_instant(as_known))
    render(answer, sys.stdout, output.value, max_rows=limit)


@app.command(rich_help_panel=ASK, epilog="Examples: `dealerflow tables` · `dealerflow tables key_levels`")
def tables(
    name: Annotated[str | None, typer.Argument(help="A table, for its columns, units and meanings.")] = None,
) -> None:
    """The data dictionary: every published table, or every column of one."""
    from pipelines.tables import PUBLISHED_TABLES
    from pipelines.warehouse.dictionary import describe_table, describe_tables

    if name is not None and name not in PUBLISHED_TABLES:
        raise UserError(f"no table {name!r}; `dealerflow tables` lists them")
    Console().print(describe_tables() if name is None else describe_table(name))
