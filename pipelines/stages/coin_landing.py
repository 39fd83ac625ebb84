"""Files of a coin venue -> canonical chains, trades and instruments of one underlying and UTC day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines.lake.catalogue import Refusal, Sighting
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.markets import CRYPTO
from pipelines.placing_coins import DERIBIT_KINDS, part_column, session_of
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA
from pipelines.stages.coin_files import file_of, hourly, quarantine_of, stated_last
from pipelines.stages.coin_pages import pages, set_aside_of, without_spot
from pipelines.stages.snapshots import conformed
from pipelines.stages.trades import account_of, coverage_of, trades_of

_KIND_SOURCES = {
    "chains": CRYPTO.source_precedence,
    "trades": CRYPTO.trade_sources,
    "instruments": (DERIBIT_KINDS["instruments"],),
}
_SNAPSHOT = ["snapshot_ts", "source"]
_PRICES = ("bid", "ask", "last", "mark")


def compute(inputs: Inputs) -> Output:
    instruments = _instruments([rows for _, rows in _rows_of(inputs, "instruments")])
    rows, quarantined = _chain_rows(inputs)
    standing = rows.filter(pl.col("raw_sha256") == pl.col("raw_sha256").last().over(_SNAPSHOT))
    spotless = without_spot(standing)
    told = standing.join(spotless, on=_SNAPSHOT, how="anti", maintain_order="left")
    chains = _chains(told, instruments)
    heard = [rows for _, rows in _rows_of(inputs, "trades")]
    trades = trades_of(heard)
    start = datetime.combine(inputs.key.session_date, time())
    files = [file_of(inputs, sighting) for sighting in inputs.sightings if sighting.source in CRYPTO.trade_sources]
    frames = {
        "chains": chains,
        "pages": pages(told, quarantined),
        "option_trades": trades,
        "trade_coverage": coverage_of(files, inputs.key.part, start, start + timedelta(days=1)),
        "instruments": instruments,
        "quarantine": quarantine_of(inputs),
    }
    replaced = rows.join(standing.select(*_SNAPSHOT, "raw_sha256").unique(), on=[*_SNAPSHOT, "raw_sha256"], how="anti")
    account = {
        "in": float(rows.height),
        "landed": float(chains.height),
        "replaced": float(replaced.height),
        "without_spot": float(standing.height - told.height),
    }
    return Output(frames, {"chain_rows": account, "trades": account_of(heard, trades)}, _refusals(spotless))


def _rows_of(inputs: Inputs, kind: str) -> Iterator[tuple[Sighting, pl.DataFrame]]:
    """The partition's rows of one kind, a frame a sighting, with the source they stand under and the object."""
    here = (pl.col(part_column(kind)) == inputs.key.part) & (session_of(kind) == inputs.key.session_date)
    for sighting in inputs.sightings:
        if sighting.source in _KIND_SOURCES[kind]:
            rows: pl.DataFrame = getattr(file_of(inputs, sighting), kind)
            yield sighting, rows.filter(here).with_columns(
                source=pl.lit(sighting.source), raw_sha256=pl.lit(sighting.raw_sha256)
            )  # fmt: skip


def _chain_rows(inputs: Inputs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All rows of chains in the order in which their objects came, and the snapshots of those that were set aside."""
    origin = {"source": pl.String(), "raw_sha256": pl.String(), "known_at_basis": pl.String(), "is_new": pl.Boolean()}
    rows = [pl.DataFrame(schema={**COIN_CHAIN_SCHEMA, **origin})]
    set_aside = [rows[0].select(*_SNAPSHOT, "raw_sha256")]
    for sighting, frame in _rows_of(inputs, "chains"):
        rows.append(
            frame.with_columns(
                known_at_basis=pl.lit(sighting.known_at_basis), is_new=pl.lit(sighting.known_at == inputs.known_at)
            )
        )
        set_aside.append(set_aside_of(file_of(inputs, sighting).rejected, frame, inputs.key.part))
    return pl.concat(rows), pl.concat(set_aside)


def _refusals(spotless: pl.DataFrame) -> list[Refusal]:
    return [
        Refusal("no_spot", f"{sha256[:12]} {at}: the snapshot states no index and no forward of a live contract")
        for at, sha256 in spotless.filter("is_new").select("snapshot_ts", "raw_sha256").iter_rows()
    ]


def _instruments(seen: list[pl.DataFrame]) -> pl.DataFrame:
    """Each contract as the venue described it last."""
    if not seen:
        return empty("instruments")
    return conformed(stated_last(pl.concat(seen), ["contract_id"]), "instruments")


def _chains(rows: pl.DataFrame, instruments: pl.DataFrame) -> pl.DataFrame:
    sized = rows.join(
        instruments.select("contract_id", "contract_size_coins"), on="contract_id", how="left", maintain_order="left"
    )
    return conformed(_in_usd(sized), "chains").sort(*_SNAPSHOT, "contract_id")


def _in_usd(rows: pl.DataFrame) -> pl.DataFrame:
    """Coin-quoted prices as stated and in USD of the row's forward."""
    coins = {f"{name}_coins": pl.when("is_inverse").then(name) for name in _PRICES}
    usd = {name: pl.when("is_inverse").then(pl.col(name) * pl.col("forward")).otherwise(name) for name in _PRICES}
    return rows.with_columns(**coins).with_columns(
        **usd,
        vendor_forward="forward",
        settlement=pl.lit("utc_0800"),
        exercise=pl.lit("european"),
        multiplier=pl.lit(1.0),
        is_standard=pl.lit(value=True),
    )


COIN_LANDING = Stage(
    name="coin_landing",
    method_version=METHOD_VERSIONS["coin_landing"],
    outputs=("chains", "pages", "option_trades", "trade_coverage"),
    by_products=("instruments", "quarantine"),
    sources=tuple(name for names in _KIND_SOURCES.values() for name in names),
    resolve=hourly,
    compute=compute,
)
