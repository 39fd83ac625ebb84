"""Columns of what market makers hold and clear, by exchanges' and the clearing house's own counts."""

from __future__ import annotations

import polars as pl

from pipelines.tables.declare import COUNT, DAY, NUMBER

POSITIONS: list[tuple[str, pl.DataType, str, str]] = [
    ("market_maker_net_contracts", NUMBER, "contracts", "Bought less sold by market makers in the session."),
    ("position_contracts", NUMBER, "contracts", "Position of market makers at the close, cumulated since the files."),
    ("first_session_date", DAY, "date", "First session that counts."),
    ("last_session_date", DAY, "date", "Last session that counts."),
    ("exchanges", COUNT, "exchanges", "Exchanges whose files of the session are there."),
    ("customer_contracts", NUMBER, "contracts", "Contracts cleared for customers."),
    ("firm_contracts", NUMBER, "contracts", "Contracts cleared for firms."),
    ("market_maker_contracts", NUMBER, "contracts", "Contracts cleared for market makers."),
    ("other_contracts", NUMBER, "contracts", "Contracts cleared for any other account."),
    ("market_maker_share_frac", NUMBER, "fraction", "Market makers' share among customers, firms and market makers."),
    ("sessions_counted", COUNT, "sessions", "Sessions summed over: the newest 20 of which there are files."),
]
