"""Where what a file holds belongs: sightings of its pages, bars and curves, each with the clock that placed it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from pipelines.calendar import us_sessions
from pipelines.lake.catalogue import PartitionKey, Sighting, canonical_json, timestamp
from pipelines.lake.files import sha256_of
from pipelines.markets import US
from pipelines.sessions import (
    Placement,
    known_with_its_open_interest,
    place_as_declared,
    place_by_header_clock,
    place_by_quote_time,
)
from pipelines.sources import treasury_par_csv
from pipelines.sources.bars import BarFile
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, NOTHING_DECLARED, ChainPage, Declared, Unreadable
from pipelines.sources.treasury_par_csv import TreasuryFile
from pipelines.stages.file_bars import bar_known_at, part_of
from pipelines.stages.rates import curve_known_at


@dataclass(frozen=True, slots=True)
class Origin:
    """The object that was parsed. `mapping_sha256`: the object that holds its owner's column mapping."""

    source: str
    raw_sha256: str
    declared: Declared = NOTHING_DECLARED
    mapping_sha256: str | None = None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What becomes of one file: its sightings, and its line in the ledger where that is one value for all of it."""

    sightings: list[Sighting]
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    rows_duplicate: int
    part: str | None = None  # of the only part
    session_date: date | None = None  # the newest
    session_basis: str | None = None
    snapshot_ts: datetime | None = None  # the newest
    known_at: datetime | None = None  # the newest


def place_pages(pages: Sequence[ChainPage], origin: Origin) -> Placed:
    """A sighting for each underlying and session of the file; it names the file's pages that belong there."""
    if origin.declared.session is not None and len(pages) > 1:
        raise Unreadable("the file states its own sessions; --session is for single pages")
    placements = [_place_page(page, origin) for page in pages]
    together: dict[tuple[date, str], list[int]] = {}
    for place, (page, placement) in enumerate(zip(pages, placements, strict=True)):
        together.setdefault((placement.session_date, page.underlying), []).append(place)
    sightings = [
        _sighting([(place, pages[place], placements[place]) for place in places], origin)
        for places in together.values()
    ]
    landed = [_landed(page, placement) for page, placement in zip(pages, placements, strict=True)]
    if not any(landed):
        raise Unreadable(f"every contract on the page has expired before the session {placements[-1].session_date}")
    rows_in, duplicates = (sum(getattr(page, name) for page in pages) for name in ("rows_in", "rows_duplicate"))
    newest = max(placements, key=lambda placement: placement.snapshot_ts)
    parts = {page.underlying for page in pages}
    return Placed(
        sightings=sightings,
        rows_in=rows_in,
        rows_landed=sum(landed),
        rows_quarantined=rows_in - sum(landed) - duplicates,
        rows_duplicate=duplicates,
        part=parts.pop() if len(parts) == 1 else None,
        session_date=newest.session_date,
        session_basis=newest.session_basis,
        snapshot_ts=newest.snapshot_ts,
        known_at=max(placement.known_at for placement in placements),
    )


def _place_page(page: ChainPage, origin: Origin) -> Placement:
    calendar = us_sessions()
    header_ts = _plausible(page.header_ts)
    quote_ts = _plausible(page.quote_ts)
    if origin.declared.session is not None:
        if not calendar.is_session(origin.declared.session):
            raise Unreadable(f"{origin.declared.session} is not a session of the exchange")
        return place_as_declared(origin.declared.session, header_ts, calendar)
    if quote_ts is not None:
        placement = place_by_quote_time(quote_ts, header_ts, origin.captured_at, calendar)
        return known_with_its_open_interest(placement, page.open_interest_rule, calendar)
    if header_ts is None:
        raise Unreadable("the page's clock cannot be read; name the session with --session YYYY-MM-DD")
    return place_by_header_clock(header_ts, page.first_expiry, calendar)


def _plausible(clock: datetime | None) -> datetime | None:
    return clock if clock is not None and EARLIEST_YEAR <= clock.year <= LATEST_YEAR else None


def _landed(page: ChainPage, placement: Placement) -> int:
    return page.rows.filter(pl.col("expiry_date") >= placement.session_date).height


