"""Is everything there that should be: sessions that are owed, files that were refused, what ended long ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pipelines.calendar import us_sessions
from pipelines.daily.collect import last_close, owed_from
from pipelines.daily.freshness import late
from pipelines.daily.gap_ledger import current_gaps, seen_sessions
from pipelines.daily.gap_report import runs
from pipelines.lake.store import Lake
from pipelines.operator_settings import operator_settings
from pipelines.stages.spine import ALL_STAGES
from pipelines.upkeep.findings import Finding, some

_TOLD = 20  # gaps and refusals told one by one
_RECENT = timedelta(days=7)  # a file refused longer ago was seen by its owner
_CURES = {
    "header_clock_contradicted": "dealerflow load FILE --session YYYY-MM-DD, with the session of its quotes",
    "error": "dealerflow run again; if it stays, it is a mistake of the program: report the reason",
}


def gaps(lake: Lake, now: datetime) -> Iterator[Finding]:
    follow = operator_settings(lake.paths).follow
    missing = runs(current_gaps(lake, follow, now), us_sessions())
    for run in missing[:_TOLD]:
        why = f": {run.reason}" if run.reason else ""
        yield Finding("wrong", f"{run.status}: {run.source} {run.part} {run.days}{why}", run.advice)
    if len(missing) > _TOLD:
        yield Finding("wrong", f"{len(missing) - _TOLD} more gaps", "dealerflow gaps")
    behind = late(lake, follow, now)
    if behind:
        yield Finding(
            "wrong", f"followed and late: {some(behind)}", "dealerflow fetch; dealerflow up does so by itself"
        )


def not_computed(lake: Lake, _now: datetime) -> Iterator[Finding]:
    waiting = [day for stage in ALL_STAGES if stage.sources and (day := owed_from(lake, stage)) is not None]
    if waiting:
        yield Finding("wrong", f"landed and not computed, from {min(waiting)}", "dealerflow run")


def ended(lake: Lake, now: datetime) -> Iterator[Finding]:
    """The newest session of each source, and underlyings that end before it."""
    calendar, today = us_sessions(), last_close(now).date()
    for source, parts in sorted(seen_sessions(lake).items()):
        newest = {part: max(days) for part, days in parts.items()}
        last: date = max(newest.values())
        age = calendar.count_between(last, today)
        of = "" if set(newest) == {"_all"} else f" of {some(sorted(p for p, day in newest.items() if day == last))}"
        when = f"{source}: newest session {last}{of}"
        if age > 0:
            yield Finding(
                "watch", f"{when}, {age} sessions ago", "load newer files, or follow a feed in dealerflow.toml"
            )
        else:
            yield Finding("fine", when)
        if earlier := [f"{part} ({day})" for part, day in sorted(newest.items()) if day < last]:
            yield Finding(
                "watch", f"{source}: end earlier: {some(earlier)}", "load their newer files, if there are any"
            )


def refused(lake: Lake, now: datetime) -> Iterator[Finding]:
    rows = lake.catalogue.rows("select * from refusals order by session_date desc, stage, part")
    for row in rows[:_TOLD]:
        place = f"{row['stage']} refused {row['part']} {row['session_date']}"
        cure = _CURES.get(row["gate"], "load a better file of that session")
        yield Finding("wrong", f"{place}: {row['gate']}: {row['reason']}", cure)
    if len(rows) > _TOLD:
        yield Finding("wrong", f"{len(rows) - _TOLD} more refusals", 'dealerflow sql "from refusals"')
    files = lake.catalogue.rows(
        "select original_name, max(loaded_at) as loaded_at, reason from load_ledger as refused where fate = 'refused'"
        " and not exists (select 1 from load_ledger as other where other.original_name = refused.original_name"
        " and other.fate <> 'refused' and other.load_id > refused.load_id)"
        " group by original_name order by loaded_at desc"
    )
    recent = [row for row in files if datetime.fromisoformat(row["loaded_at"]) > now - _RECENT]
    for row in recent[:_TOLD]:
        yield Finding(
            "wrong", f"file refused: {row['original_name']}: {row['reason']}", "mend or replace it, load again"
        )
    if older := len(files) - len(recent[:_TOLD]):
        ask = "dealerflow sql \"from load_ledger where fate = 'refused'\""
        yield Finding("watch", f"{older} {'more' if recent else 'old'} refused files", ask)
