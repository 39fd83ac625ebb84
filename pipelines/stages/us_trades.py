"""Files of trades that their owner has -> trades by session, dealers' position and premium by them."""

from __future__ import annotations

import polars as pl

from models.conventions import METHOD_VERSIONS
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.markets import STANDARD_MULTIPLIER, US
from pipelines.placing_trades import session_span, sessions_of, underlying_of_part
from pipelines.stages import flow, inventory
from pipelines.stages.coin_files import file_of, quarantine_of
from pipelines.stages.trades import account_of, coverage_of, trades_of

_FLOW_TABLES = ("premium_flow", "zero_dte_flow")


def compute(inputs: Inputs) -> Output:
    underlying = underlying_of_part(inputs.key.part)
    heard = []
    for sighting in inputs.sightings:
        rows = file_of(inputs, sighting).trades.filter(pl.col("underlying") == underlying)
        of_session = rows.filter(sessions_of(rows["trade_ts"]) == inputs.key.session_date)
        heard.append(of_session.with_columns(source=pl.lit(sighting.source), raw_sha256=pl.lit(sighting.raw_sha256)))
    trades = trades_of(heard)
    files = [file_of(inputs, sighting) for sighting in inputs.sightings]
    frames = {
        "option_trades": trades,
        "trade_coverage": coverage_of(files, underlying, *session_span(inputs.key.session_date)),
        "quarantine": quarantine_of(inputs),
    }
    return Output(frames, {"trades": account_of(heard, trades)})


def compute_inventory(inputs: Inputs) -> Output:
    start, _ = session_span(inputs.key.session_date)
    underlying = underlying_of_part(inputs.key.part)
    return inventory.build(inputs, underlying=underlying, start=start, quantity_unit="contracts")


def compute_flow(inputs: Inputs) -> Output:
    return flow.build(
        inputs,
        underlying=underlying_of_part(inputs.key.part),
        quantity_unit="contracts",
        multiplier=STANDARD_MULTIPLIER,
        expiry_session=inputs.key.session_date,
    )


US_TRADES = Stage(
    name="us_trades",
    method_version=METHOD_VERSIONS["us_trades"],
    outputs=("option_trades", "trade_coverage"),
    by_products=("quarantine",),
    sources=US.trade_sources,
    compute=compute,
)
US_INVENTORY = Stage(
    name="us_inventory",
    method_version=METHOD_VERSIONS["us_inventory"],
    outputs=("dealer_inventory",),
    by_products=("trade_holes",),
    same=("option_trades", "trade_coverage"),
    earlier=(Earlier("dealer_inventory", 1),),
    compute=compute_inventory,
)
US_FLOW = Stage(
    name="us_flow",
    method_version=METHOD_VERSIONS["us_flow"],
    outputs=_FLOW_TABLES,
    same=("option_trades",),
    earlier=tuple(Earlier(table, 1) for table in _FLOW_TABLES),
    compute=compute_flow,
)
