"""Durable files: whole or absent, never torn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipelines.lake.steps import step

_BLOCK_BYTES = 2**20


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(path: Path, data: bytes, *, label: str) -> None:
    """Temporary file in the same directory, fsync, rename; `label` names the step boundaries."""
    with _appearing(path, label) as file:
        file.write(data)


def copy_durably(source: Path, path: Path, sha256: str, *, label: str) -> None:
    """A large file block by block. Raises OSError, and leaves nothing, where its bytes have another hash."""
    with source.open("rb") as original, _appearing(path, label) as file:
        digest = hashlib.sha256()
        while block := original.read(_BLOCK_BYTES):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != sha256:
            raise OSError(f"{source.name} changes while it is read")


@contextmanager
def _appearing(path: Path, label: str) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
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
