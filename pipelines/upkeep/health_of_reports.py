"""Gates of reports, judged by the newest of each: are they whole, dated, and what they were read as.

Each gate says so, also where nothing is wrong. Nothing but the catalogue, the newest partitions and the first bytes
of answers is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from statistics import median

import polars as pl

from pipelines.lake.catalogue import Version
from pipelines.lake.store import Lake
from pipelines.reports import REPORTS
from pipelines.sources.reports import (
    finra_pages,
    finra_short_interest,
    finra_short_volume,
    finra_weekly_json,
    occ_volume,
    sec_fails,
)
from pipelines.sources.reports.answers import HEAD_BYTES, is_bundle
from pipelines.upkeep.findings import Finding, some

SESSIONS_BEFORE, FEWEST_BEFORE, FEW_FRAC = 20, 3, 0.5
# What states how many rows it has: files in their last lines, answers in each page of a bundle.
_COUNTED_FILES = (finra_short_volume.NAME, sec_fails.NAME)
_COUNTED_BUNDLES = (finra_short_interest.NAME, finra_weekly_json.NAME)
_MISCOUNTED = (
    finra_short_volume.UNCOUNTED, finra_short_volume.MISCOUNTED, sec_fails.UNCOUNTED, sec_fails.MISCOUNTED,
    finra_pages.PAGE_MISSING, finra_pages.PAGES_DISAGREE,
)  # fmt: skip
_ONE_SIDED = (occ_volume.ODD_SIDES, occ_volume.ONE_TYPE, occ_volume.ONE_ACCOUNT)
_WITH_SYMBOLS = ("short_volume_daily", "ats_weekly", "short_interest", "fails_to_deliver")
_ODD_SYMBOLS = ("NAN", "TRUE", "NULL", "NA")  # that a reader of types would take for something else


def row_counts(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """The newest of each report against the median of those before it."""
    compared, few = 0, []
    for versions in _by_part(lake, REPORTS):
        *before, newest = versions
        counts = [version.row_count for version in before[-SESSIONS_BEFORE:]]
        if len(counts) >= FEWEST_BEFORE:
            compared += 1
            if newest.row_count < FEW_FRAC * median(counts):
                few.append(f"{_name(newest)} ({newest.row_count} rows, {median(counts):g} usually)")
    if few:
        yield Finding("watch", f"few rows: {some(few)}", "fetch or load them again: part of the report may be missing")
    elif compared:
        yield Finding("fine", f"rows of reports: {compared} newest against the {SESSIONS_BEFORE} before, none has few")


def trailers(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Files that count their own rows."""
    agreed = sum(len(_landed(lake, name)) for name in _COUNTED_FILES)
    agreed += sum(_is_bundle(lake, sha256, name) for name in _COUNTED_BUNDLES for sha256 in _landed(lake, name))
    refused = _refused(lake, _MISCOUNTED)
    if agreed or refused:
        yield Finding("fine", f"counts that files state of themselves: {agreed} agree, {refused} refused for theirs")


