"""One volatility per root, expiry and strike with its source, and the greeks of every live contract (METHODS 2, 3)."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from models import conventions as c
from models.american import de_americanised_vol
from models.black import greeks
from models.conventions import Bools, Floats, Ints
from models.forwards import SnapshotMark
from models.implied_vol import implied_vol
from models.quotes import is_usable, mid

IV_SOURCES = ("solved_mid", "solved_american", "solved_pair", "vendor", "interpolated", "none")
_SERIES = ["expiry_ts", "root"]
_STRIKE = [*_SERIES, "strike"]
_CONTRACT = [
    "contract_id", "root", "expiry_date", "expiry_ts", "settlement", "exercise", "multiplier", "is_standard", "strike",
    "option_type",
]  # fmt: skip
_GREEK_COLUMNS = ["delta", "gamma", "vega_usd_per_volpt", "theta_usd_per_day", "vanna_per_volpt", "charm_per_day"]


def build_surface(
    chain: pl.DataFrame,
    expiry_forwards: pl.DataFrame,
    mark: SnapshotMark,
    *,
    session_date: date,
    american_quotes: c.AmericanQuotes = "european",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Volatilities and greeks of the live contracts, and the surface by expiry.

    Parameters: `chain` the contracts (as `mark_snapshot` takes them, with vendor_iv_frac, last, volume, open_interest,
    contract_id, settlement, exercise, multiplier); `expiry_forwards` and `mark` from `mark_snapshot`. Contracts whose
    series has no forward are left out, and so are expired ones. Series that are not standard get no volatility: their
    deliverable is not one unit of the underlying. `american_quotes` says how mids of American options are inverted
    where a week is left or more; greeks are Black's at either volatility.
    Returns (contracts, expiry_surface). Contracts are sorted by expiry_ts, root, strike, option_type; iv_frac is a
    fraction per year and null, like the greeks, where iv_source is `none`; greeks per unit of the underlying in the
    units of their names. expiry_surface: one row per (root, expiry_ts) with the volatility at K = F (total variance
    linear in ln K, flat outside; null without any) and the contracts by iv_source.
    """
    series = expiry_forwards.select(*_SERIES, "t_years", "discount_factor", "forward")
    live = chain.join(series, on=_SERIES, how="inner").sort(*_STRIKE, "option_type")
    live = live.with_columns(
        is_quote_usable=is_usable(),
        is_crossed=((pl.col("bid") > 0) & (pl.col("ask") > 0) & (pl.col("bid") > pl.col("ask"))).fill_null(value=False),
        underlying_last=pl.lit(mark.underlying_last, dtype=pl.Float64),
        spot=pl.lit(mark.spot),
        spot_source=pl.lit(mark.spot_source),
        days_to_expiry=(pl.col("expiry_date") - session_date).dt.total_days(),
    ).with_columns(mid=pl.when("is_quote_usable").then(mid()))
    strikes = _volatilities(_by_strike(live), mark.spot, american_quotes)
    volatility = strikes.select(*_STRIKE, "iv_frac", "iv_source")
    contracts = live.join(volatility, on=_STRIKE, how="left", maintain_order="left")
    contracts = contracts.with_columns(_greek_series(contracts, mark)).select(
        *_CONTRACT, "bid", "ask", "mid", "last", "volume", "open_interest", "underlying_last", "spot", "spot_source",
        "forward", "discount_factor", "t_years", "days_to_expiry", "iv_frac", "iv_source", "vendor_iv_frac",
        *_GREEK_COLUMNS, "is_quote_usable", "is_crossed",
    )  # fmt: skip
    return contracts, _expiry_surface(contracts, strikes, expiry_forwards, session_date)


