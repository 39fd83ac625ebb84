"""Files of reports -> a partition a period and part, as it was stated last by each moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines import sources
from pipelines.lake.catalogue import Sighting, canonical_json
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.reports import REPORTS, Report, stated_known_at
from pipelines.sources.reports.report import PLACE_SCHEMA, ReportFile
from pipelines.stages import parsed
from pipelines.stages.snapshots import conformed
from pipelines.tables import TABLES

_INSTANT = pl.Datetime("us")
_NEVER = datetime(1, 1, 1)
_MOMENTS = ("on_time", "late", "captured_at", "published_at")
_OF_A_STATEMENT = ("known_at", "place", "source")


def resolve(table: str, sightings: list[Sighting]) -> list[Sighting]:
    """What each file adds, at each moment at which rows of it became known, in order.

    What states a period first was on time. What states it otherwise is a restatement: where the vendor says nothing of
    its day it counts from when it was fetched, or, fetched by nobody, from the schedule.
    """
    is_whole = REPORTS[table].replaces == ()
    stated: list[Sighting] = []
    held: tuple[str, str | None] | None = None
    since = on_time_before = _NEVER
    for sighting in sorted(sightings, key=_order):
        detail = json.loads(sighting.detail)
        moments = [(_instant(text), "published") for text in detail["published"]]
        if detail["scheduled"] is not None:
            on_time, late = _scheduled(detail)
            # No file is on time sooner than one that came before it: else it would take the place of that one's rows.
            on_time, late = max(on_time, (on_time_before, on_time[1])), max(late, (on_time_before, late[1]))
            on_time_before = on_time[0]
            # Of a group or a row that no earlier file states, this one may be the first, and hence on time.
            moments += [on_time] if held is None else [late] if is_whole else [on_time, late]
            detail |= {"on_time": on_time[0].isoformat(), "late": late[0].isoformat()}
        says = (detail["digest"], detail["rejected"])
        if held is not None and moments and moments[0][1] == "published" and detail["captured_at"] is not None:
            moments.append((_instant(detail["captured_at"]), "captured_live"))  # _not_before_it_was_seen
        if says == held and min(moments)[0] >= since:
            continue  # nothing new, and nothing sooner
        for known_at, basis in dict.fromkeys(moments):
            known = replace(sighting, known_at=known_at, known_at_basis=basis, detail=canonical_json(detail))
            stated.append(known)
        since = min(moments)[0]
        held = says
    return sorted(stated, key=lambda one: (one.known_at, *_order(one)))


def _order(sighting: Sighting) -> tuple[datetime, str]:
    """In the order in which files were fetched; one that nobody fetched stands where it would have been, on time."""
    detail = json.loads(sighting.detail)
    if detail["captured_at"] is not None:
        return _instant(detail["captured_at"]), sighting.raw_sha256
    stated = detail["published"][-1] if detail["scheduled"] is None else detail["scheduled"][0]
    return _instant(stated), sighting.raw_sha256


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _scheduled(detail: dict[str, Any]) -> tuple[tuple[datetime, str], tuple[datetime, str]]:
    """When what a file says first was known, and when what it says otherwise than another; each with its basis."""
    known_at, basis = detail["scheduled"]
    on_time = (_instant(known_at), basis)
    captured_at = detail["captured_at"]
    return on_time, on_time if captured_at is None else max(on_time, (_instant(captured_at), "captured_live"))


def statements(inputs: Inputs, table: str) -> pl.DataFrame:
    """Every row known by now: the table's columns with `known_at`, and `place`, greater for later statements."""
    found: list[pl.DataFrame] = []
    here = (pl.col("session_date") == inputs.key.session_date) & (pl.col("part") == inputs.key.part)
    for place, sighting in enumerate(_files(inputs)):
        rows = file_of(inputs, sighting).rows.filter(here)
        detail = json.loads(sighting.detail)
        on_time, late = (_instant(detail[name]) if detail["scheduled"] else None for name in ("on_time", "late"))
        days = {day: stated_known_at(day) for day in rows["published_date"].drop_nulls().unique()}
        published = pl.col("published_date").replace_strict(days, default=None, return_dtype=_INSTANT)
        found.append(
            rows.with_columns(
                on_time=pl.coalesce(published, pl.lit(on_time, dtype=_INSTANT)),
                late=pl.coalesce(published, pl.lit(late, dtype=_INSTANT)),
                captured_at=pl.lit(detail["captured_at"], dtype=pl.String).str.to_datetime(time_unit="us"),
                published_at=published,
                place=pl.lit(place),
                source=pl.lit(sighting.source),
            )
        )
    group = REPORTS[table].replaces
    whose: list[Any] = list(TABLES[table].key if group is None else group) or [pl.lit(1)]  # (): all rows are one
    is_first = pl.col("place") == pl.col("place").min().over(whose)
    rows = pl.concat(found).with_columns(known_at=pl.when(is_first).then("on_time").otherwise("late"))
    rows = _not_before_it_was_seen(rows, TABLES[table].key)
    return rows.filter(pl.col("known_at") <= inputs.known_at).drop(*PLACE_SCHEMA, *_MOMENTS)


