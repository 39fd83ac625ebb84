"""Where commands print, and how they show how far they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

# Piped output takes the room it needs; a terminal has its own width.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 300)


@contextmanager
def progress_bar(*columns: ProgressColumn) -> Iterator[Progress]:
    """A bar on stderr, counting unless other columns are given; nothing where nobody looks."""
    shown = columns or (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    errors = Console(stderr=True)
    with Progress(*shown, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        yield bar
