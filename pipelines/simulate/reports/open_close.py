"""Cboe's open-close file of a session: volume of its exchange by who traded, in which direction and to what end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.simulate.reports.sides import DIRECTIONS, EFFECTS, HOME, PARTIES, Sides
from pipelines.simulate.snapshot import Snapshot

EXCHANGE = "C1"  # what its owner must say of the file; the clearing house calls it CBOE


@dataclass(frozen=True, slots=True)
class Booked:
    """One underlying's part of the file. `shown`: the chain at the close, of the same session as `sides`."""

    name: str
    shown: Snapshot
    places: np.ndarray  # of the contracts of `shown`, among all
    sides: Sides


def file_name(day: date) -> str:
    return f"simulated_{EXCHANGE}OpenClose_{day}.csv"


def open_close_file(day: date, booked: Sequence[Booked]) -> bytes:
    """A row for each contract that traded there. The open interest is that of the session's start."""
    return pl.concat([_rows(day, one) for one in booked]).write_csv().encode()


def _rows(day: date, booked: Booked) -> pl.DataFrame:
    sides, shown = booked.sides, booked.shown
    home = sides.exchanges.index(HOME)
    is_here = sides.volume[home] > 0.0
    at = np.searchsorted(booked.places, sides.places[is_here])
    contracts = shown.contracts.at(at)
    prices = {
        word: [f"{price:.2f}" for price in column[at].tolist()]
        for word, column in (("open", shown.open), ("high", shown.high), ("low", shown.low), ("close", shown.last))
    }
    counts = {
        "total_exchange_vol": sides.volume[home],
        "total_industry_vol": sides.volume.sum(axis=0),
    }
    columns: dict[str, object] = {
        "quote_date": [day.isoformat()] * at.size,
        "underlying_symbol": [booked.name] * at.size,
        "option_symbol": contracts.root,
        "expiration_date": [str(expiry) for expiry in contracts.expiry_date.astype("datetime64[D]")],
        "strike_price": [f"{strike:.3f}" for strike in contracts.strike.tolist()],
        "call_put_flag": np.where(contracts.is_call, "C", "P"),
        "series_type": np.where(contracts.delivers == 1.0, "S", "N"),
        **prices,
        **{word: column[is_here].astype(np.int64) for word, column in counts.items()},
        "open_interest": shown.before.open_interest[at].astype(np.int64),
    }
    for place, party in enumerate(PARTIES):
        if party == "cust_lt_100":  # market makers stand between broker-dealers and customers
            columns |= {f"mm_{word}_vol": _count(sides.makers[d, home, is_here]) for d, word in enumerate(DIRECTIONS)}
        for d, direction in enumerate(DIRECTIONS):
            for e, effect in enumerate(EFFECTS):
                columns[f"{party}_{effect}_{direction}_vol"] = _count(sides.parties[place, e, d, home, is_here])
    return pl.DataFrame(columns)


def _count(contracts: np.ndarray) -> np.ndarray:
    return contracts.astype(np.int64)
