"""Canonical chains of a coin venue -> spot, volatilities and greeks of every live contract, all snapshots at once."""

from __future__ import annotations

from typing import Any

import polars as pl

from models import coin_surface as model
from models.conventions import METHOD_VERSIONS
from models.partial import partial_reason
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.marks import PAGES_COMPARED
from pipelines.stages.snapshots import conformed

_SNAPSHOT = ["snapshot_ts", "source"]


def compute(inputs: Inputs) -> Output:
    chains = inputs.read("chains")
    pages = inputs.read("pages").filter(pl.col("fate") == "published").sort("snapshot_ts")
    live = chains.join(pages.select(_SNAPSHOT), on=_SNAPSHOT, how="semi", maintain_order="left").filter(
        pl.col("expiry_ts") > pl.col("snapshot_ts")
    )
    marks = _marks(pages, live, _rows_of_earlier_pages(inputs))
    known = marks.select(*_SNAPSHOT, "known_at", "underlying", "is_partial")
    spots = marks.select(*_SNAPSHOT, "spot", "spot_source")
    priced = live.join(spots, on=_SNAPSHOT, how="inner", maintain_order="left")
    contracts, expiries = model.coin_surface(_as_quoted(priced), session_date=inputs.key.session_date)
    stamped = {
        "option_snapshots": contracts.with_columns(open_interest_date=pl.lit(inputs.key.session_date)),
        "expiry_surface": expiries,
    }
    frames = {
        table: conformed(frame.join(known, on=_SNAPSHOT, how="left", maintain_order="left"), table)
        for table, frame in stamped.items()
    }
    frames["snapshot_marks"] = conformed(marks, "snapshot_marks")
    listed = chains.join(known, on=_SNAPSHOT, how="semi")
    expired = listed.filter(pl.col("expiry_ts") <= pl.col("snapshot_ts"))
    accounting: dict[str, dict[str, float]] = {
        "rows": {"in": listed.height, "out": frames["option_snapshots"].height, "expired": expired.height},
        "open_interest": {
            "in": float(listed["open_interest"].sum()),
            "out": float(frames["option_snapshots"]["open_interest"].sum()),
            "expired": float(expired["open_interest"].sum()),
        },
    }
    return Output(frames, accounting)


def _as_quoted(chain: pl.DataFrame) -> pl.DataFrame:
    """Prices in what the venue quotes, as the model takes them."""
    prices = ("bid", "ask", "last", "mark")
    return chain.with_columns(
        *(pl.when("is_inverse").then(f"{name}_coins").otherwise(name).alias(name) for name in prices),
        forward="vendor_forward",
    )


def _marks(pages: pl.DataFrame, live: pl.DataFrame, earlier_rows: dict[str, list[int]]) -> pl.DataFrame:
    """The index is the spot; where a source states none, the forward of the nearest expiry stands for it."""
    nearest = (
        live.filter(pl.col("vendor_forward").is_not_null())
        .sort("expiry_ts", "contract_id")
        .group_by(_SNAPSHOT, maintain_order=True)
        .agg(nearest_forward=pl.col("vendor_forward").filter(pl.col("expiry_ts") == pl.col("expiry_ts").min()).median())
    )
    counts = live.group_by(_SNAPSHOT).agg(expiries_live=pl.struct("root", "expiry_ts").n_unique())
    marks = (
        pages.join(nearest, on=_SNAPSHOT, how="left", maintain_order="left")
        .join(counts, on=_SNAPSHOT, how="left", maintain_order="left")
        .with_columns(
            pl.col("expiries_live").fill_null(0),
            spot=pl.coalesce("underlying_last", "nearest_forward"),
            spot_source=pl.when(pl.col("underlying_last").is_not_null())
            .then(pl.lit("index"))
            .otherwise(pl.lit("forward")),
            smooth_carry_frac=0.0,
            smooth_carry_source=pl.lit("none"),
            discount_source=pl.lit("none"),
        )
    )
    by_snapshot = live.select(*_SNAPSHOT, "expiry_date", "strike").partition_by(_SNAPSHOT, as_dict=True)
    reasons = [
        _partial(row, by_snapshot.get((row["snapshot_ts"], row["source"]), live.clear()), earlier_rows)
        for row in marks.iter_rows(named=True)
    ]
    return marks.with_columns(partial_reason=pl.Series(reasons, dtype=pl.String)).with_columns(
        is_partial=pl.col("partial_reason").is_not_null()
    )


def _partial(row: dict[str, Any], chain: pl.DataFrame, earlier_rows: dict[str, list[int]]) -> str | None:
    same_source = earlier_rows.setdefault(row["source"], [])
    reason = partial_reason(
        chain,
        spot=row["spot"],
        rows_in=row["rows_in"],
        earlier_rows_in=same_source[-PAGES_COMPARED:],
        has_narrow_expiries=True,
    )
    same_source.append(row["rows_in"])
    return reason


def _rows_of_earlier_pages(inputs: Inputs) -> dict[str, list[int]]:
    """Rows of the pages of earlier days by source, oldest first."""
    rows: dict[str, list[int]] = {}
    for version in inputs.earlier["snapshot_marks"]:
        frame = inputs.lake.read_small(version, ("snapshot_ts", "source", "rows_in")).sort("snapshot_ts")
        for source, count in frame.select("source", "rows_in").tail(PAGES_COMPARED).iter_rows():
            rows.setdefault(source, []).append(count)
    return rows


COIN_SURFACE = Stage(
    name="coin_surface",
    method_version=METHOD_VERSIONS["coin_surface"],
    outputs=("snapshot_marks", "option_snapshots", "expiry_surface"),
    same=("chains", "pages"),
    earlier=(Earlier("snapshot_marks", PAGES_COMPARED),),
    compute=compute,
)
