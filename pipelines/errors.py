"""The errors that mean something to a user and are shown as one line."""

from __future__ import annotations

import sys


def user_errors() -> tuple[type[Exception], ...]:
    """Of the modules that a command has imported; the others cannot have raised."""
    known = {
        "pipelines.lake.store": "LakeBusy",
        "pipelines.warehouse.publish": "PublishError",
        "pipelines.warehouse.query": "QueryError",
    }
    found = [getattr(sys.modules[module], name) for module, name in known.items() if module in sys.modules]
    return (FileNotFoundError, *found)
