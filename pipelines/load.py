"""Files into the lake: recognised by content, kept byte for byte, placed in market time, written into the ledger."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from pipelines import sources
from pipelines.calendar import CalendarError, us_sessions
from pipelines.lake.catalogue import PartitionKey, Sighting, canonical_json, timestamp
from pipelines.lake.files import sha256_of
from pipelines.lake.raw import Sidecar
from pipelines.lake.steps import step
from pipelines.lake.store import Lake
from pipelines.markets import US
from pipelines.sessions import place_as_declared, place_by_header_clock
from pipelines.sources.page import ChainPage, Unreadable
from pipelines.sources.treasury_par_csv import TreasuryFile
from pipelines.stages.rates import curve_known_at

_log = logging.getLogger(__name__)
LARGEST_BYTES = 256 * 2**20
EARLIEST_YEAR, LATEST_YEAR = 2005, 2040


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


def load_files(
    lake: Lake, files: Iterable[Path], *, session: date | None = None, progress: Callable[[Loaded], None]
) -> Iterator[Loaded]:
    """Land each file on its own: one that is refused leaves the others unharmed."""
    for path in files:
        loaded = _load(lake, path, session)
        progress(loaded)
        yield loaded


def _load(lake: Lake, path: Path, session: date | None) -> Loaded:
    # A name may hold bytes that are no text; it is only ever shown.
    name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    try:
        data = _read(path)
        source = _recognise(data)
        loaded, sightings = _place(name, data, source, session)
    except (Unreadable, CalendarError, OSError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        loaded, sightings = Loaded(name, "refused", reason.splitlines()[0]), []
    except Exception as error:  # noqa: BLE001 - a file that no parser foresaw must not stop the others
        _log.exception("%s", name)
        loaded, sightings = Loaded(name, "refused", f"error: {type(error).__name__}: {error}".splitlines()[0]), []
    else:
        lake.raw.put(data, Sidecar(source.NAME, name))
    return _register(lake, loaded, sightings, is_declared=session is not None)


def _read(path: Path) -> bytes:
    """A regular file of bounded size: a pipe or a device would never end."""
    if not path.is_file():
        raise Unreadable("not a regular file")
    with path.open("rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise Unreadable(f"larger than {LARGEST_BYTES >> 20} MiB")
    return data


def _recognise(data: bytes) -> ModuleType:
    if not data.strip():
        raise Unreadable("the file is empty")
    if data[:4] == b"PK\x03\x04":
        raise Unreadable("a zip archive; unpack it and load the files inside")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("the text is UTF-16; save it as UTF-8")
    source = sources.recognise(data)
    if source is None:
        raise Unreadable("not the layout of any known source")
    return source


def _place(name: str, data: bytes, source: ModuleType, session: date | None) -> tuple[Loaded, list[Sighting]]:
    parsed = source.parse(data)
    sha256 = sha256_of(data)
    if isinstance(parsed, TreasuryFile):
        return _place_curves(name, sha256, parsed)
    return _place_page(name, sha256, source.NAME, parsed, session)


def _place_page(
    name: str, sha256: str, source: str, page: ChainPage, session: date | None
) -> tuple[Loaded, list[Sighting]]:
    calendar = us_sessions()
    header_ts = page.header_ts
    if header_ts is not None and not EARLIEST_YEAR <= header_ts.year <= LATEST_YEAR:
        header_ts = None
    if session is not None:
        if not calendar.is_session(session):
            raise Unreadable(f"{session} is not a session of the exchange")
        placement = place_as_declared(session, header_ts, calendar)
    elif header_ts is None:
        raise Unreadable("the page's clock cannot be read; name the session with --session YYYY-MM-DD")
    else:
        placement = place_by_header_clock(header_ts, page.first_expiry, calendar)
    key = PartitionKey(US.name, placement.session_date, page.underlying)
    detail = canonical_json(
        {
            "session_basis": placement.session_basis,
            "snapshot_ts": timestamp(placement.snapshot_ts),
            "header_ts": timestamp(header_ts),
        }
    )
    sighting = Sighting(
        source,
        key,
        f"{page.underlying}:{page.body_sha256}",
        sha256,
        placement.known_at,
        placement.known_at_basis,
        detail,
    )
    landed = page.rows.filter(pl.col("expiry_date") >= placement.session_date).height
    if not landed:
        raise Unreadable(f"every contract on the page has expired before the session {placement.session_date}")
    loaded = Loaded(
        name, "landed", None, source, sha256, page.underlying, placement.session_date, placement.session_basis,
        placement.snapshot_ts, placement.known_at,
        page.rows_in, landed, page.rows_in - landed - page.rows_duplicate, page.rows_duplicate,
    )  # fmt: skip
    return loaded, [sighting]


def _place_curves(name: str, sha256: str, parsed: TreasuryFile) -> tuple[Loaded, list[Sighting]]:
    """A curve file feeds one partition a day; `vintage` orders files that state the same day differently."""
    vintage = parsed.curves[-1].curve_date
    source = sources.treasury_par_csv.NAME
    sightings = [
        Sighting(
            source,
            PartitionKey(US.name, curve.curve_date, "_all"),
            f"{curve.curve_date}:{sha256}",  # a value may be stated, restated and stated again: every file counts
            sha256,
            curve_known_at(curve.curve_date),
            "vendor_schedule",
            canonical_json({"vintage": vintage, "values": curve.percent_by_months}),
        )
        for curve in parsed.curves
    ]
    loaded = Loaded(
        name, "landed", None, source, sha256, "_all", vintage, "file_date", None, curve_known_at(vintage),
        parsed.rows_in, len(parsed.curves), parsed.rejected.height, parsed.rows_duplicate,
    )  # fmt: skip
    return loaded, sightings


def _register(lake: Lake, loaded: Loaded, sightings: list[Sighting], *, is_declared: bool) -> Loaded:
    """One transaction: the object, where it stands, and the line in the ledger."""
    catalogue = lake.catalogue
    values = {name: value for name, value in asdict(loaded).items() if name not in {"name", "fate", "reason"}}
    if sightings:
        sha256 = sightings[0].raw_sha256
        if catalogue.has_raw(sha256) and not is_declared:
            loaded = Loaded(loaded.name, "duplicate_bytes", "these very bytes were loaded before", **values)
        elif all(catalogue.is_body_known(s.source, s.identity, sha256) for s in sightings):
            loaded = Loaded(loaded.name, "duplicate_body", "the same content under another clock", **values)
    with catalogue.transaction():
        if sightings and loaded.fate != "duplicate_bytes":
            _add_sightings(lake, sightings, is_declared=is_declared)
        catalogue.add_load(_ledger_row(loaded))
    step("load.committed")
    return loaded


def _add_sightings(lake: Lake, sightings: list[Sighting], *, is_declared: bool) -> None:
    sha256 = sightings[0].raw_sha256
    if lake.catalogue.has_raw(sha256):
        lake.catalogue.drop_sightings(sha256)
    else:
        sidecar = asdict(lake.raw.sidecar(sha256))
        lake.catalogue.add_raw(sha256, {**sidecar, "size_bytes": len(lake.raw.get(sha256))})
    for sighting in sightings:
        if is_declared:
            lake.catalogue.drop_declarations(sighting.source, sighting.identity)
        lake.catalogue.add_sighting(sighting)


def _ledger_row(loaded: Loaded) -> dict[str, Any]:
    row = asdict(loaded)
    row["original_name"] = row.pop("name")
    for name in ("snapshot_ts", "known_at"):
        row[name] = timestamp(row[name])
    row["session_date"] = None if loaded.session_date is None else loaded.session_date.isoformat()
    return {**row, "loaded_at": timestamp(datetime.now(UTC).replace(tzinfo=None))}