def _not_before_it_was_seen(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """What a vendor dates back, while somebody still fetched another value after that day, counts from its own fetch.

    `rows`: those of each key in the order in which they were fetched, with _MOMENTS and known_at.
    """
    said = [pl.col(name) for name in rows.columns if name not in {*PLACE_SCHEMA, *_MOMENTS, *_OF_A_STATEMENT}]
    is_other = pl.any_horizontal(one.ne_missing(one.shift(1).over(key)) for one in said)
    seen_otherwise = pl.coalesce("captured_at", "published_at").shift(1).over(key)
    seen = pl.when(is_other & (pl.col("published_at") <= seen_otherwise)).then("captured_at")
    return rows.with_columns(seen=seen).with_columns(
        known_at=pl.max_horizontal("known_at", pl.col("seen").cum_max().forward_fill().over(key))
    ).drop("seen")  # fmt: skip


def _files(inputs: Inputs) -> list[Sighting]:
    """One sighting for each raw object, in the order in which they count."""
    return sorted({one.raw_sha256: one for one in inputs.sightings}.values(), key=_order)


def standing(rows: pl.DataFrame, report: Report) -> pl.DataFrame:
    """What stands of all statements: the last of each group, or of each key, known since it was first stated so."""
    key = list(TABLES[report.table].key)
    group = key if report.replaces is None else list(report.replaces)
    group_of: list[Any] = group or [pl.lit(1)]
    said = [pl.col(name) for name in rows.columns if name not in _OF_A_STATEMENT]
    ordered = rows.sort("known_at", "place", maintain_order=True).with_columns(
        statement=pl.struct("known_at", "place").rle_id().rank("dense").cast(pl.Int64).over(group_of)
    )
    is_other = pl.any_horizontal(one.ne_missing(one.shift(1)) for one in said)
    is_back = pl.col("statement").diff().fill_null(1) > 1  # the statement between did not have the row
    runs = ordered.with_columns(
        is_standing=pl.col("statement") == pl.col("statement").max().over(group_of),
        # A value may be stated, restated and stated again: only an unbroken run of equal statements reaches back.
        run=(is_other | is_back).cum_sum().over(key),
    )
    since = runs.group_by(*key, "run").agg(since=pl.col("known_at").min())
    kept = runs.filter("is_standing").join(since, on=[*key, "run"], how="left", maintain_order="left")
    return kept.with_columns(known_at="since").drop("is_standing", "run", "since", "place", "statement")


def of_the_fullest(rows: pl.DataFrame, report: Report) -> pl.DataFrame:
    """Of each symbol the rows of one source, where sources spell the keys of the same rows differently."""
    if not report.fullest_first:
        return rows
    ranks = {name: rank for rank, name in enumerate(report.fullest_first)}
    rank = pl.col("source").replace_strict(ranks, default=len(ranks), return_dtype=pl.Int64)
    return rows.filter(rank == rank.min().over("vendor_symbol"))


def compute(table: str, inputs: Inputs) -> Output:
    rows = statements(inputs, table)
    kept = standing(of_the_fullest(rows, REPORTS[table]), REPORTS[table])
    frames = {
        table: conformed(kept, table).sort(TABLES[table].key, maintain_order=True),
        "quarantine": rejected_of(inputs),
    }
    account = {"in": float(rows.height), "standing": float(kept.height), "superseded": float(rows.height - kept.height)}
    return Output(frames, {"rows": account})


def file_of(inputs: Inputs, sighting: Sighting) -> ReportFile:
    detail = json.loads(sighting.detail)
    declared = (detail["underlying"], detail["session"], detail["exchange"], detail["mapping"])
    return parsed.report_file(inputs.lake, sighting.source, sighting.raw_sha256, *declared)


def rejected_of(inputs: Inputs) -> pl.DataFrame:
    found = [empty("quarantine")]
    for sighting in _files(inputs):
        if json.loads(sighting.detail)["has_rejected"]:
            rejected = file_of(inputs, sighting).rejected.with_columns(
                raw_sha256=pl.lit(sighting.raw_sha256), source=pl.lit(sighting.source)
            )
            found.append(conformed(rejected, "quarantine"))
    return pl.concat(found).sort("raw_sha256", "row_number", "row_part")


def _stage(table: str, names: Iterable[str]) -> Stage:
    return Stage(
        name=table,
        method_version=METHOD_VERSIONS[table],
        outputs=(table,),
        by_products=("quarantine",),
        sources=tuple(names),
        resolve=partial(resolve, table),
        compute=partial(compute, table),
    )


REPORT_STAGES: dict[str, Stage] = {
    table: _stage(table, [source.NAME for source in sources.REPORT_SOURCES if table == source.TABLE])
    for table in REPORTS
}
