"""Cleared volume by account -> market makers' share of it, by underlying and side, over the newest sessions."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from models.clearing import market_maker_shares
from models.conventions import CLEARING_SESSIONS, METHOD_VERSIONS
from pipelines.lake.catalogue import Version
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.lake.store import LakeFiles
from pipelines.stages.snapshots import conformed

_TABLE = "clearing_shares"
_KEY = ["underlying", "option_type", "account_type"]


def compute(inputs: Inputs) -> Output:
    versions = [*inputs.earlier["cleared_volume"], inputs.same["cleared_volume"]]
    sums = pl.concat([_of_session(inputs.lake, version) for version in versions])
    shares = market_maker_shares(sums).with_columns(
        source=pl.lit(",".join(sums["source"].unique().sort())),
        # Also that an underlying was not cleared is known with the whole of the files.
        known_at=pl.lit(sums["known_at"].max(), dtype=pl.Datetime("us")),
        sessions_counted=pl.lit(len(versions), dtype=pl.Int64),
        first_session_date=pl.lit(versions[0].key.session_date),
        last_session_date=pl.lit(versions[-1].key.session_date),
    )
    frame = conformed(shares, _TABLE)
    shown = frame.select(pl.col("^(customer|firm|market_maker|other)_contracts$").sum()).sum_horizontal().item()
    return Output({_TABLE: frame}, {"contracts": {"in": float(sums["cleared_contracts"].sum()), "shown": float(shown)}})


@lru_cache(maxsize=4 * CLEARING_SESSIONS)
def _of_session(lake: LakeFiles, version: Version) -> pl.DataFrame:
    """A session's sums by underlying, side and account: session after session asks for them again."""
    rows = lake.read(version, [*_KEY, "source", "known_at", "cleared_contracts"])
    return (
        rows.group_by(_KEY, maintain_order=True)
        .agg(pl.col("cleared_contracts").sum(), pl.col("source").min(), pl.col("known_at").max())
        .sort(_KEY)
    )


CLEARING_SHARES = Stage(
    name=_TABLE,
    method_version=METHOD_VERSIONS[_TABLE],
    outputs=(_TABLE,),
    same=("cleared_volume",),
    earlier=(Earlier("cleared_volume", CLEARING_SESSIONS - 1),),
    compute=compute,
)
