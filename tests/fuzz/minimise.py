"""Small files from large ones that break something alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.fuzz.parsers import Case, outcome

_MOST_TRIES = 600


def minimised(name: str, case: Case) -> Case:
    """The case without the lines, then without the bytes, that its failure does not need; the mapping as well."""
    failure = outcome(name, case).failure
    tries = 0

    def still(tried: Case) -> bool:
        nonlocal tries
        tries += 1
        return tries <= _MOST_TRIES and outcome(name, tried).failure == failure

    for separator in (b"\n", b",", None):
        parts = case.data.split(separator) if separator else [bytes([byte]) for byte in case.data]
        glue = separator or b""
        kept = _fewest(parts, lambda some, one=case, glue=glue: still(replace(one, data=glue.join(some))))
        case = replace(case, data=glue.join(kept))
    if case.mapping is not None:
        whole = case
        kept_lines = _fewest(whole.mapping.split("\n"), lambda some: still(replace(whole, mapping="\n".join(some))))
        case = replace(case, mapping="\n".join(kept_lines))
    return case


def _fewest(parts: Sequence[Any], still: Callable[[Sequence[Any]], bool]) -> Sequence[Any]:
    """Halves, quarters and so on are left out while what is left still fails."""
    size = max(1, len(parts) // 2)
    while True:
        place = 0
        while place < len(parts):
            fewer = [*parts[:place], *parts[place + size :]]
            if still(fewer):
                parts = fewer
            else:
                place += size
        if size == 1:
            return parts
        size //= 2
