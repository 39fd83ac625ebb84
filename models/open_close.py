"""What market makers hold by an exchange's own count of what they bought and sold, session after session."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

_FACTS = ("underlying", "root", "expiry_date", "expiry_ts", "strike", "option_type", "is_standard")
POSITION_COLUMNS = (
    "contract_id", *_FACTS, "market_maker_net_contracts", "position_contracts", "first_session_date",
    "is_history_complete", "exchanges",
)  # fmt: skip
_COUNTS = ("open_interest", "exchange_volume_contracts", "industry_volume_contracts")


def carried_positions(
    traded: pl.DataFrame, before: pl.DataFrame | None, *, session_date: date, close_ts: datetime, is_next_session: bool
) -> pl.DataFrame:
    """Positions at the close of a session: those before it plus what market makers bought less what they sold.

    Parameters: `traded`, a row per exchange and contract of the session (one at least): the contract's facts, exchange,
    market_maker_buy_contracts and market_maker_sell_contracts, and open_interest (of the session's start),
    exchange_volume_contracts and industry_volume_contracts (null where not stated); `before`, what this function gave
    for the newest earlier session with files, or None; whether that is the session right before this one.
    Returns one row a contract with POSITION_COLUMNS, sorted by contract_id; contracts that have expired by the close
    are gone. `is_history_complete`: nobody held the contract when it was first seen (open interest 0), since then every
    session has files of as many exchanges, and no exchange without a file traded it where the volume of all of them is
    stated. Source: METHODS 5.
    """
    exchanges = traded["exchange"].n_unique()
    today = _of_session(traded)
    held = today.clear().select("contract_id", *_FACTS).with_columns(_NOTHING) if before is None else before
    is_unbroken = is_next_session and bool((held["exchanges"] == exchanges).all())
    joined = today.join(
        held.select("contract_id", *(pl.col(name).alias(f"{name}_before") for name in POSITION_COLUMNS[1:])),
        on="contract_id", how="full", coalesce=True,
    )  # fmt: skip
    is_new = pl.col("first_session_date_before").is_null()
    began_empty = (pl.col("open_interest") == 0).fill_null(value=False)
    was_complete = pl.col("is_history_complete_before") & is_unbroken
    net = pl.col("market_maker_net_contracts").fill_null(0.0)
    full = joined.with_columns(
        *(pl.coalesce(name, f"{name}_before").alias(name) for name in _FACTS),
        market_maker_net_contracts=net,
        position_contracts=pl.col("position_contracts_before").fill_null(0.0) + net,
        first_session_date=pl.col("first_session_date_before").fill_null(session_date),
        is_history_complete=pl.when(is_new).then(began_empty).otherwise(was_complete)
        & pl.col("is_all_volume").fill_null(value=True),
        exchanges=pl.lit(exchanges, dtype=pl.Int64),
    )
    return full.filter(pl.col("expiry_ts") > close_ts).select(POSITION_COLUMNS).sort("contract_id")


_NOTHING = [
    pl.lit(None, dtype).alias(name)
    for name, dtype in {
        "market_maker_net_contracts": pl.Float64, "position_contracts": pl.Float64, "first_session_date": pl.Date,
        "is_history_complete": pl.Boolean, "exchanges": pl.Int64,
    }.items()
]  # fmt: skip


def _of_session(traded: pl.DataFrame) -> pl.DataFrame:
    """One row a contract over all exchanges: its facts, market_maker_net_contracts, open_interest, is_all_volume."""
    net = pl.col("market_maker_buy_contracts") - pl.col("market_maker_sell_contracts")
    volume, industry = pl.col("exchange_volume_contracts"), pl.col("industry_volume_contracts")
    is_stated = volume.is_not_null().all() & industry.is_not_null().any()
    return (
        traded.select("contract_id", "exchange", *_FACTS, *_COUNTS, market_maker_net_contracts=net)
        .sort("contract_id", "exchange")
        .group_by("contract_id", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in _FACTS),
            pl.col("market_maker_net_contracts").sum(),
            pl.col("open_interest").max(),
            is_all_volume=~is_stated | (volume.sum() >= industry.max()),
        )
    )
