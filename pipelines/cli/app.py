"""The application that the commands of the other modules join, and what they share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The open, point-in-time data warehouse of options dealer positioning.",
)

# The panels of `--help`.
FEED, ASK, LOOK, KEEP = "Bring in and compute", "Ask", "Look", "Operate"

Day = datetime  # typer has no dates
DAY_FORMATS = ["%Y-%m-%d"]
FirstOption = Annotated[Day | None, typer.Option("--from", formats=DAY_FORMATS, help="First session.")]
LastOption = Annotated[Day | None, typer.Option("--to", formats=DAY_FORMATS, help="Last session.")]


class UserError(Exception):
    """Something the user can mend; shown as one line."""
