"""Which reports a followed feed still owes, as the items that it is asked for: what is out and has not come.

Weekly volumes are restated for some weeks, so those of the last ones are asked for again, once a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from pipelines.calendar import utc_to_new_york
from pipelines.daily.report_cadence import ALL, CADENCES, TABLE_OF, followed_reports
from pipelines.daily.report_gaps import seen_reports
from pipelines.daily.report_items import feed_name, item_of
from pipelines.fetch import feed_of
from pipelines.fetch.acceptance import accepted_on
from pipelines.lake.store import Lake, opened
from pipelines.operator_settings import Follow, operator_settings
from pipelines.report_periods import periods_due
from pipelines.settings import Paths

REPORT_FEEDS = {feed_name(name): name for name in TABLE_OF}
RESTATED_WEEKS = 4


def is_followed(feed: str, follow: Follow) -> bool:
    return feed in REPORT_FEEDS and TABLE_OF[REPORT_FEEDS[feed]] in followed_reports(follow)


def items_owed(lake: Lake, feed: str, follow: Follow, now: datetime) -> list[str]:
    """The items of a followed feed that are to be asked for at `now` (UTC), oldest first.

    Of a part that never came only the newest period: from then on it owes all.
    """
    table = TABLE_OF[REPORT_FEEDS[feed]]
    seen = seen_reports(lake).get(table, {})
    asked_today = _asked_on(lake, feed, utc_to_new_york(now).date())
    found: list[tuple[date, str]] = []
    for part in followed_reports(follow)[table] or list(seen) or [ALL]:
        days = seen.get(part, {})
        newest = CADENCES[table].looked_back if days else 1
        out = periods_due(table, now, [part], newest=newest, since=min(days, default=None))
        for place, (day, _) in enumerate(reversed(out)):
            item = item_of(table, part, day)
            may_be_restated = table == "ats_weekly" and place < RESTATED_WEEKS and item not in asked_today
            if day not in days or may_be_restated:
                found.append((day, item))
    return list(dict.fromkeys(item for _, item in sorted(found)))


def why_not(paths: Paths, feeds: Iterable[str], now: datetime) -> str | None:
    """What keeps these feeds from being asked at `now` (UTC); None when at least one owes something."""
    follow = operator_settings(paths).follow
    followed = [feed for feed in feeds if is_followed(feed, follow)]
    if not followed:
        keys = ", ".join(REPORT_FEEDS[feed] for feed in feeds)
        return f"nothing is followed: dealerflow.toml, [follow], one of {keys}"
    accepted = [feed for feed in followed if accepted_on(paths, feed_of(feed)) is not None]
    if not accepted:
        return f"{followed[0]} is followed, but its terms are not accepted: dealerflow fetch {followed[0]}"
    with opened(paths) as lake:
        is_owed = any(items_owed(lake, feed, follow, now) for feed in accepted)
    return None if is_owed else "everything that is out has come"


def _asked_on(lake: Lake, feed: str, day: date) -> set[str]:
    """The items of a feed that were asked for on a day of New York, whatever came of it."""
    loads = lake.catalogue.rows(
        "select original_name, max(loaded_at) as at from load_ledger where original_name like ? || ' %'"
        " group by original_name",
        [feed],
    )
    return {
        load["original_name"].removeprefix(f"{feed} ")
        for load in loads
        if utc_to_new_york(datetime.fromisoformat(load["at"])).date() == day
    }