def clearing(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Both sides of all that was cleared, of one day; and an answer that moves on with its date."""
    days, refused = sum(map(len, _by_part(lake, ["cleared_volume"]))), _refused(lake, _ONE_SIDED)
    if days or refused:
        told = f"cleared volume: {days} days with both sides of every contract, calls and puts; {refused} refused"
        yield Finding("fine", told)
    series = _digests(lake, "occ_series")
    same = [f"{part} {day}" for part, days_of in series.items() for day in _repeating(days_of)]
    if same:
        told = f"open interest of the clearing house that repeats the day before to the last contract: {some(same)}"
        yield Finding("watch", told, "it may have been asked before it was published: dealerflow fetch again")
    elif series:
        yield Finding(
            "fine", f"open interest of the clearing house: {len(series)} underlyings, each moves with its date"
        )


def publication_days(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Weekly rows are known since FINRA's own date, not since somebody looked."""
    newest = _newest(lake, ["ats_weekly"])
    rows = [lake.read(version, ["initial_published_date"])["initial_published_date"] for version in newest]
    undated, count = sum(one.null_count() for one in rows), sum(map(len, rows))
    if undated:
        told = f"{undated} of {count} newest weekly rows say when they were changed, not when they were first published"
        yield Finding("watch", told, "fetch them from the API, which says so")
    elif count:
        told = f"weekly rows: all {count} of {len(newest)} newest parts are known since FINRA published them"
        yield Finding("fine", told)


def symbols(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Symbols are texts, whatever they spell."""
    newest = _newest(lake, _WITH_SYMBOLS)
    found = [lake.read(version, ["vendor_symbol"])["vendor_symbol"] for version in newest]
    nulls = sum(one.null_count() for one in found)
    odd = [name for name in _ODD_SYMBOLS if any((one == name).any() for one in found)]
    if nulls:
        yield Finding("wrong", f"{nulls} rows of reports have lost their symbol", "report it: a reader guessed types")
    elif newest:
        among = f", {' and '.join(odd)} among them" if odd else ""
        distinct = pl.concat(found).n_unique()
        yield Finding("fine", f"symbols: {distinct} in {len(newest)} newest reports, all texts{among}")


def _by_part(lake: Lake, tables: Iterable[str]) -> list[list[Version]]:
    """Of each table and part the standing versions with rows, in order of their periods."""
    standing: dict[tuple[str, str], dict[date, Version]] = {}
    for version in lake.catalogue.versions(tables):
        of_part = standing.setdefault((version.table, version.key.part), {})
        day = version.key.session_date
        of_part[day] = max(of_part.get(day, version), version, key=lambda one: one.rank)
    found = ([days[day] for day in sorted(days) if days[day].row_count] for days in standing.values())
    return [versions for versions in found if versions]


def _newest(lake: Lake, tables: Iterable[str]) -> list[Version]:
    return [versions[-1] for versions in _by_part(lake, tables) if not versions[-1].is_pruned]


def _name(version: Version) -> str:
    return f"{version.table} {version.key.part} {version.key.session_date}"


def _landed(lake: Lake, source: str) -> list[str]:
    """Objects, not loads."""
    query = "select distinct raw_sha256 from load_ledger where fate = 'landed' and source = ?"
    return [row["raw_sha256"] for row in lake.catalogue.rows(query, [source])]


def _is_bundle(lake: Lake, sha256: str, source: str) -> bool:
    """By its first bytes; the same source reads arrays and files that state no count."""
    path = lake.raw.path(sha256)
    if not path.exists():  # which is for the check of the lake's files to tell
        return False
    with path.open("rb") as file:
        return is_bundle(file.read(HEAD_BYTES), source)


def _refused(lake: Lake, reasons: Iterable[str]) -> int:
    """Files refused for one of these reasons, each name once."""
    parts = [f"%{reason}%" for reason in reasons]
    like = " or ".join("reason like ?" for _ in parts)
    query = f"select count(distinct original_name) as n from load_ledger where fate = 'refused' and ({like})"
    return int(lake.catalogue.rows(query, parts)[0]["n"])


def _digests(lake: Lake, source: str) -> dict[str, list[tuple[str, str]]]:
    """What each part said day by day: days in order, each with a digest of its rows, the last file's."""
    rows = lake.catalogue.rows(
        "select part, session_date, detail from sightings where source = ? order by part, session_date, known_at",
        [source],
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["part"], {})[row["session_date"]] = json.loads(row["detail"])["digest"]
    return {part: list(days.items()) for part, days in found.items()}


def _repeating(days: list[tuple[str, str]]) -> list[str]:
    """The newest day, if it says what the one before it says."""
    return [days[-1][0]] if len(days) > 1 and days[-1][1] == days[-2][1] else []
