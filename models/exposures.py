"""Dealer exposures per contract, per strike and per scope (METHODS 4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import conventions as c
from models.arrays import places
from models.conventions import Bools, DealerModel, Floats, Ints, QuantityUnit
from models.engine import implementation
from models.positioning import dealer_quantity, is_told_by_open_interest

MEASURES = ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")
SIDES = ("call", "put")
STRIKE_KEY = ["expiry_ts", "root", "strike"]
_GROSS = ("gross_gex_usd_per_1pct", "gross_chex_usd_per_day")
_GREEKS = ("gamma", "delta", "vanna_per_volpt", "charm_per_day")
PRICING = ("forward", "strike", "t_years", "iv_frac", "discount_factor")
_NUMBERS = ("open_interest", "volume", "multiplier", *PRICING, *_GREEKS)


@dataclass(frozen=True, slots=True)
class Book:
    """The live contracts of one snapshot as arrays, sorted by expiry_ts, root, strike.

    Per contract: row (its place among the strikes), is_call, is_standard and `numbers`: open_interest and volume (NaN
    where the feed has none), multiplier, what gamma is priced from, greeks (NaN where there is no volatility), and the
    positions that are given. `strikes` has one row per (expiry_ts, root, strike), `strike` its price in USD; `series`
    is the place of a strike's (expiry_ts, root) among them, `level` that of its price among the distinct `levels`.
    """

    spot: float
    row: Ints
    is_call: Bools
    is_standard: Bools
    numbers: Mapping[str, Floats]
    strikes: pl.DataFrame
    strike: Floats
    series: Ints
    levels: Floats
    level: Ints
    expiry_dates: NDArray[np.datetime64]

    @property
    def series_count(self) -> int:
        return int(self.series[-1]) + 1 if self.series.size else 0

    def by_side(self, values: Floats) -> Floats:
        """Sums of the contracts' known values per strike, for calls, puts and both: array (values, models, contracts)
        to array (values, 3, models, strikes).

        0 where no such contract is listed, NaN where one is and none of their values is known.
        """
        (count, models, contracts), strikes = values.shape, self.strike.size
        sums, known = np.zeros((2, 3, count * models, strikes))
        flat = np.ascontiguousarray(values.reshape(count * models, contracts))
        implementation("strikes").fill_side_sums(self.row, self.is_call, flat, sums, known)
        sides = (self.is_call, ~self.is_call, np.ones_like(self.is_call))
        is_listed = np.array([np.bincount(self.row[side], minlength=strikes) > 0 for side in sides])
        sums[is_listed[:, None] & (known == 0.0)] = np.nan
        by_value: Floats = sums.reshape(3, count, models, strikes).swapaxes(0, 1)
        return by_value


def book_of(contracts: pl.DataFrame, spot: float, position_columns: Collection[str] = ()) -> Book:
    """Arrays of the contracts that `build_surface` returns, in any order; `position_columns` are taken along."""
    ordered = contracts.sort(*STRIKE_KEY, "option_type")
    names = tuple(dict.fromkeys((*_NUMBERS, *position_columns)))
    arrays = ordered.select(
        *(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in names),
        "is_standard",
        is_call=pl.col("option_type") == "call",
        row=pl.struct(STRIKE_KEY).rle_id().cast(pl.Int64),
        series=pl.struct("expiry_ts", "root").rle_id().cast(pl.Int64),
    )
    row = arrays["row"].to_numpy()
    is_first = np.diff(row, prepend=-1) > 0
    strikes = ordered.select("root", "expiry_date", "expiry_ts", "strike").filter(is_first)
    levels, level = np.unique(arrays["strike"].to_numpy()[is_first], return_inverse=True)
    return Book(
        spot=spot,
        row=row,
        is_call=arrays["is_call"].to_numpy(),
        is_standard=arrays["is_standard"].to_numpy(),
        numbers={name: arrays[name].to_numpy() for name in names},
        strikes=strikes,
        strike=arrays["strike"].to_numpy()[is_first],
        series=arrays["series"].to_numpy()[is_first],
        levels=levels,
        level=level,
        expiry_dates=strikes["expiry_date"].to_numpy().astype("datetime64[D]"),
    )


def quantities(book: Book, dealer_models: tuple[DealerModel, ...], positions: Mapping[DealerModel, str]) -> Floats:
    """Dealers' positions per model and contract, NaN where unknown: the book's column that `positions` names for the
    model, else what the model makes of open interest, else nothing."""
    unknown = np.full(book.row.size, np.nan)

    def held(model: DealerModel) -> Floats:
        if model in positions:
            return book.numbers[positions[model]]
        if is_told_by_open_interest(model):
            return dealer_quantity(book.numbers["open_interest"], book.is_call, model)
        return unknown

    return np.stack([held(model) for model in dealer_models])


def exposures(quantity: Floats, multiplier: Floats, spot: float, greeks: Mapping[str, Floats]) -> dict[str, Floats]:
    """The five measures of each contract.

    Parameters: dealer quantity n and multiplier M per contract, spot S in USD, gamma (per USD), delta,
    vanna_per_volpt and charm_per_day per unit of the underlying; arrays that broadcast. NaN quantities and greeks give
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


