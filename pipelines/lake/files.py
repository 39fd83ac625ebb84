"""Durable files: whole or absent, never torn."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pipelines.lake.steps import step


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_durably(path: Path, data: bytes, *, label: str) -> None:
    """Temporary file in the same directory, fsync, rename; `label` names the step boundaries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    step(f"{label}.written")
    os.replace(temporary, path)
    sync_directory(path.parent)
    step(f"{label}.renamed")


def sync_directory(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
