"""One line a snapshot of a coin venue: which object tells it, how many rows, and whether anything can be computed."""

from __future__ import annotations

import polars as pl

from pipelines.markets import CRYPTO
from pipelines.stages.snapshots import conformed

_SLOT = "10m"  # in which one source speaks for a chain
_SNAPSHOT = ["snapshot_ts", "source"]
_CHAIN_KINDS = ("chain", "chains", "coin_chain")  # as parsers call a rejected row


def pages(rows: pl.DataFrame, quarantined: pl.DataFrame) -> pl.DataFrame:
    """The snapshots of chain rows, those of `quarantined` counted beside them."""
    rank = {name: place for place, name in enumerate(CRYPTO.source_precedence)}
    set_aside = quarantined.group_by(*_SNAPSHOT, "raw_sha256").agg(rows_quarantined=pl.len())
    found = (
        rows.group_by(*_SNAPSHOT, maintain_order=True)
        .agg(
            pl.col("underlying").first(),
            pl.col("known_at").max(),
            pl.col("raw_sha256", "known_at_basis").first(),
            underlying_last=pl.col("index_price").median(),
            rows_landed=pl.len(),
            expiries_listed=pl.col("expiry_ts").n_unique(),
            zeroed_quote_share_frac=((pl.col("bid").fill_null(0) == 0) & (pl.col("ask").fill_null(0) == 0)).mean(),
            open_interest_date=pl.col("snapshot_ts").first().dt.offset_by("-1us").dt.date(),  # midnight ends a day
            slot=pl.col("snapshot_ts").first().dt.round(_SLOT),
        )
        .join(set_aside, on=[*_SNAPSHOT, "raw_sha256"], how="left", maintain_order="left")
        .with_columns(
            pl.col("rows_quarantined").fill_null(0),
            rows_duplicate=0,
            session_basis=pl.lit("venue_clock"),
            open_interest_date_basis=pl.lit("venue_state"),
            open_interest_evidence=pl.lit("none"),
            rank=pl.col("source").replace_strict(rank, return_dtype=pl.Int64),
        )
        .with_columns(
            rows_in=pl.col("rows_landed") + pl.col("rows_quarantined"),
            fate=pl.when(pl.col("rank") == pl.col("rank").min().over("slot"))
            .then(pl.lit("published"))
            .otherwise(pl.lit("outranked")),
        )
    )
    return conformed(found, "pages").sort(_SNAPSHOT)


def set_aside_of(rejected: pl.DataFrame, rows: pl.DataFrame, underlying: str) -> pl.DataFrame:
    """A row for each rejected row of a file that can be told to belong to one of its snapshots: it names the underlying
    and its clock is of the minute before, for a snapshot's instant is that of its newest row."""
    snapshots = rows.select(*_SNAPSHOT, "raw_sha256").unique().sort("snapshot_ts")
    ours = rejected.filter(pl.col("kind").is_in(_CHAIN_KINDS), pl.col("underlying") == underlying).drop_nulls("day_ts")
    return (
        ours.select("day_ts")
        .sort("day_ts")
        .join_asof(snapshots, left_on="day_ts", right_on="snapshot_ts", strategy="forward", tolerance="1m")
        .drop_nulls("snapshot_ts")
        .select(*_SNAPSHOT, "raw_sha256")
    )


def without_spot(rows: pl.DataFrame) -> pl.DataFrame:
    """The snapshots of chain rows that state neither an index nor the forward of a live contract."""
    has_forward = pl.col("forward").is_not_null() & (pl.col("expiry_ts") > pl.col("snapshot_ts"))
    has_spot = (pl.col("index_price").is_not_null() | has_forward).any()
    told = rows.group_by(_SNAPSHOT).agg(pl.col("raw_sha256", "is_new").first(), has_spot=has_spot)
    return told.filter(~pl.col("has_spot")).sort(_SNAPSHOT)
