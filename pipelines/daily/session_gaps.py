"""What sessions of market `us` owe and lack: chains and curves, asked of the catalogue.

A gap of a chain is filled by any source that shows the end of the session: a live feed keeps no history, so another
vendor's file is all that can fill it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipelines.calendar import SessionCalendar, us_sessions
from pipelines.daily.cadence import ARCHIVES, DELAYED_JSON, INDEX, TREASURY, Owed, owed
from pipelines.daily.report_cadence import TABLE_OF
from pipelines.daily.report_items import feed_name
from pipelines.lake.catalogue import Sighting
from pipelines.lake.store import Lake
from pipelines.markets import MARKETS, US
from pipelines.operator_settings import Follow
from pipelines.sources.chain_rows import plain_symbol

END_OF_SESSION = timedelta(minutes=15)  # archives quote as early before the close
_OWING = frozenset({DELAYED_JSON, TREASURY, *ARCHIVES})
_FEED_NAMES = {DELAYED_JSON: "cboe {part}", TREASURY: "treasury {year}"}  # as live loads are named
_DATE_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)")
_LANDED_IN = {"landing": "chains", "rates": "treasury_zero_curve"}

Lack = tuple[Owed, str | None]  # what is missing, and why it was refused
_Place = tuple[str, date]  # part, session


@dataclass(frozen=True, slots=True)
class Held:
    """What the catalogue has, so far as gaps are concerned."""

    seen: dict[str, dict[str, set[date]]]  # by source and part: bounds of what an owner has
    brought: dict[_Place, str]  # chains that show the end of their session, and curves
    refused: dict[_Place, str]  # what a gate refused, so that nothing of it stands


@dataclass(frozen=True, slots=True)
class Balance:
    lacks: list[Lack]
    brought: dict[_Place, str]

    def brought_by(self, source: str, part: str, session: date) -> str | None:
        """Chains of any source fill those of another."""
        return self.brought.get((part, session)) if source in _OWING else None


def balance(lake: Lake, follow: Follow, now: datetime) -> Balance:
    """What is due at `now` (UTC) and not there."""
    calendar = us_sessions()
    held = _held(lake, calendar)
    missing = [
        one for one in owed(held.seen, follow, now, calendar) if (one.part, one.session_date) not in held.brought
    ]
    lacks = [
        (one, held.refused.get((one.part, one.session_date)) or refusal)
        for one, refusal in _with_refused_loads(lake, missing, calendar)
    ]
    return Balance(lacks, held.brought)


def _held(lake: Lake, calendar: SessionCalendar) -> Held:
    seen: dict[str, dict[str, set[date]]] = {}
    brought: dict[_Place, str] = {}
    for sighting in lake.catalogue.sightings((*US.source_precedence, TREASURY), US.name):
        key = sighting.key
        seen.setdefault(sighting.source, {}).setdefault(key.part, set()).add(key.session_date)
        if sighting.source == TREASURY or _shows_the_end(sighting, calendar):
            brought.setdefault((key.part, key.session_date), sighting.source)
    refused = {place[1:]: reason for place, reason in refused_by_gates(lake, _LANDED_IN).items()}
    return Held(seen, {place: source for place, source in brought.items() if place not in refused}, refused)


def seen_sessions(lake: Lake) -> dict[str, dict[str, set[date]]]:
    """By source and part, the sessions of market `us` of which anything came."""
    return _held(lake, us_sessions()).seen


def newest_sessions(lake: Lake) -> dict[tuple[str, str], dict[str, date]]:
    """By market and source, and then by part, the newest session of the chains, trades and curves that came."""
    rows = lake.catalogue.rows(
        "select market, source, part, max(session_date) as day from sightings group by market, source, part"
    )
    found: dict[tuple[str, str], dict[str, date]] = {}
    for row in rows:
        market = MARKETS[row["market"]]
        if row["source"] in (*market.source_precedence, *market.trade_sources, TREASURY):
            found.setdefault((market.name, row["source"]), {})[row["part"]] = date.fromisoformat(row["day"])
    return found


def newest_bars(lake: Lake) -> dict[str, date]:
    """By index, the last day of the histories that were landed."""
    sightings = lake.catalogue.sightings([INDEX], US.name)
    months: dict[str, date] = {}
    for key in {sighting.key for sighting in sightings}:
        months[key.part] = max(months.get(key.part, key.session_date), key.session_date)
    newest: dict[str, date] = {}
    for sighting in sightings:
        if sighting.key.session_date == months[sighting.key.part]:
            index = sighting.key.part.removesuffix(f".{INDEX}")
            last = date.fromisoformat(max(json.loads(sighting.detail)["bars"]))
            newest[index] = max(newest.get(index, last), last)
    return newest


def ended_sessions(lake: Lake, sources: Iterable[str]) -> set[tuple[str, date]]:
    """The parts and sessions of market `us` whose end pages of these sources show."""
    calendar = us_sessions()
    sightings = lake.catalogue.sightings(sources, US.name)
    return {(s.key.part, s.key.session_date) for s in sightings if _shows_the_end(s, calendar)}


def _shows_the_end(sighting: Sighting, calendar: SessionCalendar) -> bool:
    """Whether one of its pages was made after the close, or quotes the last minutes before it."""
    close = calendar.close_of(sighting.key.session_date)
    for page in json.loads(sighting.detail)["pages"]:
        made, quoted = page["header_ts"], datetime.fromisoformat(page["snapshot_ts"])
        if quoted + END_OF_SESSION >= close or (made is not None and datetime.fromisoformat(made) >= close):
            return True
    return False


def refused_by_gates(lake: Lake, landed_in: Mapping[str, str]) -> dict[tuple[str, str, date], str]:
    """By table, part and session: what these stages refused of these tables, unless something else of it stands."""
    rows = lake.catalogue.rows(
        "select stage, part, session_date, gate, reason from refusals where market = ? order by known_at", [US.name]
    )
    found = {
        (landed_in[row["stage"]], row["part"], date.fromisoformat(row["session_date"])): row
        for row in rows
        if row["stage"] in landed_in
    }
    if not found:
        return {}
    versions = lake.catalogue.versions(landed_in.values(), US.name)
    standing = {(v.table, v.key.part, v.key.session_date) for v in versions if v.row_count}
    return {place: f"{row['gate']}: {row['reason']}" for place, row in found.items() if place not in standing}


def _with_refused_loads(lake: Lake, gaps: list[Owed], calendar: SessionCalendar) -> Iterable[tuple[Owed, str | None]]:
    """With each gap the newest refused load that was meant for it.

    A refused file has no session. Its name tells what it was meant to be, which is enough for a reason.
    """
    if not gaps:
        return []
    loads = lake.catalogue.rows(
        "select original_name, loaded_at, reason from load_ledger where fate = 'refused' order by load_id"
    )
    by_date: dict[date, str] = {}
    reports = tuple(f"{feed_name(name)} " for name in TABLE_OF)
    by_feed: dict[str, list[tuple[datetime, str]]] = {}
    for load in loads:
        text = f"{load['original_name']}: {load['reason']}"
        if load["original_name"].startswith(reports):
            continue
        for day in _dates_in(load["original_name"]):
            by_date[day] = text
        loaded_at = datetime.fromisoformat(load["loaded_at"])
        by_feed.setdefault(_landing_name(load["original_name"]), []).append((loaded_at, text))
    named = {gap: by_date.get(gap.session_date) for gap in gaps if gap.source != TREASURY}
    return [(gap, named.get(gap) or _of_feed(gap, by_feed, calendar)) for gap in gaps]


def _landing_name(name: str) -> str:
    """The name of a live load, its symbol spelled as its part: `cboe BRK.B` is `cboe BRKB`."""
    feed, _, item = name.partition(" ")
    return f"{feed} {plain_symbol(item)}" if feed == "cboe" else name


def _dates_in(name: str) -> Iterable[date]:
    for match in _DATE_IN_NAME.finditer(name):
        try:
            yield date(*map(int, match.groups()))
        except ValueError:
            continue


def _of_feed(gap: Owed, loads: dict[str, list[tuple[datetime, str]]], calendar: SessionCalendar) -> str | None:
    """The newest refused answer of the live feed between the session's close and the next close."""
    if gap.source not in _FEED_NAMES:
        return None
    name = _FEED_NAMES[gap.source].format(part=gap.part, year=gap.session_date.year)
    first, last = calendar.close_of(gap.session_date), calendar.close_of(calendar.after(gap.session_date))
    return next((text for loaded_at, text in reversed(loads.get(name, [])) if first <= loaded_at < last), None)
