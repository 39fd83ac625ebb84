"""Whether what is followed is up to date: the newest due session of each series stands computed in the lake.

A history of an index has a day more: its vendor says nowhere when in the evening it grows. Of a coin venue the newest
snapshot may be half an hour old, and what is computed two hours. Of a report the newest due period counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pipelines.calendar import us_sessions
from pipelines.daily.cadence import DELAYED_JSON, INDEX, TREASURY, Owed, feed_is_due, owed
from pipelines.daily.coin_cadence import CHAINS, instant_of, ticks_due
from pipelines.daily.coin_gaps import snapshot_ends
from pipelines.daily.report_cadence import ALL, CADENCES, followed_reports, reports_owed
from pipelines.daily.report_gaps import seen_reports
from pipelines.daily.session_gaps import newest_bars, seen_sessions
from pipelines.lake.store import Lake
from pipelines.lake.turn import LakeBusy, turn
from pipelines.markets import CRYPTO, US
from pipelines.operator_settings import Follow, parts_of
from pipelines.placing_coins import end_of_hour
from pipelines.settings import Paths
from pipelines.warehouse.project import exports
from pipelines.warehouse.publish import fingerprints, publish_lock, recorded

LATE_TICKS = 3
COMPUTED_WITHIN = timedelta(hours=2)
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
    return [
        *missing, *_late_histories(lake, follow, now), *_late_reports(lake, follow, now),
        *late_coins(lake, follow, now),
    ]  # fmt: skip


def late_coins(lake: Lake, follow: Follow, now: datetime) -> list[str]:
    """Followed underlyings of the coin venue whose snapshots, or what is computed of them, end too early."""
    ends = snapshot_ends(lake) if follow.deribit else {}
    computed = {
        row["part"]: datetime.fromisoformat(row["known_at"])
        for row in lake.catalogue.rows(
            "select part, max(known_at) as known_at from partition_versions"
            " where table_name = 'key_levels' and market = ? group by part",
            [CRYPTO.name],
        )
    }
    missing = []
    for part in follow.deribit:
        first, last = (ends[part].first_live, ends[part].last_live) if part in ends else (None, None)
        if first is None or last is None:
            missing.append(f"{CHAINS} {part}: never collected")
            continue
        # Versions count from the end of the hour in which the newest thing behind them was seen.
        due = min(end_of_hour(instant_of(last)), (now - COMPUTED_WITHIN).replace(minute=0, second=0, microsecond=0))
        if last < ticks_due(now) - LATE_TICKS:
            missing.append(f"{CHAINS} {part}: last snapshot {instant_of(last)}")
        elif end_of_hour(instant_of(first)) <= due and (part not in computed or computed[part] < due):
            missing.append(f"{CHAINS} {part}: computed up to {computed.get(part, 'nothing')}")
    return missing


def is_unpublished(paths: Paths) -> bool:
    """Whether the served file was made of other exports of the lake than lie there now, or is being made anew."""
    try:
        with turn(publish_lock(paths), patience_seconds=0):
            return recorded(paths) != fingerprints(exports(paths))
    except LakeBusy:
        return True


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


def _late_reports(lake: Lake, follow: Follow, now: datetime) -> list[str]:
    """Followed reports whose newest due period is not computed, part by part."""
    followed = followed_reports(follow)
    seen = seen_reports(lake) if followed else {}
    newest = {(one.source, one.part): one.session_date for one in reports_owed(seen, follow, now)}
    standing = {
        (version.table, version.key.part, version.key.session_date)
        for version in lake.catalogue.versions(followed, US.name)
        if version.row_count
    }
    missing = []
    for table, parts in followed.items():
        name = CADENCES[table].ledger_name
        for part in parts or list(seen.get(table, ())) or [ALL]:
            due = newest.get((name, part))
            if part not in seen.get(table, ()):
                missing.append(f"{name} {part}: never collected")
            elif due is not None and (table, part, due) not in standing:
                missing.append(f"{name} {part}: {due}")
    return missing
