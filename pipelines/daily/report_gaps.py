"""What reports of a whole market owe and lack, asked of the catalogue. Any source of a table fills its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from pipelines.calendar import us_sessions
from pipelines.daily.cadence import Owed
from pipelines.daily.report_cadence import CADENCES, TABLE_OF, reports_owed
from pipelines.daily.report_items import feed_name, item_of
from pipelines.daily.session_gaps import Lack, refused_by_gates
from pipelines.lake.store import Lake
from pipelines.markets import US
from pipelines.operator_settings import Follow
from pipelines.reports import REPORTS
from pipelines.sources import REPORT_SOURCES

TABLE_BY_SOURCE = {source.NAME: source.TABLE for source in REPORT_SOURCES}
Seen = dict[str, dict[str, dict[date, str]]]  # table -> part -> last day of a period -> a source that brought it


@dataclass(frozen=True, slots=True)
class Balance:
    lacks: list[Lack]
    standing: Seen

    def brought_by(self, source: str, part: str, day: date) -> str | None:
        return _brought_by(self.standing, source, part, day)


def balance(lake: Lake, follow: Follow, now: datetime) -> Balance:
    """What is due at `now` (UTC) and not there."""
    seen = seen_reports(lake)
    refused = refused_by_gates(lake, {table: table for table in CADENCES})
    standing: Seen = {
        table: {
            part: {day: source for day, source in days.items() if (table, part, day) not in refused}
            for part, days in parts.items()
        }
        for table, parts in seen.items()
    }
    due = reports_owed(seen, follow, now)
    missing = [one for one in due if _brought_by(standing, one.source, one.part, one.session_date) is None]
    answers = _refused_answers(lake) if missing else {}
    lacks = [(one, refused.get(_place(one)) or _of_feed(one, answers)) for one in missing]
    return Balance(lacks, standing)


def _brought_by(standing: Seen, source: str, part: str, day: date) -> str | None:
    return standing.get(TABLE_OF.get(source, ""), {}).get(part, {}).get(day)


def _place(one: Owed) -> tuple[str, str, date]:
    return TABLE_OF[one.source], one.part, one.session_date


def _of_feed(one: Owed, answers: dict[str, list[tuple[datetime, str]]]) -> str | None:
    """The newest refused answer to the question that would fill a gap, where it was asked about this very period."""
    table, part, day = _place(one)
    asked = answers.get(f"{feed_name(one.source)} {item_of(table, part, day)}", [])
    if table == "open_interest_daily":  # asked by the same words every morning
        first, until = (REPORTS[table].due(session, part) for session in (day, us_sessions().after(day)))
        asked = [(loaded_at, text) for loaded_at, text in asked if first <= loaded_at < until]
    return asked[-1][1] if asked else None


def _refused_answers(lake: Lake) -> dict[str, list[tuple[datetime, str]]]:
    """By the name of the load, in order."""
    found: dict[str, list[tuple[datetime, str]]] = {}
    rows = lake.catalogue.rows(
        "select original_name, loaded_at, reason from load_ledger where fate = 'refused' order by load_id"
    )
    for row in rows:
        text = f"{row['original_name']}: {row['reason']}"
        found.setdefault(row["original_name"], []).append((datetime.fromisoformat(row["loaded_at"]), text))
    return found


def seen_reports(lake: Lake) -> Seen:
    """The periods of which anything came."""
    found: Seen = {}
    rows = lake.catalogue.rows(
        "select distinct source, part, session_date from sightings where market = ?"
        f" and source in ({', '.join('?' * len(TABLE_BY_SOURCE))}) order by session_date, part, source",
        [US.name, *TABLE_BY_SOURCE],
    )
    for row in rows:
        days = found.setdefault(TABLE_BY_SOURCE[row["source"]], {}).setdefault(row["part"], {})
        days.setdefault(date.fromisoformat(row["session_date"]), row["source"])
    return found
