"""What a check finds: how bad it is, what it is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["wrong", "watch", "fine"]
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`wrong` needs the operator, `watch` may be meant so, `fine` is told for information."""

    severity: Severity
    what: str
    do: str = ""


def some(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
