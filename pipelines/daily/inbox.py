"""The operator's inbox folders: what is new in them is loaded, each file once as long as it does not change."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.lake.files import write_durably
from pipelines.lake.store import Lake
from pipelines.load import Loaded, load_files

AT_REST = timedelta(minutes=1)  # a file that changed since may still be on its way

Look = tuple[int, int]  # size and time of the last change


def load_inbox(lake: Lake, folders: Iterable[Path], now: datetime, tell: Callable[[str], None]) -> list[Loaded]:
    """Load what is new or changed at `now` (UTC). The lake's turn is the caller's."""
    record = lake.paths.root / "inbox.json"
    known = _known(record)
    fresh = {path: look for path, look in _looks(folders, tell) if known.get(str(path)) != list(look)}
    at_rest = [path for path, (_, changed_ns) in fresh.items() if now - _instant(changed_ns) >= AT_REST]
    loaded = list(load_files(lake, at_rest, progress=lambda _: None))
    if at_rest:
        # A killed call loads them again, which finds them by their bytes. What the disk did not give is asked again.
        done = [path for path, one in zip(at_rest, loaded, strict=True) if not one.is_unread]
        known |= {str(path): list(fresh[path]) for path in done}
        write_durably(record, json.dumps(known, indent=1, sort_keys=True).encode(), label="inbox")
    return loaded


def _known(record: Path) -> dict[str, list[int]]:
    """What was seen before; a damaged record costs only looks, for files are known by their bytes."""
    try:
        known = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _looks(folders: Iterable[Path], tell: Callable[[str], None]) -> Iterator[tuple[Path, Look]]:
    for folder in folders:
        if not folder.is_dir():
            tell(f"the inbox {folder} is no folder")
            continue
        for path in sorted(folder.rglob("*")):
            if path.name.startswith("."):
                continue
            try:
                found = path.stat()
            except FileNotFoundError:  # it went meanwhile
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, (found.st_size, found.st_mtime_ns)


def _instant(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).replace(tzinfo=None)