def _by_strike(live: pl.DataFrame) -> pl.DataFrame:
    """One row per strike: what is known of its call and its put, side by side."""
    shared = ["is_standard", "exercise", "forward", "discount_factor", "t_years"]
    facts = ["mid", "bid", "ask", "vendor_iv_frac"]
    sides = [
        live.filter(pl.col("option_type") == side).select(
            *_STRIKE, *shared, *(pl.col(fact).cast(pl.Float64).alias(f"{side}_{fact}") for fact in facts)
        )
        for side in ("call", "put")
    ]
    both = sides[0].join(sides[1], on=_STRIKE, how="full", coalesce=True)
    merged = both.with_columns(pl.coalesce(name, f"{name}_right").alias(name) for name in shared)
    return merged.drop(f"{name}_right" for name in shared).sort(_STRIKE)


def _volatilities(strikes: pl.DataFrame, spot: float, american_quotes: c.AmericanQuotes) -> pl.DataFrame:
    """Adds iv_frac and iv_source, rung by rung: each only fills what the ones before it left open."""
    numbers = strikes.select(pl.col(pl.Float64).fill_null(float("nan")))
    value = {name: numbers[name].to_numpy() for name in numbers.columns}
    forward, strike = value["forward"], value["strike"]
    is_call_out = strike >= forward
    is_standard = strikes["is_standard"].to_numpy()
    is_european = (strikes["exercise"] == "european").to_numpy()
    out_mid = np.where(is_call_out, value["call_mid"], value["put_mid"])
    is_far = value["t_years"] >= c.EARLY_EXERCISE_FROM_YEARS
    is_american = ~is_european & is_far & (american_quotes == "de_americanised")
    rungs = [
        (_solve(value, np.where(is_american, np.nan, out_mid), is_call_out), "solved_mid"),
        (_solve_american(value, is_american, spot), "solved_american"),
        (np.where(is_european, _from_pair(value, is_call_out), np.nan), "solved_pair"),
        (_from_vendor(value, is_call_out), "vendor"),
    ]
    iv, source = np.full(strike.size, np.nan), np.full(strike.size, "none", dtype=object)
    for found, name in rungs:
        fills = np.isnan(iv) & np.isfinite(found) & is_standard
        iv, source = np.where(fills, found, iv), np.where(fills, name, source)
    series = strikes.select(pl.struct(_SERIES).rle_id()).to_series().cast(pl.Int64).to_numpy()
    between = _interpolated(series, np.log(strike / forward), iv)
    fills = np.isnan(iv) & np.isfinite(between) & is_standard
    iv, source = np.where(fills, between, iv), np.where(fills, "interpolated", source)
    return strikes.with_columns(
        iv_frac=pl.Series(iv).fill_nan(None), iv_source=pl.Series(source.tolist(), dtype=pl.String)
    )


def _from_pair(value: dict[str, Floats], is_call_out: Bools) -> Floats:
    """From the in-the-money mid, where its time value is above half its spread: below, it is the quote's noise."""
    inner = {f: np.where(is_call_out, value[f"put_{f}"], value[f"call_{f}"]) for f in ("mid", "bid", "ask")}
    discount = value["discount_factor"]
    time_value = inner["mid"] - discount * np.abs(value["forward"] - value["strike"])
    enough = time_value > 0.5 * (inner["ask"] - inner["bid"])
    return np.where(enough, _solve(value, inner["mid"], ~is_call_out), np.nan)


def _solve(value: dict[str, Floats], price: Floats, is_call: Bools) -> Floats:
    shared = {name: value[name] for name in ("forward", "strike", "t_years", "discount_factor")}
    return implied_vol(price, **shared, is_call=is_call)


def _solve_american(value: dict[str, Floats], is_american: Bools, spot: float) -> Floats:
    """From the mid of the side that pays nothing at once: between S and F the other's may be exercise value alone."""
    if not is_american.any():
        return np.full(is_american.size, np.nan)
    is_call = value["strike"] >= spot
    price = np.where(is_american, np.where(is_call, value["call_mid"], value["put_mid"]), np.nan)
    shared = {name: value[name] for name in ("forward", "strike", "t_years", "discount_factor")}
    return de_americanised_vol(price, spot=spot, **shared, is_call=is_call)


