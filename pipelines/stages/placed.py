"""A parsed page with its place in market time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

from pipelines.calendar import us_sessions
from pipelines.lake.catalogue import Sighting
from pipelines.lake.store import Lake
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


def place(lake: Lake, sighting: Sighting) -> PlacedPage:
    """The page behind a sighting, with what was read off its clock when it was loaded."""
    detail = json.loads(sighting.detail)
    header_ts = datetime.fromisoformat(detail["header_ts"]) if detail["header_ts"] else None
    placement = Placement(
        sighting.key.session_date,
        datetime.fromisoformat(detail["snapshot_ts"]),
        detail["session_basis"],
        sighting.known_at,
        sighting.known_at_basis,
    )
    dated = date_open_interest(placement, header_ts, us_sessions())
    page = parsed.chain_page(lake, sighting.source, sighting.raw_sha256)
    return PlacedPage(sighting, page, placement, header_ts, dated)
