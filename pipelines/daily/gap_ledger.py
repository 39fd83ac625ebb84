"""The ledger of gaps: what was owed and did not come, and what of it came later.

A gap of a chain is filled by any source that shows the end of the session: a live feed keeps no history, so another
vendor's file is all that can fill it. What a coin venue owes is told by `coin_gaps`. The ledger changes when a due time
passes or something is loaded, never else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pipelines.calendar import SessionCalendar, us_sessions
from pipelines.daily import coin_gaps
from pipelines.daily.cadence import DELAYED_JSON, INDEX, TREASURY, Owed, owed
from pipelines.lake.catalogue import Sighting, timestamp
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake
from pipelines.markets import CRYPTO, MARKETS, US
from pipelines.operator_settings import Follow, operator_settings
from pipelines.sources.chain_rows import plain_symbol

END_OF_SESSION = timedelta(minutes=15)  # archives quote as early before the close
_FEED_NAMES = {DELAYED_JSON: "cboe {part}", TREASURY: "treasury {year}"}  # as live loads are named
_DATE_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)")
_LANDED_IN = {"landing": "chains", "rates": "treasury_zero_curve"}

Place = tuple[str, str, date]  # market, part, session


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """One line of the ledger."""

    source: str
    part: str
    session_date: date
    due_ts: datetime
    status: str  # missing | refused | filled
    reason: str | None
    market: str = US.name

    @property
    def place(self) -> Place:
        return (self.market, self.part, self.session_date)


@dataclass(frozen=True, slots=True)
class Held:
    """What the catalogue has, so far as gaps are concerned."""

    seen: dict[str, dict[str, set[date]]]  # by source and part: bounds of what an owner has
    brought_by: dict[Place, str]  # chains that show the end of their session, and curves
    refused: dict[Place, str]  # what a gate refused, so that nothing of it stands


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def settle(lake: Lake, now: datetime) -> list[Gap]:
    """Bring the ledger of gaps to `now` (UTC) and export the catalogue; the gaps that are open."""
    gaps = current_gaps(lake, operator_settings(lake.paths).follow, now)
    lake.catalogue.replace_gaps([_row(gap) for gap in gaps])
    export_catalogue(lake)
    return [gap for gap in gaps if gap.status != "filled"]


def current_gaps(lake: Lake, follow: Follow, now: datetime) -> list[Gap]:
    """The ledger as it stands at `now`; nothing is written."""
    recorded = recorded_gaps(lake)
    return sorted([*_us_gaps(lake, follow, now, recorded), *_coin_gaps(lake, follow, now, recorded)])


def _us_gaps(lake: Lake, follow: Follow, now: datetime, recorded: Iterable[Gap]) -> list[Gap]:
    calendar = us_sessions()
    held = _held(lake, calendar)
    due = owed(held.seen, follow, now, calendar)
    lines = [_gap(one, held, refusal) for one, refusal in _with_refused_loads(lake, _undelivered(due, held), calendar)]
    still_open = {(gap.source, gap.place) for gap in lines}
    for gap in recorded:
        bringer = held.brought_by.get(gap.place)
        if (gap.source, gap.place) not in still_open and bringer is not None:
            lines.append(replace(gap, status="filled", reason=f"by {bringer}"))
    return lines


def _coin_gaps(lake: Lake, follow: Follow, now: datetime, recorded: Iterable[Gap]) -> list[Gap]:
    """Of the coin venue, where a day may miss a part of what it owes: what is filled misses nothing any more."""
    balance = coin_gaps.balance(lake, follow, now)
    lines = [
        Gap(one.source, one.part, one.session_date, one.due_ts, "missing", one.reason, CRYPTO.name)
        for one in balance.lacks
    ]
    still_open = {(gap.source, gap.place) for gap in lines}
    for gap in recorded:
        until = balance.owed_until.get((gap.source, gap.part)) if gap.market == CRYPTO.name else None
        is_owed = until is not None and gap.due_ts - coin_gaps.GRACES[gap.source] < until
        if is_owed and (gap.source, gap.place) not in still_open:
            bringer = coin_gaps.brought_by(lake, gap.source, gap.part, gap.session_date)
            lines += [] if bringer is None else [replace(gap, status="filled", reason=f"by {bringer}")]
    return lines


def recorded_gaps(lake: Lake) -> list[Gap]:
    return sorted(
        Gap(
            row["source"], row["part"], date.fromisoformat(row["session_date"]),
            datetime.fromisoformat(row["due_ts"]), row["status"], row["reason"], row["market"],
        )
        for row in lake.catalogue.rows("select * from gaps")
    )  # fmt: skip


def _row(gap: Gap) -> dict[str, Any]:
    return {
        "market": gap.market, "source": gap.source, "part": gap.part, "session_date": gap.session_date.isoformat(),
        "due_ts": timestamp(gap.due_ts), "status": gap.status, "reason": gap.reason,
    }  # fmt: skip


def _held(lake: Lake, calendar: SessionCalendar) -> Held:
    seen: dict[str, dict[str, set[date]]] = {}
    brought_by: dict[Place, str] = {}
    for sighting in lake.catalogue.sightings((*US.source_precedence, TREASURY), US.name):
        key = sighting.key
        seen.setdefault(sighting.source, {}).setdefault(key.part, set()).add(key.session_date)
        if sighting.source == TREASURY or _shows_the_end(sighting, calendar):
            brought_by.setdefault((US.name, key.part, key.session_date), sighting.source)
    refused = _refused_by_gates(lake)
    return Held(seen, {place: source for place, source in brought_by.items() if place not in refused}, refused)


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


def _refused_by_gates(lake: Lake) -> dict[Place, str]:
    """Partitions whose first stage refused what came, unless something else of them stands."""
    rows = lake.catalogue.rows(
        "select stage, part, session_date, gate, reason from refusals where market = ? order by known_at", [US.name]
    )
    found = {
        (_LANDED_IN[row["stage"]], row["part"], date.fromisoformat(row["session_date"])): row
        for row in rows
        if row["stage"] in _LANDED_IN
    }
    if not found:
        return {}
    versions = lake.catalogue.versions(_LANDED_IN.values(), US.name)
    standing = {(v.table, v.key.part, v.key.session_date) for v in versions if v.row_count}
    return {
        (US.name, *place[1:]): f"{row['gate']}: {row['reason']}"
        for place, row in found.items()
        if place not in standing
    }


def _undelivered(due: Iterable[Owed], held: Held) -> list[Owed]:
    return [one for one in due if (US.name, one.part, one.session_date) not in held.brought_by]


def _gap(one: Owed, held: Held, refused_load: str | None) -> Gap:
    reason = held.refused.get((US.name, one.part, one.session_date)) or refused_load
    return Gap(one.source, one.part, one.session_date, one.due_ts, "refused" if reason else "missing", reason)


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
    by_feed: dict[str, list[tuple[datetime, str]]] = {}
    for load in loads:
        text = f"{load['original_name']}: {load['reason']}"
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
