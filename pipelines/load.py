"""Files into the lake: recognised by content, kept byte for byte, placed in market time, written into the ledger."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from polars.exceptions import PanicException

from pipelines import sources, streamed
from pipelines.calendar import CalendarError
from pipelines.lake.catalogue import Sighting, timestamp
from pipelines.lake.files import sha256_of, sha256_of_file
from pipelines.lake.raw import Sidecar
from pipelines.lake.steps import step
from pipelines.lake.store import Lake
from pipelines.placing import Origin, Placed, place_bars, place_curves, place_pages, same_places
from pipelines.placing_reports import place_report
from pipelines.placing_reports import rivals as rivals_of_report
from pipelines.placing_trades import place_venue_file
from pipelines.sources import archive
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable, printable

_log = logging.getLogger(__name__)
LARGEST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file."""

    name: str
    fate: str  # landed | duplicate_bytes | duplicate_body | refused
    reason: str | None = None
    source: str | None = None
    raw_sha256: str | None = None
    part: str | None = None
    session_date: date | None = None
    session_basis: str | None = None
    snapshot_ts: datetime | None = None
    known_at: datetime | None = None
    rows_in: int | None = None
    rows_landed: int | None = None
    rows_quarantined: int | None = None
    rows_duplicate: int | None = None
    is_unread: bool = False  # the disk failed, not the file: another attempt may read it