def _from_vendor(value: dict[str, Floats], is_call_out: Bools) -> Floats:
    """The vendor's, out-of-the-money side first; at or below its floor it means missing."""
    stated = (value["call_vendor_iv_frac"], value["put_vendor_iv_frac"])
    call, put = (np.where(iv > c.VENDOR_IV_FLOOR_FRAC, iv, np.nan) for iv in stated)
    first, second = np.where(is_call_out, call, put), np.where(is_call_out, put, call)
    return np.where(np.isfinite(first), first, second)


def _interpolated(series: Ints, moneyness: Floats, iv: Floats) -> Floats:
    """Total variance linear in ln(K/F) within a series, flat outside its known strikes; NaN in a series without any."""
    out = np.full_like(iv, np.nan)
    if iv.size == 0:
        return out
    starts = np.flatnonzero(np.diff(series, prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], series.size), strict=True):
        k, v = moneyness[start:end], iv[start:end]
        known = np.isfinite(v)
        if known.any() and not known.all():
            out[start:end] = np.sqrt(np.interp(k, k[known], v[known] ** 2))
    return out


def _greek_series(contracts: pl.DataFrame, mark: SnapshotMark) -> list[pl.Series]:
    names = ("forward", "strike", "t_years", "iv_frac", "discount_factor")
    forward, strike, t, iv, discount = (contracts[n].cast(pl.Float64).fill_null(float("nan")).to_numpy() for n in names)
    found = greeks(
        spot=mark.spot,
        forward=forward,
        strike=strike,
        t_years=t,
        iv_frac=iv,
        discount_factor=discount,
        is_call=(contracts["option_type"] == "call").to_numpy(),
        smooth_carry_frac=mark.smooth_carry_frac,
    )
    columns = {
        "delta": found.delta,
        "gamma": found.gamma,
        "vega_usd_per_volpt": found.vega * c.VOL_POINT,
        "theta_usd_per_day": found.theta / c.DAYS_PER_YEAR,
        "vanna_per_volpt": found.vanna * c.VOL_POINT,
        "charm_per_day": found.charm / c.DAYS_PER_YEAR,
    }
    return [pl.Series(name, array).fill_nan(None) for name, array in columns.items()]


def _expiry_surface(
    contracts: pl.DataFrame, strikes: pl.DataFrame, expiry_forwards: pl.DataFrame, session_date: date
) -> pl.DataFrame:
    counts = contracts.group_by(_SERIES).agg(
        contracts_live=pl.len().cast(pl.Int64),
        **{f"contracts_{s}": (pl.col("iv_source") == s).sum().cast(pl.Int64) for s in IV_SOURCES},
    )
    solved = strikes.filter(pl.col("iv_frac").is_not_null())
    money = [
        {"expiry_ts": key[0], "root": key[1], "atm_iv_frac": _at_the_money(group)}
        for key, group in solved.group_by(_SERIES, maintain_order=True)
    ]
    atm = pl.DataFrame(money, schema={"expiry_ts": pl.Datetime("us"), "root": pl.String(), "atm_iv_frac": pl.Float64()})
    joined = expiry_forwards.join(atm, on=_SERIES, how="left", maintain_order="left")
    joined = joined.join(counts, on=_SERIES, how="left", maintain_order="left")
    joined = joined.with_columns(days_to_expiry=(pl.col("expiry_date") - session_date).dt.total_days())
    return joined.select(
        "root", "expiry_date", "expiry_ts", "forward", "forward_source", "carry_frac", "discount_factor", "t_years",
        "days_to_expiry", "atm_iv_frac", "parity_pairs", "contracts_live", *(f"contracts_{s}" for s in IV_SOURCES),
    )  # fmt: skip


def _at_the_money(group: pl.DataFrame) -> float:
    moneyness = np.log(group["strike"].to_numpy() / group["forward"].to_numpy())
    return float(np.sqrt(np.interp(0.0, moneyness, group["iv_frac"].to_numpy() ** 2)))
