"""Gates of chains, judged by the newest of each underlying: each says so, also where nothing is wrong.

What of a snapshot needs a better page is told by `health_of_snapshots`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipelines.lake.catalogue import Version
from pipelines.lake.store import Lake
from pipelines.markets import US
from pipelines.sources import CHAIN_SOURCE_NAMES
from pipelines.upkeep.findings import Finding, some
from pipelines.upkeep.health_of_snapshots import MOSTLY_ZEROED_FRAC, newest_snapshots

LEAST_SHARE_FRAC = 0.90  # of changes of open interest that the day's volume allows; of a wrong date it is about half
_EVIDENCE = ["snapshot_ts", "open_interest_date", "open_interest_evidence", "open_interest_evidence_share_frac"]


def newest_rows(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Partial chains, zeroed quotes and expired series: how many of the newest snapshots have them."""
    rows = newest_snapshots(lake)
    if not rows:
        return
    partial = sum(bool(row["is_partial"]) for row in rows)
    zeroed = sum((row["zeroed_quote_share_frac"] or 0) > MOSTLY_ZEROED_FRAC for row in rows)
    expired = sum(row["rows_expired"] or 0 for row in rows)
    count = f"{len(rows)} newest snapshots"
    yield Finding("fine", f"rows of chains: {partial} of {count} are partial against those before")
    yield Finding("fine", f"quotes: {zeroed} of {count} are mostly zero")
    yield Finding("fine", f"expired series: {expired} rows of {count} were past their settlement and are not counted")


def stale_pages(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """The same page under a newer clock says nothing new."""
    (row,) = lake.catalogue.rows(
        "select count(*) filter (where fate = 'duplicate_body') as stale, count(*) filter (where fate = 'landed') as n"
        f" from load_ledger where source in ({', '.join('?' * len(CHAIN_SOURCE_NAMES))})",
        CHAIN_SOURCE_NAMES,
    )
    if row["n"] or row["stale"]:
        told = f"stale pages: {row['stale']} repeat another of {row['n']} pages under another clock and count once"
        yield Finding("fine", told)


def open_interest(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """What pages around say of the date that a page's open interest was given."""
    proven, unproven, doubtful = 0, 0, []
    for version in _newest_pages(lake):
        for row in lake.read(version, _EVIDENCE).sort("snapshot_ts").iter_rows(named=True):
            share = row["open_interest_evidence_share_frac"]
            if share is None:
                unproven += 1
            elif share >= LEAST_SHARE_FRAC:
                proven += 1
            else:
                kind = row["open_interest_evidence"].replace("_", " ")
                of = f"{version.key.part} {row['snapshot_ts']:%Y-%m-%d %H:%M}"
                doubtful.append(f"{of} dated {row['open_interest_date']} ({kind}: {share:.0%})")
    if doubtful:
        cure = "dealerflow load FILE --session YYYY-MM-DD, with the session of its quotes"
        yield Finding("wrong", f"open interest that the pages around contradict: {some(doubtful)}", cure)
    elif proven or unproven:
        least = f"at least {LEAST_SHARE_FRAC:.0%} of contracts agree"
        yield Finding(
            "fine", f"dates of open interest: {proven} newest pages proven ({least}), {unproven} without proof"
        )


def identity(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """A page is what its contracts say, whatever its file is called."""
    rows = lake.catalogue.rows(
        "select distinct original_name, part from load_ledger where fate = 'landed' and part is not null"
        f" and source in ({', '.join('?' * len(CHAIN_SOURCE_NAMES))}) order by original_name",
        CHAIN_SOURCE_NAMES,
    )
    known = {row["part"] for row in rows}
    misnamed = [
        f"{row['original_name']} holds {row['part']}"
        for row in rows
        if (named := known.intersection(_words(row["original_name"]))) and row["part"] not in named
    ]
    if misnamed:
        told = f"named after another underlying, and taken for what they hold: {some(misnamed)}"
        yield Finding("watch", told, "nothing to mend: rename them, if the name misleads you")
    elif rows:
        told = f"underlyings of {len(rows)} files are those of their contracts; no name says another one"
        yield Finding("fine", told)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^A-Z0-9.]+", Path(name).stem.upper()) if word]


def _newest_pages(lake: Lake) -> list[Version]:
    newest: dict[str, Version] = {}
    for version in lake.catalogue.versions(["pages"], US.name):
        if version.row_count and not version.is_pruned:
            present = newest.get(version.key.part, version)
            newest[version.key.part] = max(present, version, key=lambda one: (one.key.session_date, *one.rank))
    return [newest[part] for part in sorted(newest)]