def _sighting(members: Sequence[tuple[int, ChainPage, Placement]], origin: Origin) -> Sighting:
    """The pages of one underlying and session, known when the last of them is."""
    _, page, _ = members[0]
    newest = max((placement for _, _, placement in members), key=lambda placement: placement.known_at)
    detail = {
        "session_basis": newest.session_basis,
        "pages": [
            {
                "place": place,
                "snapshot_ts": timestamp(placement.snapshot_ts),
                "header_ts": timestamp(_plausible(one.header_ts)),
            }
            for place, one, placement in members
        ],
        "underlying": origin.declared.underlying,
        "mapping": origin.mapping_sha256,
    }
    bodies = ":".join(one.body_sha256 for _, one, _ in members)
    key = PartitionKey(US.name, newest.session_date, page.underlying)
    return Sighting(
        origin.source,
        key,
        f"{page.underlying}:{bodies}",
        origin.raw_sha256,
        newest.known_at,
        newest.known_at_basis,
        canonical_json(detail),
    )


def place_curves(parsed: TreasuryFile, origin: Origin) -> Placed:
    """A curve file feeds one partition a day; `vintage` orders files that state the same day differently."""
    vintage = parsed.curves[-1].curve_date
    sightings = [
        Sighting(
            treasury_par_csv.NAME,
            PartitionKey(US.name, curve.curve_date, "_all"),
            f"{curve.curve_date}:{origin.raw_sha256}",  # a value may be stated, restated and stated again
            origin.raw_sha256,
            curve_known_at(curve.curve_date),
            "vendor_schedule",
            canonical_json(
                {
                    "vintage": vintage,
                    "captured_at": timestamp(origin.captured_at),
                    "values": curve.percent_by_months,
                }
            ),
        )
        for curve in parsed.curves
    ]
    return Placed(
        sightings=sightings,
        rows_in=parsed.rows_in,
        rows_landed=len(parsed.curves),
        rows_quarantined=parsed.rejected.height,
        rows_duplicate=parsed.rows_duplicate,
        part="_all",
        session_date=vintage,
        session_basis="file_date",
        known_at=curve_known_at(vintage),
    )


def place_bars(parsed: BarFile, origin: Origin) -> Placed:
    """A bar file feeds one partition a symbol and month; `vintage` orders files that state the same day differently."""
    days = parsed.bars.with_columns(month=pl.col("bar_date").dt.month_end())  # as `last_day` of file_bars
    sightings: list[Sighting] = []
    for symbol, of_symbol in _groups(days, "underlying"):
        vintage = of_symbol["bar_date"].max()
        for month, rows in _groups(of_symbol, "month"):
            # The file's rejected rows have no day of their own: they stand with the first month.
            has_rejected = parsed.rejected.height > 0 and not sightings
            detail = {
                "vintage": vintage,
                "captured_at": timestamp(origin.captured_at),
                "bars": {str(bar["bar_date"]): _digest(bar) for bar in rows.iter_rows(named=True)},
                "has_rejected": has_rejected,
                "underlying": origin.declared.underlying,
                "mapping": origin.mapping_sha256,
            }
            sightings.append(
                Sighting(
                    origin.source,
                    PartitionKey(US.name, month, part_of(symbol, origin.source)),
                    f"{symbol}:{month}:{origin.raw_sha256}",  # a value may be stated, restated and stated again
                    origin.raw_sha256,
                    bar_known_at(rows["bar_date"][-1]),
                    "vendor_schedule",
                    canonical_json(detail),
                )
            )
    symbols = parsed.bars["underlying"].unique().to_list()
    newest = days["bar_date"].max()
    assert isinstance(newest, date)
    return Placed(
        sightings=sightings,
        rows_in=parsed.rows_in,
        rows_landed=parsed.bars.height,
        rows_quarantined=parsed.rejected.height,
        rows_duplicate=parsed.rows_duplicate,
        part=symbols[0] if len(symbols) == 1 else None,
        session_date=newest,
        session_basis="file_date",
        known_at=bar_known_at(newest),
    )


def _groups(frame: pl.DataFrame, column: str) -> Iterator[tuple[Any, pl.DataFrame]]:
    return ((key, rows) for (key,), rows in frame.group_by(column, maintain_order=True))


def _digest(bar: dict[str, Any]) -> str:
    """Enough to tell whether two files state a day alike."""
    return sha256_of(repr([bar[name] for name in ("open", "high", "low", "close", "volume")]).encode())[:8]


def same_places(sightings: Iterable[Sighting], known: Iterable[Sighting]) -> bool:
    """Whether an object already stands exactly where these sightings put it, whenever it was fetched again."""
    return sorted(map(_place_of, sightings)) == sorted(map(_place_of, known))


def _place_of(sighting: Sighting) -> str:
    detail = json.loads(sighting.detail)
    detail.pop("captured_at", None)
    return repr(replace(sighting, detail=canonical_json(detail)))
