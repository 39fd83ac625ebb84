"""Raw objects: vendors' bytes, kept as they came under the hash of their content, each with a sidecar."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.lake.files import copy_durably, sha256_of, sha256_of_file, write_durably

_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """How an object was had. The first sighting of the same bytes wins."""

    source: str
    original_name: str
    url: str | None = None
    captured_at: str | None = None
    published_at: str | None = None


class RawStore:
    """Content-addressed, so no name from outside ever becomes a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where the object lies, for what is too large to be held."""
        if not _SHA256.match(sha256):
            raise ValueError(f"not a sha256: {sha256!r}")
        return self._folder / sha256[:2] / sha256

    def put(self, data: bytes, sidecar: Sidecar) -> str:
        sha256 = sha256_of(data)
        path = self.path(sha256)
        if not path.exists():
            write_durably(path, data, label="raw")
        self._say(sha256, sidecar)
        return sha256

    def put_file(self, file: Path, sidecar: Sidecar) -> str:
        """Like `put`, for what is too large to be held."""
        sha256 = sha256_of_file(file)
        path = self.path(sha256)
        if not path.exists():
            copy_durably(file, path, sha256, label="raw")
        self._say(sha256, sidecar)
        return sha256

    def _say(self, sha256: str, sidecar: Sidecar) -> None:
        beside = self.path(sha256).with_suffix(".json")
        if not beside.exists():
            write_durably(beside, json.dumps(asdict(sidecar), indent=1, sort_keys=True).encode(), label="sidecar")

    def get(self, sha256: str) -> bytes:
        return self.path(sha256).read_bytes()

    def size_bytes(self, sha256: str) -> int:
        return self.path(sha256).stat().st_size

    def sidecar(self, sha256: str) -> Sidecar:
        return Sidecar(**json.loads(self.path(sha256).with_suffix(".json").read_text()))
