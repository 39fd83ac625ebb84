"""Tables that dbt joins across partitions: which partitions stand behind the rows that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.lake.store import Lake
from pipelines.upkeep.provenance import Place, Provenance, Step
from pipelines.upkeep.wanted import Wanted
from pipelines.warehouse.query import query

# Of each table: what it is made of, the column that a bare word means, and how its rows (`asked`) name partitions.
_CLOSES = (
    "select 'price_bars', market, session_date, part, v from price_bars as bars"
    " where market = 'us' and interval = '1d' and exists (select 1 from asked where"
    " asked.session_date = cast(bars.bar_ts as date) and (asked.underlying = bars.underlying or asked.kind = 'index'"
    " and bars.underlying in (select members.underlying from index_members as members where"
    " members.part = asked.underlying and members.session_date = asked.members_date)))"
)
_MADE_OF: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "dark_pool_index": (
        "short_volume_daily of facility CNMS; closes of price_bars; of an index also its newest index_members",
        "underlying",
        (
            "select 'short_volume_daily', market, session_date, part, v from short_volume_daily"
            " semi join asked using (market, session_date) where part = 'CNMS'",
            "select 'index_members', m.market, m.session_date, m.part, m.v from index_members as m join asked on"
            " asked.kind = 'index' and m.part = asked.underlying and m.session_date = asked.members_date",
            _CLOSES,
        ),
    ),
    "open_interest_reconciliation": (
        "open_interest_daily of the clearing house; option_snapshots at the snapshot that it is held against",
        "underlying",
        (
            "select 'open_interest_daily', market, session_date, part, v from open_interest_daily"
            " semi join asked using (market, session_date, underlying)",
            "select 'option_snapshots', market, session_date, part, v from option_snapshots"
            " semi join asked using (market, underlying, snapshot_ts)",
        ),
    ),
    "index_history": (
        "price_bars of the index histories",
        "index_name",
        (
            "select 'price_bars', market, session_date, part, v from price_bars join asked on"
            " asked.index_name = price_bars.underlying and asked.bar_ts = price_bars.bar_ts"
            " where source = 'cboe_index_csv'",
        ),
    ),
    "study_bars": (
        "price_bars; key_levels, of the version that stood when the bar began",
        "underlying",
        (
            "select 'price_bars', market, session_date, part, v from price_bars"
            " semi join asked using (market, underlying, interval, bar_ts, source)",
            "select 'key_levels', versions.market, versions.session_date, versions.part,"
            " arg_max(versions.v, (versions.known_at, versions.v)) from asked join partition_versions as versions"
            " on versions.table_name = 'key_levels' and versions.market = asked.market"
            " and versions.session_date between cast(asked.levels_snapshot_ts as date) - 1"
            " and cast(asked.levels_snapshot_ts as date)"
            " and versions.known_at <= greatest(asked.bar_open_ts, asked.levels_known_at) and exists"
            " (select 1 from key_levels where key_levels.market = asked.market"
            " and key_levels.session_date = versions.session_date and key_levels.part = versions.part"
            " and key_levels.snapshot_ts = asked.levels_snapshot_ts)"
            " group by asked.bar_ts, asked.underlying, versions.market, versions.session_date, versions.part",
        ),
    ),
}


def made_of(name: str) -> tuple[str, str]:
    """What a table is made of, in words, and the column that a bare word means."""
    what, column, _ = _MADE_OF[name]
    return what, column


def across(lake: Lake, walk: Provenance, wanted: Wanted, where: str) -> Step:
    """The step of a table whose rows `where` fits; `query` answers from the served file."""
    what, _, queries = _MADE_OF[wanted.table.name]
    asked = f"with asked as (from {wanted.table.name} where {where})"
    found: dict[Place, None] = {}
    for one in queries:
        answer: Sequence[Any] = list(query(lake.paths, f"{asked} select distinct * from ({one}) order by all"))
        found |= {Place(table, market, str(day), part, v): None for table, market, day, part, v in answer}
    return Step("table", wanted.table.name, {"made of": what}, tuple(walk.version(place) for place in found))


NAMES = tuple(_MADE_OF)