def find_files(paths: Iterable[str]) -> list[Path]:
    """Files, the files below folders, and what globs match; in order, each once. Raises on a path without any."""
    found: dict[Path, None] = {}
    for text in paths:
        if not text:
            raise FileNotFoundError("an empty path; name a file, a folder or a glob")
        path = Path(text)
        if path.is_dir():
            matches = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        elif path.exists():
            matches = [path]
        else:
            matches = sorted(p for name in glob.glob(text, recursive=True) if (p := Path(name)).is_file())
        if not matches:
            raise FileNotFoundError(f"{text}: no files" if path.is_dir() else f"{text}: no such file")
        found.update(dict.fromkeys(matches))
    return list(found)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that arrived, from disk or from the net. `name` is only ever shown."""

    name: str
    read: Callable[[], bytes]
    url: str | None = None
    captured_at: datetime | None = None
    published_at: datetime | None = None
    path: Path | None = None  # of a file on disk, which may be too large to be read at once


def load_files(
    lake: Lake, files: Iterable[Path], *, declared: Declared = NOTHING_DECLARED, progress: Callable[[Loaded], None]
) -> Iterator[Loaded]:
    """Land each file on its own: one that is refused leaves the others unharmed."""
    return load_arrivals(lake, (_from_disk(path) for path in files), declared=declared, progress=progress)


def load_arrivals(
    lake: Lake,
    arrivals: Iterable[Arrival],
    *,
    declared: Declared = NOTHING_DECLARED,
    progress: Callable[[Loaded], None],
) -> Iterator[Loaded]:
    """Like `load_files`, for what came from anywhere."""
    for arrival in arrivals:
        loaded = _load(lake, arrival, declared)
        progress(loaded)
        yield loaded


def _from_disk(path: Path) -> Arrival:
    return Arrival(shown_name(path), lambda: read_file(path), path=path)


def shown_name(path: Path) -> str:
    """A name may hold bytes that are no text, ends of lines and codes for terminals."""
    return printable(os.fsencode(path.name).decode("utf-8", "backslashreplace"))


def look(path: Path, declared: Declared, is_known: Callable[[str], bool]) -> Placed | None:
    """Where a file would stand, None where its hash is known; nothing is kept. Raises as its loading would."""
    large = _streamed_source(path, declared)
    if large is not None:
        sha256 = sha256_of_file(path)
        if is_known(sha256):
            return None
        return place_venue_file(large.coin_file_of(path), Origin(large.NAME, sha256, declared))
    data = read_file(path)
    sha256 = sha256_of(data)
    if is_known(sha256):
        return None
    content = archive.content(data)
    source = _recognise(content, declared, is_packed=content is not data)
    mapped_by = None if declared.mapping is None else sha256_of(declared.mapping.encode())
    return _place(source, content, Origin(source.NAME, sha256, declared, mapped_by))


def _load(lake: Lake, arrival: Arrival, declared: Declared) -> Loaded:
    try:
        large = _streamed_source(arrival.path, declared)
        if large is not None and arrival.path is not None:
            origin = _origin(lake, arrival, large, arrival.path, declared)
            placed = place_venue_file(streamed.reduced(lake, large, origin.raw_sha256), origin)
        else:
            data = arrival.read()
            content = archive.content(data)
            source = _recognise(content, declared, is_packed=content is not data)
            origin = _origin(lake, arrival, source, data, declared)
            placed = _place(source, content, origin)
    except (Unreadable, CalendarError, OSError) as error:
        is_unread = isinstance(error, OSError)
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        refused = Loaded(arrival.name, "refused", _first_line(reason), is_unread=is_unread)
        return _register(lake, refused, [], declared)
    except (Exception, PanicException) as error:  # noqa: BLE001 - a file that no parser foresaw must not stop the others
        _log.exception("%s", arrival.name)
        reason = f"error: {type(error).__name__}: {error}"
        return _register(lake, Loaded(arrival.name, "refused", _first_line(reason)), [], declared)
    return _register(lake, _as_loaded(arrival.name, origin, placed), placed.sightings, declared)


def _first_line(reason: str) -> str:
    return next(iter(reason.splitlines()), "unknown")


def _streamed_source(path: Path | None, declared: Declared) -> ModuleType | None:
    """Of a file that is read piece by piece."""
    source = None if path is None or declared.mapping is not None else streamed.source_of(path)
    if source is not None and path is not None and path.stat().st_size > source.LARGEST_BYTES:
        raise Unreadable(f"larger than {source.LARGEST_BYTES >> 20} MiB")
    return source


def _origin(lake: Lake, arrival: Arrival, source: ModuleType, data: bytes | Path, declared: Declared) -> Origin:
    """The object kept byte for byte, and the mapping it is read by kept beside it."""
    mapped_by = None
    if declared.mapping is not None:
        mapped_by = lake.raw.put(declared.mapping.encode(), Sidecar("mapping", "mapping.toml"))
    sidecar = Sidecar(
        source.NAME, arrival.name, arrival.url, timestamp(arrival.captured_at), timestamp(arrival.published_at)
    )
    sha256 = lake.raw.put_file(data, sidecar) if isinstance(data, Path) else lake.raw.put(data, sidecar)
    # Bytes that were fetched are known since then, also where their owner loads a copy to declare something of them.
    fetched = lake.raw.sidecar(sha256).captured_at
    captured_at = arrival.captured_at if fetched is None else datetime.fromisoformat(fetched)
    return Origin(source.NAME, sha256, declared, mapped_by, captured_at)


def read_file(path: Path) -> bytes:
    """A regular file of bounded size: a pipe or a device would never end."""
    if path.exists() and not path.is_file():
        raise Unreadable("not a regular file")
    with path.open("rb") as file:
        is_too_large = os.fstat(file.fileno()).st_size > LARGEST_BYTES
        data = b"" if is_too_large else file.read(LARGEST_BYTES + 1)  # it may grow
    if is_too_large or len(data) > LARGEST_BYTES:
        raise Unreadable(f"larger than {LARGEST_BYTES >> 20} MiB")
    return data


def _recognise(data: bytes, declared: Declared, *, is_packed: bool) -> ModuleType:
    if not data.strip():
        raise Unreadable("the file is empty")
    if declared.mapping is not None:
        return sources.mapped(declared.mapping)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("the text is UTF-16; save it as UTF-8")
    source = sources.recognise(data)
    if source is None:
        raise Unreadable("not the layout of any known source; --mapping reads a layout of your own")
    if is_packed and streamed.is_streamed(source):
        raise Unreadable("a zip archive of a file that is read piece by piece; unpack it and load the file inside")
    if len(data) > source.LARGEST_BYTES:
        raise Unreadable(f"{len(data)} bytes is more than such a file can hold ({source.LARGEST_BYTES})")
    return source


def _place(source: ModuleType, data: bytes, origin: Origin) -> Placed:
    if source in sources.CHAIN_SOURCES:
        return place_pages(source.pages(data, origin.declared), origin)
    if source in sources.BAR_SOURCES:
        return place_bars(source.bars(data, origin.declared), origin)
    if source in sources.COIN_SOURCES:
        return place_venue_file(source.coin_file(data, origin.declared), origin)
    if source in sources.REPORT_SOURCES:
        return place_report(source.report(data, origin.declared), origin)
    return place_curves(source.parse(data), origin)


def _as_loaded(name: str, origin: Origin, placed: Placed) -> Loaded:
    return Loaded(
        name, "landed", None, origin.source, origin.raw_sha256, placed.part, placed.session_date, placed.session_basis,
        placed.snapshot_ts, placed.known_at,
        placed.rows_in, placed.rows_landed, placed.rows_quarantined, placed.rows_duplicate,
    )  # fmt: skip


def _register(lake: Lake, loaded: Loaded, sightings: list[Sighting], declared: Declared) -> Loaded:
    """One transaction: the object, where it stands, and the line in the ledger."""
    catalogue = lake.catalogue
    values = {name: value for name, value in asdict(loaded).items() if name not in {"name", "fate", "reason"}}
    is_declared = declared != NOTHING_DECLARED
    if sightings:
        sha256 = sightings[0].raw_sha256
        if catalogue.has_raw(sha256) and (not is_declared or same_places(sightings, catalogue.sightings_of(sha256))):
            loaded = Loaded(loaded.name, "duplicate_bytes", "these very bytes were loaded before", **values)
        elif all(catalogue.is_body_known(s.source, s.identity, sha256) for s in sightings):
            loaded = Loaded(loaded.name, "duplicate_body", "the same content under another clock", **values)
    if loaded.fate == "landed":
        rivals = _rivals(lake, loaded.source, sightings)
        if rivals:
            reason = f"says otherwise than {rivals[0]}, and neither tells which is newer: the greater hash stands"
            loaded = replace(loaded, reason=reason)
    with catalogue.transaction():
        if sightings and loaded.fate != "duplicate_bytes":
            _add_sightings(lake, sightings, is_declared=declared.session is not None)
        catalogue.add_load(_ledger_row(loaded))
    step("load.committed")
    return loaded


def _rivals(lake: Lake, source: str | None, sightings: list[Sighting]) -> list[str]:
    """Names of files that say otherwise of the same, where no clock tells which is newer."""
    if source in sources.CHAIN_SOURCE_NAMES:
        return sorted({name for sighting in sightings for name in lake.catalogue.rivals(sighting)})
    if source in sources.REPORT_SOURCE_NAMES:
        return sorted({name for sighting in sightings for name in rivals_of_report(lake.catalogue, sighting)})
    return []


def _add_sightings(lake: Lake, sightings: list[Sighting], *, is_declared: bool) -> None:
    sha256 = sightings[0].raw_sha256
    if lake.catalogue.has_raw(sha256):
        lake.catalogue.drop_sightings(sha256)
    else:
        sidecar = asdict(lake.raw.sidecar(sha256))
        lake.catalogue.add_raw(sha256, {**sidecar, "size_bytes": lake.raw.size_bytes(sha256)})
    for sighting in sightings:
        if is_declared:
            lake.catalogue.drop_declarations(sighting.source, sighting.identity)
        lake.catalogue.add_sighting(sighting)


def _ledger_row(loaded: Loaded) -> dict[str, Any]:
    row = asdict(loaded)
    row["original_name"] = row.pop("name")
    del row["is_unread"]
    for name in ("snapshot_ts", "known_at"):
        row[name] = timestamp(row[name])
    row["session_date"] = None if loaded.session_date is None else loaded.session_date.isoformat()
    return {**row, "loaded_at": timestamp(datetime.now(UTC).replace(tzinfo=None))}
