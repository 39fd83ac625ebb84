"""Where the rows of a report belong: a sighting for each period and part, with the moments at which they were known."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import polars as pl

from pipelines.calendar import us_sessions
from pipelines.lake.catalogue import Catalogue, PartitionKey, Sighting, canonical_json, timestamp
from pipelines.lake.files import sha256_of
from pipelines.markets import US
from pipelines.placing import Origin, Placed
from pipelines.reports import ANNOUNCED, REPORTS, known_by, stated_known_at
from pipelines.sources.page import Unreadable
from pipelines.sources.reports.report import PLACE_SCHEMA, ReportFile


def place_report(file: ReportFile, origin: Origin) -> Placed:
    places = file.rows.select("session_date", "part").unique().sort("session_date", "part")
    by_place: Any = file.rows.partition_by("session_date", "part", as_dict=True)
    sightings = [
        _sighting(file, by_place[day, part], origin, day, part, is_first=place == 0)
        for place, (day, part) in enumerate(places.iter_rows())
    ]
    parts = places["part"].unique().to_list()
    return Placed(
        sightings=sightings,
        rows_in=file.rows_in,
        rows_landed=file.rows.height + file.rows_merged,
        rows_quarantined=file.rejected.height,
        rows_duplicate=file.rows_duplicate,
        part=parts[0] if len(parts) == 1 else None,
        session_date=places["session_date"][-1],
        session_basis="file_date" if origin.declared.session is None else "declared",
        known_at=max(sighting.known_at for sighting in sightings),
    )


def _sighting(
    file: ReportFile, rows: pl.DataFrame, origin: Origin, day: date, part: str, *, is_first: bool
) -> Sighting:
    if origin.captured_at is not None and file.table not in ANNOUNCED:
        _check_is_over(day, origin.captured_at)
    has_rejected = is_first and file.rejected.height > 0
    published = [stated_known_at(one) for one in rows["published_date"].drop_nulls().unique().sort()]
    if REPORTS[file.table].replaces is not None and rows["published_date"].n_unique() > 1:
        raise ValueError(f"{file.table}: what replaces a period as a whole is published at one moment")
    scheduled: tuple[datetime, str] | None = None  # of rows of which the vendor does not say when it published them
    if rows["published_date"].null_count():
        scheduled = known_by(REPORTS[file.table].due(day, part), origin.captured_at)
    known_at, basis = max([*((moment, "published") for moment in published), *([scheduled] if scheduled else [])])
    detail = {
        "published": [timestamp(moment) for moment in published],
        "scheduled": None if scheduled is None else [timestamp(scheduled[0]), scheduled[1]],
        "captured_at": timestamp(origin.captured_at),
        "digest": _digest(rows),
        "statements": _statements(file.table, rows),
        "rejected": _digest(file.rejected) if has_rejected else None,
        "underlying": origin.declared.underlying,
        "session": None if origin.declared.session is None else origin.declared.session.isoformat(),
        "exchange": origin.declared.exchange,
        "mapping": origin.mapping_sha256,
        "has_rejected": has_rejected,  # they have no period of their own: they stand with the file's first
    }
    return Sighting(
        origin.source,
        PartitionKey(US.name, day, part),
        f"{file.table}:{part}:{day}:{origin.raw_sha256}",  # a value may be stated, restated and stated again
        origin.raw_sha256,
        known_at,
        basis,
        canonical_json(detail),
    )


def _check_is_over(day: date, captured_at: datetime) -> None:
    """What a period was like was not to be had before its last session ended: a clock is wrong, or the day is."""
    calendar = us_sessions()
    if captured_at < calendar.close_of(calendar.last_on_or_before(day)):
        raise Unreadable(f"fetched at {captured_at:%Y-%m-%d %H:%M} UTC, before {day} was over: one of the two is wrong")


def _statements(table: str, rows: pl.DataFrame) -> dict[str, str]:
    """Digests by what a later statement replaces as a whole; none of excerpts, which need not speak of the same."""
    group = REPORTS[table].replaces
    if group is None:
        return {}
    if not group:
        return {"": _digest(rows)}
    by_group: Any = rows.partition_by(*group, as_dict=True)
    return {"|".join(map(str, name)): _digest(part) for name, part in by_group.items()}


def rivals(catalogue: Catalogue, sighting: Sighting) -> list[str]:
    """Files that say otherwise of the same period without a clock that would tell which is newer: their names."""
    mine = json.loads(sighting.detail)
    found = []
    for name, detail in catalogue.stated_beside(sighting):
        other = json.loads(detail)
        common = mine["statements"].keys() & other["statements"].keys()
        is_otherwise = any(mine["statements"][group] != other["statements"][group] for group in common)
        if is_otherwise and mine["captured_at"] == other["captured_at"]:
            found.append(name)
    return sorted(found)


def _digest(rows: pl.DataFrame) -> str:
    """Enough to tell whether two files say the same of a period."""
    said = rows.drop(*(name for name in PLACE_SCHEMA if name in rows.columns and name != "published_date"))
    return sha256_of(said.sort(said.columns).write_csv().encode())[:16]
