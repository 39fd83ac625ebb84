"""Chains and marks -> every live contract's volatility and greeks, and every expiry's line of the surface."""

from __future__ import annotations

from functools import partial

import polars as pl

from models.conventions import METHOD_VERSIONS, AmericanQuotes
from models.forwards import SnapshotMark
from models.surface import build_surface
from pipelines.lake.stage import Inputs, Output, Stage
from pipelines.stages.american import de_americanised
from pipelines.stages.memo import remembered
from pipelines.stages.snapshots import Stamp, gathered

_MARK_FIELDS = tuple(SnapshotMark.__dataclass_fields__)


def compute(inputs: Inputs, *, american_quotes: AmericanQuotes = "european") -> Output:
    pages, chains, forwards = (inputs.read(table) for table in ("pages", "chains", "expiry_forwards"))
    dates = {(p["snapshot_ts"], p["source"]): p["open_interest_date"] for p in pages.iter_rows(named=True)}
    options, surfaces = [], []
    listed = 0
    for row in inputs.read("snapshot_marks").sort("snapshot_ts").iter_rows(named=True):
        stamp = Stamp.of(row)
        mark = SnapshotMark(**{name: row[name] for name in _MARK_FIELDS})
        chain = stamp.rows_of(chains)
        listed += chain.height
        live = chain.filter(pl.col("expiry_ts") > stamp.snapshot_ts)
        contracts, expiries = remembered(
            build_surface,
            live,
            stamp.rows_of(forwards),
            mark,
            session_date=inputs.key.session_date,
            american_quotes=american_quotes,
        )
        shared = {
            "open_interest_date": pl.lit(dates[stamp.snapshot_ts, stamp.source], dtype=pl.Date),
            "is_partial": pl.lit(row["is_partial"]),
        }
        options.append(stamp.stamp(contracts.with_columns(**shared), "option_snapshots"))
        surfaces.append(stamp.stamp(expiries.with_columns(**shared), "expiry_surface"))
    frames = {
        "option_snapshots": gathered("option_snapshots", options),
        "expiry_surface": gathered("expiry_surface", surfaces),
    }
    return Output(frames, _accounts(chains, inputs, frames["option_snapshots"], listed))


def _accounts(chains: pl.DataFrame, inputs: Inputs, options: pl.DataFrame, listed: int) -> dict[str, dict[str, float]]:
    """Every listed contract of the published snapshots is live or expired, and so is its open interest."""
    marks = inputs.read("snapshot_marks", ["snapshot_ts", "source"])
    published = chains.join(marks, on=["snapshot_ts", "source"], how="semi", maintain_order="left")
    expired = published.filter(pl.col("expiry_ts") <= pl.col("snapshot_ts"))
    return {
        "rows": {"in": listed, "out": options.height, "expired": expired.height},
        "open_interest": {
            "in": float(published["open_interest"].sum()),
            "out": float(options["open_interest"].sum()),
            "expired": float(expired["open_interest"].sum()),
        },
    }


SURFACE = Stage(
    name="surface",
    method_version=METHOD_VERSIONS["surface"],
    outputs=("option_snapshots", "expiry_surface"),
    same=("chains", "pages", "snapshot_marks", "expiry_forwards"),
    compute=compute,
    alternative=de_americanised("surface", partial(compute, american_quotes="de_americanised")),
)
