"""Trades -> what dealers hold by them, contract by contract, carried from day to day."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import polars as pl

from models.conventions import METHOD_VERSIONS, QuantityUnit
from models.taker_flow import closing_state, share_of_open_interest, taker_inventory, trade_holes
from pipelines.lake.gates import GateRefused
from pipelines.lake.partitions import empty
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.snapshots import conformed

_LARGEST_TOTAL = 9e10  # of quantities, so that their hundred-millionths fit 64 bits
_AT_THE_END = timedelta(minutes=1)  # a chain is asked for when its bucket is over


def compute(inputs: Inputs) -> Output:
    start = datetime.combine(inputs.key.session_date, time())
    return build(inputs, underlying=inputs.key.part, start=start, quantity_unit="coins")


def build(inputs: Inputs, *, underlying: str, start: datetime, quantity_unit: QuantityUnit) -> Output:
    """The inventory of a session that begins at `start`."""
    trades = inputs.read("option_trades")
    if trades.is_empty() and inputs.read("trade_coverage").is_empty():
        # A day that nobody collected: what is held stays with the day before, and later trades show the hole.
        return Output({"dealer_inventory": empty("dealer_inventory"), "trade_holes": empty("trade_holes")})
    opening = opening_of(inputs, start)
    _check_size(trades, opening)
    rows = taker_inventory(trades, opening, from_ts=start)
    frames = {
        "dealer_inventory": conformed(
            _beside_open_interest(rows, inputs).with_columns(
                underlying=pl.lit(underlying),
                quantity_unit=pl.lit(quantity_unit),
                known_at=pl.max_horizontal(
                    "known_at", "bucket_ts", "chain_known_at"
                ),  # nobody knows a bucket before its end
            ),
            "dealer_inventory",
        ),
        "trade_holes": _holes(trades, opening, underlying),
    }
    return Output(frames)


def _check_size(trades: pl.DataFrame, opening: pl.DataFrame | None) -> None:
    """Positions are counted in whole hundred-millionths: what is too large for that is no quantity of any market."""
    held = 0.0 if opening is None else float(opening["inventory_quantity"].abs().sum())
    if (total := held + float(trades["quantity"].abs().sum())) > _LARGEST_TOTAL:
        raise GateRefused("quantity_too_large", f"{total:g} traded and held; {_LARGEST_TOTAL:g} are the most")


def opening_of(inputs: Inputs, start: datetime) -> pl.DataFrame | None:
    """What was held when the session began, by the newest earlier day that has trades; None without one."""
    before = inputs.earlier["dealer_inventory"]
    return closing_state(inputs.lake.read(before[-1]), start) if before else None


def _beside_open_interest(rows: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """With the open interest of the chain that stands at each bucket's end. An older one cannot know of the trades
    since, beside which many a position would seem too large."""
    published = inputs.read("pages", ["snapshot_ts", "source", "fate"]).filter(pl.col("fate") == "published")
    listed = (
        inputs.read("chains", ["snapshot_ts", "source", "contract_id", "open_interest", "known_at"])
        .join(published, on=["snapshot_ts", "source"], how="semi")
        .select("contract_id", "open_interest", bucket_ts="snapshot_ts", chain_known_at="known_at")
        .sort("bucket_ts", "contract_id")
    )
    joined = rows.sort("bucket_ts", "dealer_model", "contract_id").join_asof(
        listed, on="bucket_ts", by="contract_id", strategy="nearest", tolerance=_AT_THE_END, check_sortedness=False
    )
    return joined.with_columns(share_of_open_interest())


def _holes(trades: pl.DataFrame, opening: pl.DataFrame | None, underlying: str) -> pl.DataFrame:
    """Trades missing after the first that is known; what lies before it is a late start, not a hole."""
    if trades["trade_seq"].null_count() == trades.height:
        return empty("trade_holes")
    carried = [] if opening is None else opening["contract_id"].unique().to_list()
    found = trade_holes(trades, opening).filter((pl.col("from_seq") > 1) | pl.col("contract_id").is_in(carried))
    return conformed(found.with_columns(underlying=pl.lit(underlying)), "trade_holes").sort("contract_id", "from_seq")


INVENTORY = Stage(
    name="inventory",
    method_version=METHOD_VERSIONS["inventory"],
    outputs=("dealer_inventory",),
    by_products=("trade_holes",),
    same=("option_trades", "trade_coverage", "chains", "pages"),
    earlier=(Earlier("dealer_inventory", 1),),
    compute=compute,
)