def strike_columns(book: Book, quantity: Floats) -> dict[str, Floats]:
    """Per dealer model and strike of the book: call_, put_ and net_ of every measure; open interest, volume and dealer
    quantity by side. `quantity`: (models, contracts); arrays (models, strikes).

    NaN for a side without volatility or position (open interest and volume: without the figure), 0 for one that is not
    listed; net is over what is known, NaN where nothing is.
    """
    found = exposures(quantity, book.numbers["multiplier"], book.spot, book.numbers)
    held = {name: np.broadcast_to(book.numbers[name], quantity.shape) for name in ("open_interest", "volume")}
    values = found | held | {"dealer_quantity": quantity}
    sums = dict(zip(values, book.by_side(np.stack(list(values.values()))), strict=True))
    columns = {f"{side}_{name}": sums[name][i] for i, side in enumerate((*SIDES, "net")) for name in MEASURES}
    rest = [name for name in values if name not in MEASURES]
    return columns | {f"{side}_{name}": sums[name][i] for name in rest for i, side in enumerate(SIDES)}


def strike_exposures(
    book: Book, dealer_models: Mapping[DealerModel, int], columns: Mapping[str, Floats], quantity_unit: QuantityUnit
) -> pl.DataFrame:
    """One row per dealer model and (expiry_ts, root, strike) with the columns of `strike_columns`; NaN becomes null.
    `dealer_models`: the place of each among the columns' rows."""
    keys = pl.concat([book.strikes.clear(), *[book.strikes] * len(dealer_models)], rechunk=True)
    rows = list(dealer_models.values())
    names = [pl.repeat(model, book.strikes.height, dtype=pl.String(), eager=True) for model in dealer_models]
    return keys.hstack(
        [
            pl.concat([pl.Series(dtype=pl.String()), *names], rechunk=True).alias("dealer_model"),
            *(pl.Series(name, values[rows].ravel(), nan_to_null=True) for name, values in columns.items()),
            pl.repeat(quantity_unit, keys.height, dtype=pl.String(), eager=True).alias("quantity_unit"),
        ]
    )


def gross_columns(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Per dealer model and strike gross gamma and charm, call and put without their signs; NaN where the net is."""
    found: dict[str, Floats] = {}
    for name in ("gex_usd_per_1pct", "chex_usd_per_day"):
        call, put = (np.nan_to_num(np.abs(columns[f"{side}_{name}"])) for side in SIDES)
        found[f"gross_{name}"] = np.where(np.isfinite(columns[f"net_{name}"]), call + put, np.nan)
    return found


def scope_totals(
    book: Book, columns: Mapping[str, Floats], quantity: Floats, is_member: Bools
) -> list[dict[str, float | int | None]]:
    """Totals of the member strikes of one scope, by dealer model; strikes without a volatility are in the open interest
    and in contracts_not_counted only, contracts without a position in the latter only. A model that knows no position
    in the scope has nothing but these counts. `columns` as `strike_columns` and `gross_columns` give them for
    `quantity`, `is_member` one flag per strike."""
    contract_in = is_member[book.row]
    has_gamma = contract_in & np.isfinite(book.numbers["gamma"])
    counted = np.count_nonzero(has_gamma & np.isfinite(quantity), axis=1)
    own = places(is_member)
    members = {
        name: values[:, own] if isinstance(own, slice) else np.compress(own, values, axis=1)
        for name, values in columns.items()
    }
    summed = [f"{side}_{name}" for side in (*SIDES, "net") for name in MEASURES]
    sums = {name: _totals(members[name]) for name in (*summed, *_GROSS)}
    market = _market_totals(book, members, contract_in, has_gamma)
    return [
        ({name: float(values[place]) for name, values in sums.items()} | market if is_known else {})
        | {"contracts_counted": int(counted[place]), "contracts_not_counted": int(contract_in.sum() - counted[place])}
        for place, is_known in enumerate(has_positions(book, quantity, is_member))
    ]


def _market_totals(
    book: Book, members: Mapping[str, Floats], contract_in: Bools, has_gamma: Bools
) -> dict[str, float | None]:
    """What all customers hold, whatever the dealer model; None where no contract states its open interest."""
    open_interest = book.numbers["open_interest"]
    names = ("dex_market_usd", "call_open_interest", "put_open_interest")
    if not np.isfinite(open_interest[contract_in]).any():
        return dict.fromkeys(names)
    market = open_interest * book.numbers["multiplier"] * book.spot * book.numbers["delta"]
    delta = float(np.sum(market[has_gamma & np.isfinite(open_interest)]))
    return dict(zip(names, (delta, *(float(_totals(members[name][:1])[0]) for name in names[1:])), strict=True))


def has_positions(book: Book, quantity: Floats, is_member: Bools) -> list[bool]:
    """By dealer model (rows of `quantity`), whether the position in any contract of the member strikes (one flag per
    strike) is known, be it 0."""
    contract_in = is_member[book.row]
    return [bool(np.isfinite(held[contract_in]).any()) for held in quantity]


def _totals(values: Floats) -> Floats:
    """numpy's pairwise sum of each row's values that are not NaN: one fixed order, so equal inputs give equal bits."""
    known = np.isfinite(values)
    if known.all():
        return np.asarray(np.add.reduce(values, axis=1))
    return np.array([np.add.reduce(row[is_known]) for row, is_known in zip(values, known, strict=True)])
