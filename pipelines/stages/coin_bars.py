"""Candles, volatility indices and delivery prices of a coin venue -> price bars and settlement prices."""

from __future__ import annotations

from typing import Literal

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.placing_coins import DERIBIT_KINDS, name_of_part, part_column, session_of
from pipelines.stages.coin_files import file_of, hourly, quarantine_of, stated_last
from pipelines.stages.snapshots import conformed

Kind = Literal["bars", "deliveries"]


def _newest(inputs: Inputs, kind: Kind, key: list[str]) -> pl.DataFrame:
    """The partition's rows of one kind, each as it was stated last."""
    name = name_of_part(kind, inputs.key.part)
    here = (pl.col(part_column(kind)) == name) & (session_of(kind) == inputs.key.session_date)
    rows: pl.DataFrame = pl.concat(
        getattr(file_of(inputs, sighting), kind).filter(here) for sighting in inputs.sightings
    )
    return stated_last(rows, key)


def compute_bars(inputs: Inputs) -> Output:
    rows = _newest(inputs, "bars", ["interval", "bar_ts"]).rename({"symbol": "underlying"})
    named = rows.with_columns(source=pl.lit(DERIBIT_KINDS["bars"]))
    return Output({"price_bars": conformed(named, "price_bars"), "quarantine": quarantine_of(inputs)})


def compute_deliveries(inputs: Inputs) -> Output:
    rows = _newest(inputs, "deliveries", ["delivery_ts"]).with_columns(source=pl.lit(DERIBIT_KINDS["deliveries"]))
    return Output({"delivery_prices": conformed(rows, "delivery_prices"), "quarantine": quarantine_of(inputs)})


COIN_BARS = Stage(
    name="coin_bars",
    method_version=METHOD_VERSIONS["coin_bars"],
    outputs=("price_bars",),
    by_products=("quarantine",),
    sources=(DERIBIT_KINDS["bars"],),
    resolve=hourly,
    compute=compute_bars,
)
DELIVERIES = Stage(
    name="deliveries",
    method_version=METHOD_VERSIONS["deliveries"],
    outputs=("delivery_prices",),
    by_products=("quarantine",),
    sources=(DERIBIT_KINDS["deliveries"],),
    resolve=hourly,
    compute=compute_deliveries,
)
