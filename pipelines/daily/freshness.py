"""Whether what is followed is up to date: the newest due session of each series stands computed in the lake.

A history of an index has a day more: its vendor says nowhere when in the evening it grows.
"""

from __future__ import annotations

from datetime import datetime

from pipelines.calendar import us_sessions
from pipelines.daily.cadence import DELAYED_JSON, INDEX, TREASURY, Owed, feed_is_due, owed
from pipelines.daily.gap_ledger import newest_bars, seen_sessions
from pipelines.lake.store import Lake
from pipelines.markets import US
from pipelines.operator_settings import Follow, parts_of

_COMPUTED = {DELAYED_JSON: "key_levels", TREASURY: "treasury_zero_curve"}


def late(lake: Lake, follow: Follow, now: datetime) -> list[str]:
    """Followed series whose newest session due at `now` (UTC) is not computed, each with that session."""
    newest: dict[tuple[str, str], Owed] = {}
    for one in owed(seen_sessions(lake), follow, now, us_sessions()):
        newest[one.source, one.part] = one
    followed = [(DELAYED_JSON, symbol) for symbol in parts_of(follow.cboe)]
    followed += [(TREASURY, "_all")] if follow.treasury else []
    standing = {
        (version.table, version.key.part, version.key.session_date)
        for version in lake.catalogue.versions(_COMPUTED.values(), US.name)
        if version.row_count
    }
    missing = []
    for source, part in followed:
        due = newest.get((source, part))
        if due is None:
            missing.append(f"{source} {part}: never collected")
        elif (_COMPUTED[source], part, due.session_date) not in standing:
            missing.append(f"{source} {part}: {due.session_date}")
    return missing + _late_histories(lake, follow, now)


def _late_histories(lake: Lake, follow: Follow, now: datetime) -> list[str]:
    calendar, bars = us_sessions(), newest_bars(lake)
    last = calendar.last_on_or_before(now.date())
    while now < feed_is_due(calendar.after(last)):
        last = calendar.before(last)
    newest = {index: bars.get(index) for index in parts_of(follow.index)}
    return [
        f"{INDEX} {index}: {last if day else 'never collected'}"
        for index, day in newest.items()
        if day is None or day < last
    ]
