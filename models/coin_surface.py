"""Volatilities and greeks of coin-settled chains: the venue's own forward and volatility, row by row (METHODS 2, 3)."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from models import conventions as c
from models.black import greeks
from models.conventions import Floats, Ints
from models.quotes import is_usable, mid
from models.surface import IV_SOURCES

_SNAPSHOT = ["snapshot_ts", "source"]
_SERIES = [*_SNAPSHOT, "expiry_ts", "root"]
_VENDOR, _INTERPOLATED, _NONE = (IV_SOURCES.index(name) for name in ("vendor", "interpolated", "none"))
_PRICES = ("bid", "ask", "last", "mark")
_CONTRACT_COLUMNS = [
    *_SNAPSHOT, "contract_id", "root", "expiry_date", "expiry_ts", "settlement", "exercise", "multiplier",
    "is_standard", "strike", "option_type", "bid", "ask", "mid", "last", "volume", "open_interest", "underlying_last",
    "spot", "spot_source", "forward", "discount_factor", "t_years", "days_to_expiry", "iv_frac", "iv_source",
    "vendor_iv_frac", "delta", "gamma", "vega_usd_per_volpt", "theta_usd_per_day", "vanna_per_volpt", "charm_per_day",
    "is_quote_usable", "is_crossed", "mark", "is_inverse",
]  # fmt: skip
_EXPIRY_COLUMNS = [
    *_SNAPSHOT, "root", "expiry_date", "expiry_ts", "forward", "forward_source", "carry_frac", "discount_factor",
    "t_years", "days_to_expiry", "atm_iv_frac", "parity_pairs", "contracts_live",
    *(f"contracts_{name}" for name in IV_SOURCES),
]  # fmt: skip


def coin_surface(chain: pl.DataFrame, *, session_date: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Volatilities and greeks of every live contract of all given snapshots, and the surface by expiry.

    Parameters: `chain` one row per contract and snapshot: snapshot_ts, source, contract_id, root, expiry_date,
    expiry_ts, strike in USD, option_type, is_inverse, bid, ask, last, mark (coins if inverse, else USD; 0 or null is no
    quote), volume, open_interest, vendor_iv_frac, forward (the venue's of that expiry, USD), spot (of the row's
    snapshot, USD), and spot_source, which is taken for `index` where there is no such column. Numbers may be null or
    NaN. Contracts that have expired by their snapshot are left out.
    Returns (contracts, expiry_surface) with the columns of `build_surface` after snapshot_ts and source; contracts
    also have mark (USD) and is_inverse. Sorted by snapshot_ts, source, expiry_ts, root, strike, option_type.
    D = 1, c = 0, delta counts forwards; each row has its own forward, else the median of its expiry in its snapshot.
    iv_source: `vendor`, the row's own volatility above the vendors' floor; `interpolated`, that of the strike's other
    side, else total variance linear in ln(K/F) between the expiry's strikes (out-of-the-money side first), flat
    outside; else `none`. An expiry without any forward has no volatility, no greeks, forward_source `none`, and inverse
    options of it no price in USD, for that is coins x forward. Without a spot there is no gamma.
    Source: Black 1976 as METHODS 3 has it for coin-settled venues.
    """
    rows = _prepared(chain, session_date)
    series = rows["series"].to_numpy()
    starts = np.flatnonzero(np.diff(series, prepend=-1))
    iv, source, at_the_money = _volatilities(rows, series, starts)
    contracts = rows.with_columns(
        iv_frac=pl.Series(iv, dtype=pl.Float64).fill_nan(None),
        iv_source=pl.Series(IV_SOURCES, dtype=pl.String).gather(source),
    )
    contracts = contracts.with_columns(_greek_series(contracts))
    return contracts.select(_CONTRACT_COLUMNS), _expiry_surface(contracts[starts], series, source, at_the_money)


def _prepared(chain: pl.DataFrame, session_date: date) -> pl.DataFrame:
    """Live contracts in order, with forwards, prices in USD, times, and the number of their series."""
    live = chain.filter(pl.col("expiry_ts") > pl.col("snapshot_ts"))
    if "spot_source" not in live.columns:
        live = live.with_columns(spot_source=pl.lit("index"))
    live = live.sort(*_SERIES, "strike", "option_type").with_columns(
        _positive("forward"),
        _positive("spot"),
        pl.col("vendor_iv_frac").fill_nan(None),
        series=pl.struct(_SERIES).rle_id().cast(pl.Int64),
    )
    live = live.with_columns(expiry_forward=pl.col("forward").median().over("series"))
    live = live.with_columns(forward=pl.coalesce("forward", "expiry_forward"))
    in_usd = pl.when("is_inverse").then("forward").otherwise(1.0)
    live = live.with_columns(pl.col(price).cast(pl.Float64).fill_nan(None) * in_usd for price in _PRICES)
    has_both = (pl.col("bid") > 0) & (pl.col("ask") > 0)
    return live.with_columns(
        settlement=pl.lit("utc_0800"),
        exercise=pl.lit("european"),
        multiplier=pl.lit(1.0),
        is_standard=pl.lit(value=True),
        discount_factor=pl.lit(1.0),
        underlying_last=pl.when(pl.col("spot_source") == "index").then("spot"),
        t_years=(pl.col("expiry_ts") - pl.col("snapshot_ts")).dt.total_microseconds() / 1e6 / c.SECONDS_PER_YEAR,
        days_to_expiry=(pl.col("expiry_date") - session_date).dt.total_days(),
        is_quote_usable=is_usable(),
        is_crossed=(has_both & (pl.col("bid") > pl.col("ask"))).fill_null(value=False),
    ).with_columns(mid=pl.when("is_quote_usable").then(mid()))


