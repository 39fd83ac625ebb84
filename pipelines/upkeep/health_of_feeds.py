"""Is everything there that should be: sessions that are owed, files that were refused, what ended long ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pipelines.calendar import calendar_of
from pipelines.daily.coin_cadence import late_by
from pipelines.daily.coin_gaps import recent_snapshots
from pipelines.daily.coin_owed import coins_owed_from
from pipelines.daily.collect import last_close, owed_from
from pipelines.daily.freshness import COMPUTED_WITHIN, late
from pipelines.daily.gap_ledger import current_gaps
from pipelines.daily.gap_report import runs
from pipelines.daily.session_gaps import newest_sessions
from pipelines.fetch.deribit_waiting import waiting
from pipelines.lake.catalogue import PartitionKey
from pipelines.lake.derive import Replay
from pipelines.lake.store import Lake
from pipelines.markets import CRYPTO, MARKETS, US
from pipelines.operator_settings import operator_settings
from pipelines.stages.spine import SPINES
from pipelines.upkeep.findings import Finding, some

_TOLD = 20  # gaps and refusals told one by one
_LATE_VISIT = timedelta(minutes=3)
_RECENT = timedelta(days=7)  # a file refused longer ago was seen by its owner
_CURES = {
    "header_clock_contradicted": "dealerflow load FILE --session YYYY-MM-DD, with the session of its quotes",
    "error": "dealerflow run again; if it stays, it is a mistake of the program: report the reason",
}


def gaps(lake: Lake, now: datetime) -> Iterator[Finding]:
    follow = operator_settings(lake.paths).follow
    missing = runs(current_gaps(lake, follow, now), now)
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


def not_computed(lake: Lake, now: datetime) -> Iterator[Finding]:
    found = [owed_from(lake, stage) for stage in SPINES[US.name] if stage.sources]
    # What came within the hours that an hourly run may take is on its way.
    found += [coins_owed_from(lake, s, now - COMPUTED_WITHIN) for s in SPINES[CRYPTO.name] if s.sources]
    waiting = [day for day in found if day is not None]
    if waiting:
        yield Finding("wrong", f"landed and not computed, from {min(waiting)}", "dealerflow run")


def old_methods(lake: Lake, _now: datetime) -> Iterator[Finding]:
    """Current versions that an older method made and that the present one has not looked at yet.

    What a new method left as it was keeps the version that stands, and is not told.
    """
    current: dict[tuple[str, PartitionKey], tuple[str, int, str, str]] = {}
    for row in lake.catalogue.rows("select * from partition_versions"):
        key = PartitionKey(row["market"], date.fromisoformat(row["session_date"]), row["part"])
        place, rank = (row["table_name"], key), (row["known_at"], row["v"], row["stage"], row["method_version"])
        current[place] = max(current.get(place, rank), rank)
    count = 0
    for market, stages in SPINES.items():
        for stage in stages:
            asked = stage.as_asked(lake.paths)
            older = [
                (key, datetime.fromisoformat(known_at))
                for (_, key), (known_at, _, made_by, method) in current.items()
                if key.market == market and made_by == stage.name and method != asked(key).method_version
            ]
            replay = Replay(lake, stage, market) if older else None
            for key, known_at in older:
                count += replay is not None and any(event[0] == known_at for event in replay.owed(key))
    if count:
        yield Finding("wrong", f"{count} current versions are of older methods", "dealerflow run")


def ended(lake: Lake, now: datetime) -> Iterator[Finding]:
    """The newest session of each source, and underlyings that end before it."""
    for (market, source), newest in sorted(newest_sessions(lake).items(), key=lambda one: (one[0][0] != US.name, one)):
        today = now.date() if MARKETS[market].is_always_open else last_close(now).date()
        last: date = max(newest.values())
        age = calendar_of(market).count_between(last, today)
        of = "" if set(newest) == {"_all"} else f" of {some(sorted(p for p, day in newest.items() if day == last))}"
        unit = "days" if MARKETS[market].is_always_open else "sessions"
        when = f"{source}: newest session {last}{of}"
        if age > 0:
            yield Finding("watch", f"{when}, {age} {unit} ago", "load newer files, or follow a feed in dealerflow.toml")
        else:
            yield Finding("fine", when)
        if earlier := [f"{part} ({day})" for part, day in sorted(newest.items()) if day < last]:
            yield Finding(
                "watch", f"{source}: end earlier: {some(earlier)}", "load their newer files, if there are any"
            )


def late_visits(lake: Lake, now: datetime) -> Iterator[Finding]:
    """What visits had to wait for: the lake, or their own turn. Snapshots of the last day that were made late stand
    where they were made, not where they should.
    """
    if unlanded := waiting(lake.paths):
        since = f"{unlanded[0].captured_at:%Y-%m-%d %H:%M}"
        told = f"{len(unlanded)} visits are kept and not landed yet, the first of {since}"
        yield Finding("watch", told, "the next visit lands them: dealerflow fetch deribit")
    followed = operator_settings(lake.paths).follow.deribit
    for part, instants in recent_snapshots(lake, now - timedelta(days=1)).items() if followed else ():
        late_ones = [late for late in late_by(instants) if late > _LATE_VISIT]
        if part in followed and late_ones:
            told = f"deribit {part}: {len(late_ones)} of {len(instants)} snapshots of the last day"
            minutes = f"more than {_LATE_VISIT // timedelta(minutes=1)} minutes after their time"
            yield Finding("watch", f"{told} {minutes}", "see what keeps this machine from visiting: dealerflow up")


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
