"""Where a number comes from: a table and some of its key, followed back to the vendors' files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.lake.store import Lake
from pipelines.upkeep.derived import DERIVED, FROM_CODE
from pipelines.upkeep.provenance import Provenance, Step
from pipelines.upkeep.wanted import LineageError, Wanted, matching, parse, place_of


def lineage(lake: Lake, table: str, keys: Sequence[str], *, is_all: bool = False) -> Step:
    """The tree from a published or lake table to raw objects. `is_all`: equal branches one by one."""
    wanted = parse(table, keys)
    walk = Provenance(lake, is_all=is_all)
    if wanted.table.is_partitioned:
        return _of_partition(lake, walk, wanted)
    if table in FROM_CODE:
        return Step("table", table, {"made of": "declarations in the code"}, (Step("code", FROM_CODE[table]),))
    return DERIVED[table](lake, walk, wanted)


def _of_partition(lake: Lake, walk: Provenance, wanted: Wanted) -> Step:
    found = matching(lake, wanted)
    if not found:
        raise LineageError(f"{wanted.table.name} has no current version that fits; give SESSION, PART or vN as it has")
    newest = max(found, key=lambda one: (one[0].key.session_date, one[0].rank))
    version, rows = newest
    facts: dict[str, Any] = {"asked": wanted.table.grain}
    if len(found) > 1:
        facts["fits"] = f"{len(found)} versions; the newest is shown, a date, a part or a market names another"
    if rows is not None:
        facts["rows that fit"] = f"{rows} of {version.row_count}"
    published = "published" if wanted.table.is_published else "kept in the lake alone"
    return Step("table", wanted.table.name, {published: True, **facts}, (walk.version(place_of(version)),))
