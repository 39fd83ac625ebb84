"""What the commands of upkeep print."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.upkeep.verify import Verified

# Piped output takes the room it needs; a terminal has its own width.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 300)
_LISTED = 20  # leftovers named


def tell_json(value: Any) -> None:
    """A dataclass, all of it."""
    print(json.dumps(dataclasses.asdict(value), indent=1, default=str))


def tell_verified(done: Verified) -> None:
    if done.faults:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("wrong", "what", "file"):
            table.add_column(heading, overflow="fold")
        for fault in done.faults:
            table.add_row(f"[red]{fault.wrong}[/red]", escape(fault.what), escape(fault.path))
        console.print(table)
    for note in done.notes:
        console.print(note, soft_wrap=True)
    if done.leftovers:
        console.print(f"Files that no row knows, left by killed runs or refused loads: {len(done.leftovers)}.")
        for path in done.leftovers[:_LISTED]:
            console.print(f"  {escape(path)}", soft_wrap=True)
        if len(done.leftovers) > _LISTED:
            console.print(f"  and {len(done.leftovers) - _LISTED} more; --format json lists all")
    pruned = f", {done.pruned} pruned" if done.pruned else ""
    verdict = f"[red]{len(done.faults)} wrong[/red]" if done.faults else "all as the catalogue says"
    console.print(f"{done.raw_objects} raw objects, {done.partitions} partition files{pruned}: {verdict}.")
