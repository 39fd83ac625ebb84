"""The files behind a partition of trades or of a coin venue, as their parsers see them."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from pipelines.lake.catalogue import Sighting
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs
from pipelines.placing_coins import end_of_hour
from pipelines.sources.coin_file import CoinFile
from pipelines.stages import parsed
from pipelines.stages.snapshots import conformed


def hourly(sightings: list[Sighting]) -> list[Sighting]:
    """What is computed counts from the end of the hour in which it was seen."""
    return [replace(sighting, known_at=end_of_hour(sighting.known_at)) for sighting in sightings]


def file_of(inputs: Inputs, sighting: Sighting) -> CoinFile:
    detail = json.loads(sighting.detail)
    return parsed.coin_file(
        inputs.lake, detail["module"], sighting.raw_sha256, detail["underlying"], detail["mapping"]
    )  # fmt: skip


def stated_last(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Each key as it was stated last, known since it was first stated so: files repeat one another."""
    said = [name for name in rows.columns if name not in {"known_at", "source", "raw_sha256"}]
    ordered = rows.sort(*key, "known_at", *said)
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in said)
    return ordered.filter(~is_same.fill_null(value=False)).unique(key, keep="last", maintain_order=True)


def quarantine_of(inputs: Inputs) -> pl.DataFrame:
    """What was set aside of the files whose first place this is."""
    found = [empty("quarantine")]
    for sighting in inputs.sightings:
        if json.loads(sighting.detail).get("has_rejected"):
            rows = file_of(inputs, sighting).rejected.with_columns(
                raw_sha256=pl.lit(sighting.raw_sha256), source=pl.lit(sighting.source)
            )
            found.append(conformed(rows, "quarantine"))
    key = ["raw_sha256", "row_number", "row_part"]
    return pl.concat(found).unique(key, keep="first", maintain_order=True).sort(key)