def _positive(name: str) -> pl.Expr:
    value = pl.col(name).cast(pl.Float64).fill_nan(None)
    return pl.when((value > 0) & value.is_finite()).then(value).alias(name)


def _numbers(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _volatilities(rows: pl.DataFrame, series: Ints, starts: Ints) -> tuple[Floats, Ints, Floats]:
    """Volatility and place of its source in IV_SOURCES for every row, and the volatility at K = F of every series."""
    strike, forward = _numbers(rows, "strike"), _numbers(rows, "expiry_forward")
    vendor = _numbers(rows, "vendor_iv_frac")
    is_told = (vendor > c.VENDOR_IV_FLOOR_FRAC) & np.isfinite(vendor) & np.isfinite(forward)
    own = np.where(is_told, vendor, np.nan)
    is_new = (np.diff(series, prepend=-1) != 0) | (np.diff(strike, prepend=np.nan) != 0)
    of_strike, first = np.cumsum(is_new) - 1, np.flatnonzero(is_new)
    is_call = (rows["option_type"] == "call").to_numpy()
    call, put = np.full(first.size, np.nan), np.full(first.size, np.nan)
    call[of_strike[is_call]], put[of_strike[~is_call]] = own[is_call], own[~is_call]
    is_call_out = strike[first] >= forward[first]
    outer, inner = np.where(is_call_out, call, put), np.where(is_call_out, put, call)
    at_strike = np.where(np.isfinite(outer), outer, inner)
    moneyness = np.log(strike[first] / forward[first])
    filled, at_the_money = _filled(series[first], moneyness, at_strike, starts.size)
    iv = np.where(np.isfinite(own), own, filled[of_strike])
    source = np.where(np.isfinite(own), _VENDOR, np.where(np.isfinite(iv), _INTERPOLATED, _NONE))
    return iv, source, at_the_money


def _filled(series: Ints, moneyness: Floats, iv: Floats, count: int) -> tuple[Floats, Floats]:
    """The volatilities of strikes in order of series and ln(K/F) with the gaps filled, and each series' at K = F."""
    is_known = np.isfinite(iv)
    known = (series[is_known], moneyness[is_known], iv[is_known] ** 2)
    below = np.cumsum(is_known) - 1
    filled = np.where(is_known, iv, _between(known, below, series, moneyness))
    ends = np.cumsum(np.bincount(known[0], minlength=count))
    above_money = np.bincount(known[0], weights=known[1] > 0.0, minlength=count).astype(np.int64)
    return filled, _between(known, ends - above_money - 1, np.arange(count), np.zeros(count))


def _between(known: tuple[Ints, Floats, Floats], below: Ints, series: Ints, moneyness: Floats) -> Floats:
    """Volatility at the moneyness, total variance linear between two known points of the series, flat outside.

    `known`: series, moneyness and variance of the points, in order; `below`: the last point at or before each place,
    which may be of an earlier series.
    """
    out = np.full(series.size, np.nan)
    if known[0].size == 0:
        return out
    left, right = np.maximum(below, 0), np.minimum(below + 1, known[0].size - 1)
    has_left = (below >= 0) & (known[0][left] == series)
    has_right = (below + 1 < known[0].size) & (known[0][right] == series)
    left, right = np.where(has_left, left, right), np.where(has_right, right, left)
    span = known[1][right] - known[1][left]
    share = np.divide(moneyness - known[1][left], span, out=np.zeros(series.size), where=span > 0)
    variance = known[2][left] + share * (known[2][right] - known[2][left])
    return np.where(has_left | has_right, np.sqrt(variance), out)


def _greek_series(contracts: pl.DataFrame) -> list[pl.Series]:
    found = greeks(
        spot=_numbers(contracts, "spot"),
        forward=_numbers(contracts, "forward"),
        strike=_numbers(contracts, "strike"),
        t_years=_numbers(contracts, "t_years"),
        iv_frac=_numbers(contracts, "iv_frac"),
        discount_factor=1.0,
        is_call=(contracts["option_type"] == "call").to_numpy(),
        is_delta_of_forward=True,
    )
    columns = {
        "delta": found.delta,
        "gamma": found.gamma,
        "vega_usd_per_volpt": found.vega * c.VOL_POINT,
        "theta_usd_per_day": found.theta / c.DAYS_PER_YEAR,
        "vanna_per_volpt": found.vanna * c.VOL_POINT,
        "charm_per_day": found.charm / c.DAYS_PER_YEAR,
    }
    return [pl.Series(name, array, dtype=pl.Float64).fill_nan(None) for name, array in columns.items()]


def _expiry_surface(heads: pl.DataFrame, series: Ints, source: Ints, at_the_money: Floats) -> pl.DataFrame:
    """One row per series; `heads` the first contract of each, the other arrays by contract and by series."""
    counts = {
        f"contracts_{name}": pl.Series(np.bincount(series[source == place], minlength=heads.height), dtype=pl.Int64)
        for place, name in enumerate(IV_SOURCES)
    }
    has_forward = pl.col("expiry_forward").is_not_null()
    return heads.with_columns(
        forward="expiry_forward",
        forward_source=pl.when(has_forward).then(pl.lit("venue")).otherwise(pl.lit("none")),
        carry_frac=pl.lit(None, dtype=pl.Float64),
        atm_iv_frac=pl.Series(at_the_money, dtype=pl.Float64).fill_nan(None),
        parity_pairs=pl.lit(0, dtype=pl.Int64),
        contracts_live=pl.Series(np.bincount(series, minlength=heads.height), dtype=pl.Int64),
        **counts,
    ).select(_EXPIRY_COLUMNS)
