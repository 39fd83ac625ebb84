"""The `dealerflow` command, a module a family. Heavy imports happen inside the commands: `--help` is quick."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

from models import engine
from pipelines.cli import ask, data, fetch, keep, look, operate_daily
from pipelines.cli.app import UserError, app
from pipelines.settings import kernel_engine

__all__ = ["app", "ask", "data", "fetch", "keep", "look", "main", "operate_daily"]


def main() -> None:
    """Run a command; what the user can mend is one line on stderr and exit code 1."""
    from pipelines.errors import is_for_users, one_line

    try:
        engine.use(kernel_engine())
        app()
    except Exception as error:
        if not isinstance(error, UserError) and not is_for_users(error):
            raise
        Console(stderr=True, highlight=False).print(f"[red]dealerflow:[/red] {escape(one_line(error))}", soft_wrap=True)
        sys.exit(1)
