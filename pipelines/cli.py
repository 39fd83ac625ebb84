"""The `dealerflow` command. Heavy imports happen inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The open, point-in-time data warehouse of options dealer positioning.",
)

SessionOption = Annotated[
    datetime | None,
    typer.Option("--session", formats=["%Y-%m-%d"], help="Session of these pages, when their own clock is wrong."),
]


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


class UserError(Exception):
    """Something the user can mend; shown as one line."""


@app.command(epilog="Examples: `dealerflow load quotes/` · `dealerflow load 'pages/*.csv' rates.csv`")
def load(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or globs.")],
    session: SessionOption = None,
    land_only: Annotated[bool, typer.Option("--land-only", help="Only land the files; `run` computes later.")] = False,
) -> None:
    """Land vendor files, compute what they change, publish.

    A file is recognised by its content; its name does not matter. A file that cannot be read is refused with the
    reason and leaves the others unharmed; the exit code is then 1.
    """
    from pipelines import operate

    is_clean = operate.load(paths, None if session is None else session.date(), is_land_only=land_only)
    raise typer.Exit(0 if is_clean else 1)


@app.command(epilog="Examples: `dealerflow run` · `dealerflow run --from 2023-04-03 --to 2023-04-14`")
def run(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First session.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session.")] = None,
) -> None:
    """Compute every session whose inputs or method changed, publish, and show the newest levels.

    A second run rewrites nothing and says so.
    """
    from pipelines import operate

    if first and last and first > last:
        raise UserError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}")
    is_clean = operate.run(first.date() if first else None, last.date() if last else None)
    raise typer.Exit(0 if is_clean else 1)


@app.command(epilog="Example: `dealerflow sample && dealerflow run`")
def sample(
    seed: Annotated[int, typer.Option(help="Another seed, another market.")] = 2,
) -> None:
    """Land a small simulated market, so that a machine without vendor files has something to compute.

    Does nothing in a lake that already holds other files.
    """
    from pipelines import operate

    operate.sample(seed)


@app.command(
    epilog="Examples: `dealerflow sql \"from key_levels_latest\"` · `... --as-known '2025-05-01 12:00' --format csv`"
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


@app.command(epilog="Examples: `dealerflow tables` · `dealerflow tables key_levels`")
def tables(
    name: Annotated[str | None, typer.Argument(help="A table, for its columns, units and meanings.")] = None,
) -> None:
    """The data dictionary: every published table, or every column of one."""
    from pipelines.tables import PUBLISHED_TABLES
    from pipelines.warehouse.dictionary import describe_table, describe_tables

    if name is not None and name not in PUBLISHED_TABLES:
        raise UserError(f"no table {name!r}; `dealerflow tables` lists them")
    Console().print(describe_tables() if name is None else describe_table(name))


def main() -> None:
    """Run a command; what the user can mend is one line on stderr and exit code 1."""
    from pipelines.errors import is_for_users

    try:
        app()
    except Exception as error:
        if not isinstance(error, UserError) and not is_for_users(error):
            raise
        Console(stderr=True, highlight=False).print(f"[red]dealerflow:[/red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
