"""Reports of a whole market and what is computed of them: one asset per arrow, each partitioned by its own rhythm."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import dagster as dg

from pipelines import reports
from pipelines.calendar import half_month_end
from pipelines.defs.partitions import (
    end_of_week,
    half_month_partitions,
    us_session_partitions,
    week_partitions,
)
from pipelines.defs.stage_asset import materialise, upstream
from pipelines.lake.stage import Stage
from pipelines.stages.file_bars import FILE_BARS
from pipelines.stages.rates import RATES
from pipelines.stages.spine import OWN_RHYTHM


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Partitions, and the last day of the one that begins on a day."""

    partitions: dg.TimeWindowPartitionsDefinition
    last_day_of: Callable[[date], date]


SESSIONS = Rhythm(us_session_partitions, lambda session: session)
WEEKS = Rhythm(week_partitions, end_of_week)
HALF_MONTHS = Rhythm(half_month_partitions, half_month_end)
_OTHERS = {"week": WEEKS, "half_month": HALF_MONTHS, "settlement": HALF_MONTHS}

REPORTS = tuple(stage for stage in OWN_RHYTHM if stage not in (RATES, FILE_BARS))


def rhythm_of(stage: Stage) -> Rhythm:
    report = reports.REPORTS.get(stage.name)
    return SESSIONS if report is None or report.rhythm is None else _OTHERS.get(report.rhythm, SESSIONS)


def _asset(stage: Stage) -> dg.AssetsDefinition:
    rhythm = rhythm_of(stage)

    @dg.asset(
        name=stage.name,
        deps=[other.name for other in upstream(stage, REPORTS)],
        partitions_def=rhythm.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="reports",
        description=f"Writes {', '.join(stage.outputs)} (method {stage.method_version}).",
        kinds={"polars", "parquet"},
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return materialise(context, stage, last_day_of=rhythm.last_day_of)

    return asset


_assets = {stage.name: _asset(stage) for stage in REPORTS}
report_assets = list(_assets.values())


def of_rhythm(rhythm: Rhythm) -> list[Stage]:
    return [stage for stage in REPORTS if rhythm_of(stage) is rhythm]


def assets_of(rhythm: Rhythm) -> list[dg.AssetsDefinition]:
    return [_assets[stage.name] for stage in of_rhythm(rhythm)]
