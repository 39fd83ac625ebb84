"""Files of daily bars -> a partition a symbol, source and month; of two files the newer one's word counts.

A month, not a day, because a history is thousands of days long. Each row says when its values became known.
"""

from __future__ import annotations

import json
from calendar import monthrange
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines.calendar import PUBLISHED_AT, REGULAR_CLOSE, new_york_to_utc, us_sessions
from pipelines.lake.catalogue import Sighting
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.sources import BAR_SOURCE_NAMES
from pipelines.sources.bars import BarFile
from pipelines.stages import parsed
from pipelines.stages.bars import DAILY
from pipelines.tables import TABLES


def last_day(month: date) -> date:
    """The last calendar day of a day's month: the date of its partition."""
    return date(month.year, month.month, monthrange(month.year, month.month)[1])


def bar_known_at(day: date) -> datetime:
    return new_york_to_utc(day, PUBLISHED_AT)


def part_of(symbol: str, source: str) -> str:
    """No underlying's own part holds a small letter, so bars from files never share one with those from pages."""
    return f"{symbol}.{source}"


def resolve(sightings: list[Sighting]) -> list[Sighting]:
    """What each file adds, in order of its last day.

    Days that follow the known ones were on time. A file that states a known day otherwise, or one that was missing, is
    a restatement: nothing says when it was made, so it counts as known when its file was complete, or was fetched.
    """
    told = [(json.loads(sighting.detail), sighting) for sighting in sightings]
    stated: list[Sighting] = []
    held: dict[str, str] = {}
    order = sorted(told, key=lambda one: (one[0]["vintage"], one[0].get("captured_at") or "", one[1].raw_sha256))
    for detail, sighting in order:
        fresh = {day for day, digest in detail["bars"].items() if held.get(day) != digest}
        if not fresh and not detail["has_rejected"]:
            continue
        is_restated = any(day <= max(held, default="") for day in fresh)
        complete = sighting.known_at
        if is_restated:
            captured_at = detail.get("captured_at")
            fetched = [datetime.fromisoformat(captured_at)] if captured_at else []
            complete = max([bar_known_at(date.fromisoformat(detail["vintage"])), *fetched])
        # A file never counts before those whose word it replaces.
        stated.append(replace(sighting, known_at=max([complete, *(one.known_at for one in stated[-1:])])))
        held |= detail["bars"]
    return stated


def compute(inputs: Inputs) -> Output:
    held: dict[date, dict[str, object]] = {}
    fates = {"in": 0.0, "repeated": 0.0, "restated": 0.0}
    rejected = []
    for sighting in inputs.sightings:
        file, has_rejected = _file(inputs, sighting)
        last = max(held, default=date.min)
        for bar in _bars_of(inputs, sighting, file).iter_rows(named=True):
            day = bar.pop("bar_date")
            before = held.get(day)
            fates["in"] += 1
            if before is not None:
                is_repeated = all(before[name] == value for name, value in bar.items())
                fates["repeated" if is_repeated else "restated"] += 1
                if is_repeated:
                    continue
            known_at = bar_known_at(day) if day > last else sighting.known_at
            held[day] = {**bar, "bar_ts": _closed(day), "source": sighting.source, "known_at": known_at}
        if has_rejected:
            origin = {"raw_sha256": pl.lit(sighting.raw_sha256), "source": pl.lit(sighting.source)}
            rejected.append(file.rejected.with_columns(**origin).select(empty("quarantine").columns))
    rows = [{**held[day], "interval": DAILY} for day in sorted(held)]
    frames = {
        "price_bars": pl.DataFrame(rows, schema=TABLES["price_bars"].schema()),
        "quarantine": pl.concat([empty("quarantine"), *rejected]),
    }
    return Output(frames, {"rows": {**fates, "landed": float(len(held))}})


def _file(inputs: Inputs, sighting: Sighting) -> tuple[BarFile, bool]:
    detail = json.loads(sighting.detail)
    place = (sighting.source, sighting.raw_sha256, detail["underlying"], detail["mapping"])
    return parsed.bar_file(inputs.lake, *place), detail["has_rejected"]


def _bars_of(inputs: Inputs, sighting: Sighting, file: BarFile) -> pl.DataFrame:
    """The file's bars of the partition's symbol and month."""
    symbol, month = inputs.key.part.removesuffix(part_of("", sighting.source)), inputs.key.session_date
    return file.bars.filter(
        (pl.col("underlying") == symbol) & pl.col("bar_date").is_between(month.replace(day=1), month)
    )


def _closed(day: date) -> datetime:
    """The session's close; on a day that is no exchange session, its usual hour."""
    calendar = us_sessions()
    return calendar.close_of(day) if calendar.is_session(day) else new_york_to_utc(day, REGULAR_CLOSE)


FILE_BARS = Stage(
    name="file_bars",
    method_version=METHOD_VERSIONS["file_bars"],
    outputs=("price_bars",),
    by_products=("quarantine",),
    sources=BAR_SOURCE_NAMES,
    resolve=resolve,
    compute=compute,
)
