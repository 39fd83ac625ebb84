"""From which UTC day on a coin venue's files wait to be computed, asked of the catalogue by its own arithmetic.

Something waits when the hour in which it was seen has no conclusion yet, or when it came later than that hour was
concluded: then no version names it as an input, and the replay has the last word.
"""

from __future__ import annotations

from datetime import date, datetime

from pipelines.lake.catalogue import PartitionKey, timestamp
from pipelines.lake.derive import Replay
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake
from pipelines.markets import CRYPTO

_HEARD = """
    select session_date, part, raw_sha256,
           case when substr(known_at, 15) = '00:00.000000' then known_at
                else strftime('%Y-%m-%d %H', substr(known_at, 1, 13) || ':00', '+1 hour') || ':00:00.000000' end as hour
    from sightings where market = ?1 and source in ({sources})"""
_NOT_CONCLUDED = f"""
    with heard as ({_HEARD})
    select min(session_date) as day from (select distinct session_date, part, hour from heard) as heard
    where hour <= ?3 and ?4 is not null and not exists (
        select 1 from derivations as d where d.stage = ?2 and d.market = ?1
        and d.session_date = heard.session_date and d.part = heard.part and d.known_at = heard.hour)"""
_NOT_NAMED = f"""
    with heard as ({_HEARD}),
    newest as (
        select session_date, part, inputs, max(known_at || printf('%09d', v)) from partition_versions
        where stage = ?2 and market = ?1 group by session_date, part)
    select distinct session_date, part from (
        select session_date, part, raw_sha256 from heard where hour <= ?3
        except select session_date, part, json_extract(value, '$.raw') from newest, json_each(newest.inputs))
    where session_date < ?4 order by session_date, part"""


def coins_owed_from(lake: Lake, stage: Stage, until: datetime) -> date | None:
    """The earliest day of which something counts by `until` (UTC) that the stage has not looked at yet."""
    sources = ", ".join(f"?{place}" for place in range(5, 5 + len(stage.sources)))

    def asked(query: str, before: str = "9999") -> list[dict[str, str]]:
        known = [CRYPTO.name, stage.name, timestamp(until), before, *stage.sources]
        return lake.catalogue.rows(query.format(sources=sources), known)

    day = asked(_NOT_CONCLUDED)[0]["day"]
    late = asked(_NOT_NAMED, day or "9999")
    replay = Replay(lake, stage, CRYPTO.name, until) if late else None
    for row in late:
        key = PartitionKey(CRYPTO.name, date.fromisoformat(row["session_date"]), row["part"])
        if replay is not None and replay.owed(key):
            return key.session_date
    return None if day is None else date.fromisoformat(day)
