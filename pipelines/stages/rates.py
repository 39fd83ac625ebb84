"""Treasury files -> one zero curve a day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl

from models.conventions import METHOD_VERSIONS
from models.discount import zero_curve
from pipelines.calendar import PUBLISHED_AT, new_york_to_utc
from pipelines.lake.catalogue import Sighting
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.sources.treasury_par_csv import NAME
from pipelines.stages import parsed
from pipelines.tables import TABLES


def curve_known_at(curve_date: date) -> datetime:
    return new_york_to_utc(curve_date, PUBLISHED_AT)


def resolve(sightings: list[Sighting]) -> list[Sighting]:
    """The file that first states a day was on time; a later file that states it otherwise is a restatement.

    Nothing in a file says when a value was changed, so a restatement counts as known when its file was complete, or
    was fetched.
    """
    stated: list[Sighting] = []
    values: object = None
    told = [(json.loads(sighting.detail), sighting) for sighting in sightings]
    order = sorted(told, key=lambda one: (one[0]["vintage"], one[0].get("captured_at") or "", one[1].raw_sha256))
    for detail, sighting in order:
        if detail["values"] != values:
            captured_at = detail.get("captured_at")
            fetched = [datetime.fromisoformat(captured_at)] if captured_at else []
            complete = max([curve_known_at(date.fromisoformat(detail["vintage"])), *fetched])
            stated.append(replace(sighting, known_at=complete) if stated else sighting)
        values = detail["values"]
    return stated


def compute(inputs: Inputs) -> Output:
    newest = inputs.sightings[-1]
    file = parsed.treasury_file(inputs.lake, newest.raw_sha256)
    curve = next(curve for curve in file.curves if curve.curve_date == inputs.key.session_date)
    months = np.array(sorted(curve.percent_by_months))
    par = np.array([curve.percent_by_months[m] / 100 for m in months])
    frame = zero_curve(months / 12, par).with_columns(
        source=pl.lit(newest.source), known_at=pl.lit(newest.known_at, dtype=pl.Datetime("us"))
    )
    schema = TABLES["treasury_zero_curve"].schema()
    return Output({"treasury_zero_curve": frame.select(list(schema)), "quarantine": _rejected(inputs)})


def _rejected(inputs: Inputs) -> pl.DataFrame:
    """A file's unreadable rows have no date of their own: they stand with the file's last curve."""
    day = inputs.key.session_date.isoformat()
    frames = [
        parsed.treasury_file(inputs.lake, s.raw_sha256).rejected.with_columns(
            raw_sha256=pl.lit(s.raw_sha256), source=pl.lit(s.source)
        )
        for s in inputs.sightings
        if json.loads(s.detail)["vintage"] == day
    ]
    quarantine = empty("quarantine")
    return pl.concat([quarantine, *(f.select(quarantine.columns) for f in frames)]).unique(maintain_order=True)


RATES = Stage(
    name="rates",
    method_version=METHOD_VERSIONS["rates"],
    outputs=("treasury_zero_curve",),
    by_products=("quarantine",),
    sources=(NAME,),
    resolve=resolve,
    compute=compute,
)
