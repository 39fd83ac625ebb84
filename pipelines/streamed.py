"""Files too large to hold in memory: recognised by their beginning, kept by streaming, and reduced once.

Their sources say IS_STREAMED, the number of their REDUCTION, and read a path: `coin_file_of(path) -> CoinFile`. What a
file reduces to is a folder of Parquet files, made again whenever it is missing or is not what was written.
"""

from __future__ import annotations

import io
import json
import logging
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from pipelines import sources
from pipelines.lake.files import sha256_of, write_durably
from pipelines.lake.store import LakeFiles
from pipelines.lake.turn import turn
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.line_chunks import HEAD_BYTES

_log = logging.getLogger(__name__)
_EMPTY = CoinFile()
_FRAMES = {
    f.name: getattr(_EMPTY, f.name) for f in fields(CoinFile) if isinstance(getattr(_EMPTY, f.name), pl.DataFrame)
}
_COUNTS = ("rows_in", "rows_duplicate", "rows_passed")
_CONTENTS = "contents.json"  # written last, with the hash of every frame: without it there is no reduction


def is_streamed(source: ModuleType) -> bool:
    return bool(getattr(source, "IS_STREAMED", False))


def source_of(path: Path) -> ModuleType | None:
    """The streamed source whose layout the beginning of a regular file shows."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return next((one for one in sources.COIN_SOURCES if is_streamed(one) and one.recognise(head)), None)


def reduced(lake: LakeFiles, source: ModuleType, raw_sha256: str) -> CoinFile:
    """What the object reduces to, read back where that is written down. Raises Unreadable as the source does."""
    folder = lake.paths.reduced / raw_sha256[:2] / f"{raw_sha256}-{source.NAME}-{source.REDUCTION}"
    found = _read(folder)
    if found is None:
        with turn(lake.paths.reduced / "_making.lock"):  # two at once would take twice the memory
            found = _read(folder)
            if found is None:
                found = source.coin_file_of(lake.raw.path(raw_sha256))
                _write(folder, found)
    return found


def _read(folder: Path) -> CoinFile | None:
    """The reduction, if it is whole and of today's columns."""
    try:
        contents = json.loads((folder / _CONTENTS).read_bytes())
        frames = {name: _frame(folder / f"{name}.parquet", sha256) for name, sha256 in contents["frames"].items()}
        if frames.keys() != _FRAMES.keys() or any(frames[name].schema != _FRAMES[name].schema for name in frames):
            return None
        values: dict[str, Any] = {**frames, **{name: int(contents[name]) for name in _COUNTS}}
        return CoinFile(**values)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError) as error:
        _log.warning("%s is damaged and made again: %s", folder, error)
        return None


def _frame(path: Path, sha256: str) -> pl.DataFrame:
    data = path.read_bytes()
    if sha256_of(data) != sha256:
        raise ValueError(f"{path.name} has changed")
    return pl.read_parquet(io.BytesIO(data))


def _write(folder: Path, file: CoinFile) -> None:
    contents: dict[str, Any] = {name: getattr(file, name) for name in _COUNTS} | {"frames": {}}
    for name in _FRAMES:
        buffer = io.BytesIO()
        getattr(file, name).write_parquet(buffer, compression="zstd", compression_level=3)
        write_durably(folder / f"{name}.parquet", buffer.getvalue(), label="reduced")
        contents["frames"][name] = sha256_of(buffer.getvalue())
    write_durably(folder / _CONTENTS, json.dumps(contents, indent=1, sort_keys=True).encode(), label="reduced")
