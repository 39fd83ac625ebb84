"""Visits that were made and have not landed yet: kept on disk at once, for the lake may be busy for long.

What is captured cannot be had again, so nothing between the vendor's answer and the disk waits for anybody.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pipelines.fetch.deribit_state import State
from pipelines.lake.files import write_durably
from pipelines.settings import Paths


@dataclass(frozen=True, slots=True)
class Waiting:
    """A bundle, what it is called in the ledger, and how far collecting has come with it."""

    name: str
    captured_at: datetime
    reached: State
    path: Path

    def remove(self) -> None:
        """The note first: a bundle without one is a leftover of a killed process and counts for nothing."""
        _note(self.path).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def keep(paths: Paths, name: str, captured_at: datetime, bundle: bytes, reached: State) -> Waiting:
    """Whole or not at all, before anybody is waited for."""
    path = _folder(paths) / f"{captured_at:%Y-%m-%dT%H-%M-%S.%f}.ndjson.gz"
    write_durably(path, bundle, label="visit")
    note = {"name": name, "captured_at": captured_at.isoformat(), "reached": asdict(reached)}
    write_durably(_note(path), json.dumps(note, sort_keys=True).encode(), label="visit")
    return Waiting(name, captured_at, reached, path)


def waiting(paths: Paths) -> list[Waiting]:
    """In order of capture."""
    found = []
    for path in sorted(_folder(paths).glob("*.ndjson.gz")):
        try:
            note = json.loads(_note(path).read_text("utf-8"))
            captured_at = datetime.fromisoformat(note["captured_at"])
            found.append(Waiting(note["name"], captured_at, State(**note["reached"]), path))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
    return found


def _folder(paths: Paths) -> Path:
    return paths.spool / "deribit" / "visits"


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
