"""How good the newest snapshot of each underlying is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pipelines.lake.catalogue import Version
from pipelines.lake.store import Lake
from pipelines.markets import US
from pipelines.upkeep.findings import Finding, some

MOSTLY_ZEROED_FRAC = 0.5


def snapshots(lake: Lake, _now: datetime) -> Iterator[Finding]:
    rows = newest_snapshots(lake)

    def named(*flagged: tuple[bool, str]) -> list[str]:
        return [text for is_meant, text in flagged if is_meant]

    partial = named(*((row["is_partial"], f"{_name(row)} ({row['partial_reason']})") for row in rows))
    zeroed = named(*(((row["zeroed_quote_share_frac"] or 0) > MOSTLY_ZEROED_FRAC, _name(row)) for row in rows))
    undated = named(*((row["open_interest_date"] is None, _name(row)) for row in rows))
    held = named(*((row["rows_quarantined"] > 0, f"{_name(row)} ({row['rows_quarantined']})") for row in rows))
    stale = named(*((bool(row["is_discount_stale"]), f"{_name(row)} ({row['discount_curve_date']})") for row in rows))
    # Coin venues state forwards of their own, which nothing discounts.
    curveless = named(*((row["discount_source"] == "none" and row["market"] == US.name, _name(row)) for row in rows))
    fetch = "dealerflow fetch treasury, or load a newer curve file"
    for severity, what, names, do in (
        ("wrong", "newest snapshots without a curve", curveless, fetch),
        ("wrong", "newest snapshots under a stale curve", stale, fetch),
        ("watch", "partial newest snapshots, in no _latest table", partial, "load a whole page of that session"),
        ("watch", "quotes mostly zero", zeroed, "load a page pulled before the vendor cleared its quotes"),
        ("watch", "open interest of unknown date", undated, "load the pages of the sessions around: they may prove it"),
        ("watch", "rows set aside", held, 'dealerflow sql "from quarantine"'),
    ):
        if names:
            yield Finding("wrong" if severity == "wrong" else "watch", f"{what}: {some(names)}", do)


def newest_snapshots(lake: Lake) -> list[dict[str, Any]]:
    """The newest row of snapshot_quality of each market's underlyings."""
    newest: dict[tuple[str, str], Version] = {}
    for version in lake.catalogue.versions(["snapshot_quality"]):
        place = (version.key.market, version.key.part)
        if version.row_count:
            present = newest.get(place, version)
            newest[place] = max(present, version, key=lambda v: (v.key.session_date, *v.rank))
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for version in newest.values():
        for row in lake.read(version).sort("snapshot_ts").iter_rows(named=True):
            rows[version.key.market, row["underlying"]] = {**row, "market": version.key.market}
    return [rows[place] for place in sorted(rows)]


def _name(row: dict[str, Any]) -> str:
    return f"{row['underlying']} {row['snapshot_ts']:%Y-%m-%d %H:%M}"
