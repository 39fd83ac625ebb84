"""A parsed page with its place in market time."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime

from pipelines.calendar import us_sessions
from pipelines.lake.catalogue import Sighting
from pipelines.lake.store import LakeFiles
from pipelines.sessions import OpenInterestDate, Placement, date_open_interest
from pipelines.sources.page import ChainPage
from pipelines.stages import parsed


@dataclass(frozen=True, slots=True)
class PlacedPage:
    sighting: Sighting
    page: ChainPage
    placement: Placement
    header_ts: datetime | None
    open_interest: OpenInterestDate

    @property
    def known_at(self) -> datetime:
        return self.sighting.known_at

    @property
    def session_date(self) -> date:
        return self.placement.session_date

    @property
    def snapshot_ts(self) -> datetime:
        return self.placement.snapshot_ts

    @property
    def has_open_interest(self) -> bool:
        counts = self.page.rows["open_interest"]
        return counts.null_count() < counts.len()


def place(lake: LakeFiles, sighting: Sighting) -> list[PlacedPage]:
    """The pages behind a sighting, with what was read off their clocks when they were loaded."""
    detail = json.loads(sighting.detail)
    pages = parsed.chain_pages(lake, sighting.source, sighting.raw_sha256, detail["underlying"], detail["mapping"])
    return [_placed(sighting, pages[one["place"]], one, detail["session_basis"]) for one in detail["pages"]]


def _placed(sighting: Sighting, page: ChainPage, clocks: dict[str, str | None], session_basis: str) -> PlacedPage:
    snapshot_ts, header_ts = (_instant(clocks[name]) for name in ("snapshot_ts", "header_ts"))
    assert snapshot_ts is not None
    placement = Placement(
        sighting.key.session_date, snapshot_ts, session_basis, sighting.known_at, sighting.known_at_basis
    )
    dated = date_open_interest(page.open_interest_rule, placement, header_ts, us_sessions())
    placed = PlacedPage(sighting, page, placement, header_ts, dated)
    return placed if placed.has_open_interest else replace(placed, open_interest=OpenInterestDate(None, "undated"))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
