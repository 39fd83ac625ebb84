"""Files of a coin venue -> canonical chains, trades and instruments of one underlying and UTC day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.markets import CRYPTO
from pipelines.placing_coins import DERIBIT_KINDS, part_column, session_of
from pipelines.stages.coin_files import file_of, hourly, quarantine_of, stated_last
from pipelines.stages.snapshots import conformed
from pipelines.stages.trades import coverage_of, trades_of

_KIND_SOURCES = {
    "chains": CRYPTO.source_precedence,
    "trades": CRYPTO.trade_sources,
    "instruments": (DERIBIT_KINDS["instruments"],),
}
_SLOT = "10m"  # in which one source speaks for a chain
_PRICES = ("bid", "ask", "last", "mark")


def rows_of(inputs: Inputs, kind: str) -> Iterator[pl.DataFrame]:
    """The partition's rows of one kind, a frame a sighting, with the source they stand under and the object."""
    here = (pl.col(part_column(kind)) == inputs.key.part) & (session_of(kind) == inputs.key.session_date)
    for sighting in inputs.sightings:
        if sighting.source in _KIND_SOURCES[kind]:
            rows: pl.DataFrame = getattr(file_of(inputs, sighting), kind)
            yield rows.filter(here).with_columns(
                source=pl.lit(sighting.source), raw_sha256=pl.lit(sighting.raw_sha256)
            )  # fmt: skip


def compute(inputs: Inputs) -> Output:
    instruments = _instruments(list(rows_of(inputs, "instruments")))
    seen = list(rows_of(inputs, "chains"))
    chains, pages = _chains(seen, instruments)
    heard = list(rows_of(inputs, "trades"))
    trades = trades_of(heard)
    start = datetime.combine(inputs.key.session_date, time())
    files = [file_of(inputs, sighting) for sighting in inputs.sightings if sighting.source in CRYPTO.trade_sources]
    frames = {
        "chains": chains,
        "pages": pages,
        "option_trades": trades,
        "trade_coverage": coverage_of(files, inputs.key.part, start, start + timedelta(days=1)),
        "instruments": instruments,
        "quarantine": quarantine_of(inputs),
    }
    return Output(frames, {"chain_rows": _account(seen, chains), "trades": _account(heard, trades)})


def _account(came: list[pl.DataFrame], landed: pl.DataFrame) -> dict[str, float]:
    rows = sum(frame.height for frame in came)
    return {"in": rows, "landed": landed.height, "repeated": rows - landed.height}


def _instruments(seen: list[pl.DataFrame]) -> pl.DataFrame:
    """Each contract as the venue described it last."""
    if not seen:
        return empty("instruments")
    return conformed(stated_last(pl.concat(seen), ["contract_id"]), "instruments")


def _chains(seen: list[pl.DataFrame], instruments: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of each snapshot and source the object that came last, and one line a snapshot."""
    if not any(frame.height for frame in seen):
        return empty("chains"), empty("pages")
    rows = pl.concat(seen).with_columns(
        stands=pl.col("raw_sha256") == pl.col("raw_sha256").last().over("snapshot_ts", "source")
    )
    rows = rows.filter("stands").join(
        instruments.select("contract_id", "contract_size_coins"), on="contract_id", how="left", maintain_order="left"
    )
    return conformed(_in_usd(rows), "chains").sort("snapshot_ts", "source", "contract_id"), _pages(rows)


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


def _pages(rows: pl.DataFrame) -> pl.DataFrame:
    rank = {name: place for place, name in enumerate(CRYPTO.source_precedence)}
    pages = (
        rows.group_by("snapshot_ts", "source", maintain_order=True)
        .agg(
            pl.col("underlying").first(),
            pl.col("known_at").max(),
            pl.col("raw_sha256").first(),
            underlying_last=pl.col("index_price").median(),
            rows_in=pl.len(),
            expiries_listed=pl.col("expiry_ts").n_unique(),
            zeroed_quote_share_frac=((pl.col("bid").fill_null(0) == 0) & (pl.col("ask").fill_null(0) == 0)).mean(),
            open_interest_date=pl.col("snapshot_ts").first().dt.date(),
            slot=pl.col("snapshot_ts").first().dt.round(_SLOT),
        )
        .with_columns(
            rows_landed="rows_in",
            rows_quarantined=0,
            rows_duplicate=0,
            known_at_basis=pl.when(pl.col("source") == CRYPTO.source_precedence[0])
            .then(pl.lit("captured_live"))
            .otherwise(pl.lit("header_clock")),
            session_basis=pl.lit("venue_clock"),
            open_interest_date_basis=pl.lit("venue_state"),
            open_interest_evidence=pl.lit("none"),
            rank=pl.col("source").replace_strict(rank, return_dtype=pl.Int64),
        )
        .with_columns(
            fate=pl.when(pl.col("rank") == pl.col("rank").min().over("slot"))
            .then(pl.lit("published"))
            .otherwise(pl.lit("outranked"))
        )
    )
    return conformed(pages, "pages").sort("snapshot_ts", "source")


COIN_LANDING = Stage(
    name="coin_landing",
    method_version=METHOD_VERSIONS["coin_landing"],
    outputs=("chains", "pages", "option_trades", "trade_coverage"),
    by_products=("instruments", "quarantine"),
    sources=tuple(name for names in _KIND_SOURCES.values() for name in names),
    resolve=hourly,
    compute=compute,
)
