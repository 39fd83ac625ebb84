"""The bar of the underlying's session as the pages of its close tell it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from pipelines.calendar import new_york_to_utc, us_sessions
from pipelines.sources.page import DailyBar
from pipelines.stages.placed import PlacedPage

TRADING_RESUMES = time(4, 0)  # New York, before the next session opens
_NAMES = ("open", "high", "low", "close", "volume")


def session_bar(page: PlacedPage, others: Iterable[PlacedPage]) -> dict[str, object]:
    """Columns of `pages`, from the newest page of the same snapshot and source that still shows the session's prices.

    A page pulled in the morning for its open interest shows what traded since.
    """
    same = [p for p in others if (p.snapshot_ts, p.sighting.source) == (page.snapshot_ts, page.sighting.source)]
    own = max(filter(_shows_its_session, same), key=lambda p: p.known_at, default=None)
    if own is None:
        return dict.fromkeys([*(f"underlying_bar_{name}" for name in _NAMES), "underlying_bar_known_at"])
    stated = own.page.bar or DailyBar(None, None, None, None, own.page.underlying_volume)
    values = {f"underlying_bar_{name}": getattr(stated, name) for name in _NAMES}
    if stated.close is None:
        values["underlying_bar_close"] = own.page.underlying_last
    return {**values, "underlying_bar_known_at": own.known_at}


def _shows_its_session(page: PlacedPage) -> bool:
    resumes = new_york_to_utc(us_sessions().after(page.session_date), TRADING_RESUMES)
    return page.header_ts is None or page.header_ts < resumes
