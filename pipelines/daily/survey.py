"""What an archive of files holds, before any of it is landed: which sessions, in which batches, filling which gaps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.daily.gap_ledger import Gap, Place
from pipelines.daily.report_cadence import TABLE_OF
from pipelines.daily.report_gaps import TABLE_BY_SOURCE
from pipelines.lake.files import sha256_of
from pipelines.lake.store import Lake
from pipelines.load import look, shown_name
from pipelines.markets import MARKETS
from pipelines.sources.page import Declared


@dataclass(frozen=True, slots=True)
class Found:
    """One file: what it holds, or why it cannot be read. One that was landed before is not read again."""

    path: Path
    is_landed: bool = False
    source: str | None = None
    places: tuple[Place, ...] = ()  # the parts and sessions of all that it holds, by session
    reason: str | None = None

    @property
    def name(self) -> str:
        return shown_name(self.path)

    @property
    def is_chain(self) -> bool:
        """Whether the sessions of its market are computed of it: chains, or the trades beside them."""
        return any(self.source in (*m.source_precedence, *m.trade_sources) for m in MARKETS.values())

    @property
    def market(self) -> str:
        return self.places[0][0]

    @property
    def sessions(self) -> list[date]:
        return sorted({session for *_, session in self.places})

    def is_between(self, first: date | None, last: date | None) -> bool:
        return any((first is None or day >= first) and (last is None or day <= last) for day in self.sessions)


def survey(
    lake: Lake, files: Iterable[Path], declared: Declared, progress: Callable[[], None] = lambda: None
) -> Iterator[Found]:
    """Look at each file. Nothing is written."""
    for path in files:
        yield _found(lake, path, declared)
        progress()


def _found(lake: Lake, path: Path, declared: Declared) -> Found:
    try:
        placed = look(path, declared, lambda sha256: _is_landed(lake, sha256, declared))
    except Exception as error:  # noqa: BLE001 - whatever it is, loading will refuse the file and say why
        return Found(path, reason=next(iter(str(error).splitlines()), type(error).__name__))
    if placed is None:
        return Found(path, is_landed=True)
    sightings = placed.sightings
    places = sorted({(s.key.market, s.key.part, s.key.session_date) for s in sightings}, key=lambda place: place[::-1])
    return Found(path, source=sightings[0].source, places=tuple(places))


def _is_landed(lake: Lake, sha256: str, declared: Declared) -> bool:
    """Whether these bytes stand in the lake, read as they are declared now."""
    if not lake.catalogue.has_raw(sha256):
        return False
    mapped_by = None if declared.mapping is None else sha256_of(declared.mapping.encode())
    details = [json.loads(sighting.detail) for sighting in lake.catalogue.sightings_of(sha256)]
    return all((d.get("underlying"), d.get("mapping")) == (declared.underlying, mapped_by) for d in details)


def batches(found: Iterable[Found], most_sessions: int) -> list[list[Found]]:
    """Files in order of their sessions, cut so that the chains of a batch span few sessions."""
    cut: list[list[Found]] = [[]]
    sessions: set[date] = set()
    for one in sorted(found, key=lambda one: (one.sessions[0], one.is_chain, one.name)):
        own = set(one.sessions) if one.is_chain else set()
        if cut[-1] and len(sessions | own) > most_sessions:
            cut.append([])
            sessions = set()
        cut[-1].append(one)
        sessions |= own
    return [batch for batch in cut if batch]


def chain_sessions(found: Iterable[Found]) -> list[date]:
    return sorted({session for one in found if one.is_chain for session in one.sessions})


def would_fill(gaps: Iterable[Gap], found: Iterable[Found]) -> list[Gap]:
    """Open gaps for whose market, part and session these files hold something; of a report, files of that report."""
    places = {(TABLE_BY_SOURCE.get(one.source or ""), place) for one in found for place in one.places}
    return [gap for gap in gaps if gap.status != "filled" and (TABLE_OF.get(gap.source), gap.place) in places]
