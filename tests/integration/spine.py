"""Shortcuts of the integration tests: land files, derive, look at what is current."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.lake.catalogue import Version
from pipelines.lake.derive import StageReport
from pipelines.lake.store import Lake
from pipelines.load import Loaded, load_files
from pipelines.materialise import bring_up_to_date
from pipelines.sources.page import Declared
from pipelines.stages.spine import SPINES

NOW = datetime(9999, 1, 1)


def land(lake: Lake, files: Iterable[Path], session: date | None = None) -> list[Loaded]:
    return list(load_files(lake, files, declared=Declared(session=session), progress=lambda _: None))


def derive(lake: Lake) -> list[StageReport]:
    return bring_up_to_date(lake, SPINES["us"])


def refusals(reports: list[StageReport]) -> list[str]:
    return [refusal.gate for report in reports for _, refusal in report.refused]


def current(lake: Lake, table: str, known_at: datetime = NOW) -> pl.DataFrame:
    """All rows of a table as known at an instant, with the session and part of their partition."""
    newest: dict[Any, Version] = {}
    for version in lake.catalogue.versions([table]):
        if version.known_at <= known_at:
            newest[version.key] = max(newest.get(version.key, version), version, key=lambda v: v.rank)
    frames = [
        lake.read(version).with_columns(session_date=pl.lit(key.session_date), part=pl.lit(key.part))
        for key, version in sorted(newest.items())
    ]
    return pl.concat(frames)
