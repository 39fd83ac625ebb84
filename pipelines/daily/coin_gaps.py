"""What the lake has of a coin venue, so far as gaps are concerned, asked of its catalogue as far as that can tell.

A year of five underlyings is a quarter of a million snapshots: only the holes between them come out of the database.
What is covered by trades, and their holes, are a line or so a day: their partitions are read, all of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pipelines.daily.coin_cadence import (
    CHAINS,
    EARLY,
    EVERY,
    GRACE,
    TRADES,
    TRADES_GRACE,
    Hole,
    Lack,
    Span,
    instant_of,
    missing_snapshots,
    missing_trades,
    ticks_due,
    trades_due,
    uncovered,
)
from pipelines.lake.catalogue import PartitionKey, Version
from pipelines.lake.partitions import read_together
from pipelines.lake.store import Lake
from pipelines.markets import CRYPTO
from pipelines.operator_settings import Follow

KINDS = {CHAINS: CRYPTO.source_precedence, TRADES: CRYPTO.trade_sources}
GRACES = {CHAINS: GRACE, TRADES: TRADES_GRACE}
_TICKS = f"""
    select distinct source, part,
           cast((strftime('%s', value) + {EARLY.seconds}) / {EVERY.seconds} as integer) as tick
    from sightings, json_each(sightings.detail, '$.snapshots') where market = ? and source in ({{sources}})"""
_STEPS = f"""
    with seen as ({_TICKS}), ticks as (select distinct part, tick from seen),
         steps as (select part, tick, lag(tick) over (partition by part order by tick) as before from ticks)
    select part, before, tick from steps where tick - before > 1"""
_ENDS = f"""
    with seen as ({_TICKS})
    select part, max(tick) as last, min(tick) filter (where source = '{CHAINS}') as first_live,
           max(tick) filter (where source = '{CHAINS}') as last_live from seen group by part"""


@dataclass(frozen=True, slots=True)
class Ends:
    """The ticks between which snapshots of a part stand: of any source, and of the live feed."""

    last: int
    first_live: int | None
    last_live: int | None


@dataclass(slots=True)
class Balance:
    """What is missing, and up to when each source and underlying owes anything."""

    lacks: list[Lack] = field(default_factory=list)
    owed_until: dict[tuple[str, str], datetime] = field(default_factory=dict)


def balance(lake: Lake, follow: Follow, now: datetime) -> Balance:
    """Of the coin venue at `now` (UTC), by underlying and day."""
    found = Balance()
    _add_chains(found, lake, follow, now)
    _add_trades(found, lake, follow, now)
    return found


def snapshot_ends(lake: Lake) -> dict[str, Ends]:
    """By underlying, between which ticks there are snapshots."""
    rows = _asked(lake, _ENDS, KINDS[CHAINS])
    return {row["part"]: Ends(row["last"], row["first_live"], row["last_live"]) for row in rows}


def recent_snapshots(lake: Lake, since: datetime) -> dict[str, list[datetime]]:
    """By underlying, the instants of live snapshots since an instant, in order."""
    rows = lake.catalogue.rows(
        "select distinct part, value as at from sightings, json_each(sightings.detail, '$.snapshots')"
        " where market = ? and source = ? and session_date >= ? order by part, at",
        [CRYPTO.name, CHAINS, since.date().isoformat()],
    )
    found: dict[str, list[datetime]] = {}
    for row in rows:
        if (at := datetime.fromisoformat(row["at"])) >= since:
            found.setdefault(row["part"], []).append(at)
    return found


def brought_by(lake: Lake, source: str, part: str, day: date) -> str | None:
    """What the day was filled by: other sources than its own, if there are any."""
    names = KINDS[source]
    rows = lake.catalogue.rows(
        f"select distinct source from sightings where market = ? and part = ? and session_date = ?"
        f" and source in ({_marks(names)})",
        [CRYPTO.name, part, day.isoformat(), *names],
    )
    found = sorted((row["source"] for row in rows), key=lambda name: (name == source, names.index(name)))
    return found[0] if found else None


def _add_chains(found: Balance, lake: Lake, follow: Follow, now: datetime) -> None:
    due = ticks_due(now)
    steps: dict[str, list[range]] = {}
    for row in _asked(lake, _STEPS, KINDS[CHAINS]):
        steps.setdefault(row["part"], []).append(range(row["before"] + 1, row["tick"]))
    for part, ends in snapshot_ends(lake).items():
        if part in follow.deribit and ends.first_live is not None:
            runs = [*sorted(steps.get(part, []), key=lambda run: run.start), range(ends.last + 1, due)]
            found.lacks += missing_snapshots(part, runs, ends.first_live, due)
            found.owed_until[CHAINS, part] = instant_of(due)


def _add_trades(found: Balance, lake: Lake, follow: Follow, now: datetime) -> None:
    """Of every underlying whose trades are here: an inventory needs them all, followed or not."""
    covered: dict[str, list[Span]] = {}
    holes: dict[str, dict[date, list[Hole]]] = {}
    for version, (start, end) in _current_rows(lake, "trade_coverage", ("from_ts", "until_ts")):
        covered.setdefault(version.key.part, []).append((start, end))
    for version, hole in _current_rows(lake, "trade_holes", ("contract_id", "from_seq", "to_seq")):
        holes.setdefault(version.key.part, {}).setdefault(version.key.session_date, []).append(Hole(*hole))
    for part in sorted({*covered, *holes}):
        spans = covered.get(part, [])
        until = trades_due(now) if part in follow.deribit else max((end for _, end in spans), default=now)
        found.lacks += missing_trades(part, uncovered(spans, until), holes.get(part, {}), now)
        found.owed_until[TRADES, part] = until


def _current_rows(lake: Lake, table: str, columns: Sequence[str]) -> list[tuple[Version, Any]]:
    newest: dict[PartitionKey, Version] = {}
    for version in lake.catalogue.versions([table], CRYPTO.name):
        newest[version.key] = max(newest.get(version.key, version), version, key=lambda v: v.rank)
    standing = (version for version in newest.values() if version.row_count and not version.is_pruned)
    return read_together(lake.paths.lake, standing, columns)


def _asked(lake: Lake, query: str, sources: tuple[str, ...]) -> list[dict[str, Any]]:
    return lake.catalogue.rows(query.replace("{sources}", _marks(sources)), [CRYPTO.name, *sources])


def _marks(names: tuple[str, ...]) -> str:
    return ", ".join("?" * len(names))
