"""Dealer exposures per contract, per strike and per scope (METHODS 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import conventions as c
from models.conventions import Bools, DealerModel, Floats, Ints
from models.positioning import dealer_quantity

MEASURES = ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")
STRIKE_KEY = ["expiry_ts", "root", "strike"]
_GREEKS = ("gamma", "delta", "vanna_per_volpt", "charm_per_day")


@dataclass(frozen=True, slots=True)
class Book:
    """The live contracts of one snapshot as arrays, sorted by expiry_ts, root, strike.

    Per contract: row (its place among the strikes), is_call, open_interest and volume (NaN where the feed has none),
    multiplier, is_standard and greeks (NaN where there is no volatility). `strikes` has one row per (expiry_ts, root,
    strike); `series` is the place of a strike's (expiry_ts, root) among them.
    """

    spot: float
    row: Ints
    is_call: Bools
    is_standard: Bools
    open_interest: Floats
    volume: Floats
    multiplier: Floats
    greeks: dict[str, Floats]
    strikes: pl.DataFrame
    series: Ints
    expiry_dates: NDArray[np.datetime64]

    def by_strike(self, values: Floats, chosen: Bools) -> Floats:
        """Sum of the chosen contracts' known values per strike, in the order of rows.

        0 where no such contract is listed, NaN where one is and none of their values is known.
        """
        known = chosen & ~np.isnan(values)
        sums = np.bincount(self.row[known], weights=values[known], minlength=self.strikes.height)
        unknown = np.zeros(self.strikes.height, dtype=bool)
        unknown[self.row[chosen]] = True
        unknown[self.row[known]] = False
        return np.where(unknown, np.nan, sums)


def book_of(contracts: pl.DataFrame, spot: float) -> Book:
    """Arrays of the contracts that `build_surface` returns, in any order."""
    ordered = contracts.sort(*STRIKE_KEY, "option_type")
    row = ordered.select(pl.struct(STRIKE_KEY).rle_id()).to_series().cast(pl.Int64).to_numpy()
    is_first = np.diff(row, prepend=-1) > 0
    named = [*STRIKE_KEY, "expiry_date", "iv_frac", "forward", "discount_factor", "t_years"]
    strikes = ordered.filter(pl.Series(is_first)).select(named)
    series = strikes.select(pl.struct("expiry_ts", "root").rle_id()).to_series().cast(pl.Int64).to_numpy()
    return Book(
        spot=spot,
        row=row,
        is_call=(ordered["option_type"] == "call").to_numpy(),
        is_standard=ordered["is_standard"].to_numpy(),
        open_interest=_numbers(ordered, "open_interest"),
        volume=_numbers(ordered, "volume"),
        multiplier=_numbers(ordered, "multiplier"),
        greeks={name: _numbers(ordered, name) for name in _GREEKS},
        strikes=strikes,
        series=series,
        expiry_dates=strikes["expiry_date"].to_numpy().astype("datetime64[D]"),
    )


def exposures(quantity: Floats, multiplier: Floats, spot: float, greeks: dict[str, Floats]) -> dict[str, Floats]:
    """The five measures of each contract.

    Parameters: dealer quantity n and multiplier M per contract, spot S in USD, gamma (per USD), delta,
    vanna_per_volpt and charm_per_day per unit of the underlying; arrays of one length. NaN quantities and greeks give
    NaN.
    Returns n M gamma S^2 0.01, n M gamma S, n M delta S, n M vanna S and n M charm S under the names of MEASURES.
    """
    units = quantity * multiplier * spot
    per_usd = units * greeks["gamma"]
    return {
        "gex_usd_per_1pct": per_usd * spot * c.ONE_PERCENT,
        "gex_usd_per_1usd": per_usd,
        "dex_usd": units * greeks["delta"],
        "vex_usd_per_volpt": units * greeks["vanna_per_volpt"],
        "chex_usd_per_day": units * greeks["charm_per_day"],
    }


def strike_columns(book: Book, dealer_model: DealerModel) -> dict[str, Floats]:
    """Per strike of the book: call_, put_ and net_ of every measure; open interest, volume and dealer quantity by side.

    NaN for a side without volatility or open interest, 0 for one that is not listed; net is over what is known, NaN
    where nothing is.
    """
    quantity = dealer_quantity(book.open_interest, book.is_call, dealer_model)
    measures = exposures(quantity, book.multiplier, book.spot, book.greeks)
    everything = np.ones_like(book.is_call)
    sides = (("call", book.is_call), ("put", ~book.is_call))
    columns = {f"{side}_{name}": book.by_strike(measures[name], chosen) for side, chosen in sides for name in MEASURES}
    columns |= {f"net_{name}": book.by_strike(measures[name], everything) for name in MEASURES}
    for name, values in (("open_interest", book.open_interest), ("volume", book.volume), ("dealer_quantity", quantity)):
        columns |= {f"{side}_{name}": book.by_strike(values, chosen) for side, chosen in sides}
    return columns


def strike_exposures(book: Book, dealer_model: DealerModel, columns: dict[str, Floats]) -> pl.DataFrame:
    """One row per (expiry_ts, root, strike) with the columns of `strike_columns`; NaN becomes null."""
    return book.strikes.select("root", "expiry_date", "expiry_ts", "strike").with_columns(
        pl.lit(dealer_model).alias("dealer_model"),
        *(pl.Series(name, values, nan_to_null=True) for name, values in columns.items()),
        pl.lit("contracts").alias("quantity_unit"),
    )


def scope_totals(book: Book, columns: dict[str, Floats], is_member: Bools) -> dict[str, float | int | None]:
    """Totals of the member strikes of one scope; strikes without a volatility are in the open interest and in
    contracts_not_counted only, contracts without open interest in the latter only. A scope in which no contract has
    open interest has nothing but these counts. `columns` as `strike_columns` gives them, `is_member` one flag per
    strike."""
    contract_in = is_member[book.row]
    is_counted = contract_in & np.isfinite(book.greeks["gamma"]) & np.isfinite(book.open_interest)
    counts: dict[str, float | int | None] = {
        "contracts_counted": int(is_counted.sum()),
        "contracts_not_counted": int(contract_in.sum() - is_counted.sum()),
    }
    if not has_open_interest(book, is_member):
        return counts
    members = {name: values[is_member] for name, values in columns.items()}
    totals: dict[str, float | int | None] = {
        f"{side}_{name}": _total(members[f"{side}_{name}"]) for side in ("call", "put", "net") for name in MEASURES
    }
    market = book.open_interest * book.multiplier * book.spot * book.greeks["delta"]
    totals["dex_market_usd"] = float(np.sum(market[is_counted]))
    for name in ("gex_usd_per_1pct", "chex_usd_per_day"):
        call, put = (np.nan_to_num(np.abs(members[f"{side}_{name}"])) for side in ("call", "put"))
        totals[f"gross_{name}"] = _total((call + put)[np.isfinite(members[f"net_{name}"])])
    for side in ("call", "put"):
        totals[f"{side}_open_interest"] = _total(members[f"{side}_open_interest"])
    return totals | counts


def has_open_interest(book: Book, is_member: Bools) -> bool:
    """Whether any contract of the member strikes (one flag per strike) states its open interest, be it 0."""
    return bool(np.isfinite(book.open_interest[is_member[book.row]]).any())


def _total(values: Floats) -> float:
    """numpy's pairwise sum of what is not NaN: one fixed order, so equal inputs give equal bits."""
    return float(np.sum(values[np.isfinite(values)]))


def _numbers(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
