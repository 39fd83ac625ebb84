"""Premium that takers pay and receive by minute, its delta, and which minutes stand out (METHODS 7, PREMFLOW)."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl

from models import conventions as c
from models.black import greeks
from models.conventions import Bools, Floats, Ints

_SERIES = ["option_type", "taker_side", "flow_class"]
_KEY = ["minute_ts", *_SERIES]
PREMIUM_SCHEMA = pl.Schema({
    "minute_ts": pl.Datetime("us"), "option_type": pl.String(), "taker_side": pl.String(), "flow_class": pl.String(),
    "known_at": pl.Datetime("us"), "premium_usd": pl.Float64(), "quantity": pl.Float64(), "trades": pl.Int64(),
    "trades_without_premium": pl.Int64(), "delta_usd": pl.Float64(), "trades_without_delta": pl.Int64(),
    "is_spike": pl.Boolean(),
})  # fmt: skip
_TRAILING_MINUTES = c.SPIKE_TRAILING_HOURS * 60
_APART = 1 << 40  # more minutes than any two instants are apart, so that series do not run into each other


def premium_flow(
    trades: pl.DataFrame,
    *,
    multiplier: float = 1.0,
    basis: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    spike_floor_usd: float = c.SPIKE_FLOOR_USD,
) -> pl.DataFrame:
    """Premium, quantity and delta by minute, option type, taker side and flow class.

    Parameters: `trades`, each once and in any order: trade_ts, known_at, root, expiry_ts, strike, option_type,
    taker_side (other than buy and sell is unknown), flow_class, quantity, price_usd (per unit of the underlying; of an
    inverse option price in coins x its own index), index_price S in USD and vendor_iv_frac, the last three possibly
    null or NaN; `multiplier` units of the underlying per contract (1 where quantities are coins, 100 for US options);
    `basis` snapshot_ts, root, expiry_ts and forward_over_spot b = F/S of earlier chains, whose last one at or before a
    trade counts (1 without any); `history` rows of this function up to the first minute, for `is_spike`.
    Returns rows of PREMIUM_SCHEMA sorted by minute_ts, option_type, taker_side, flow_class. minute_ts is the start of
    the minute. premium_usd = sum of price x quantity x multiplier. delta_usd = sum of +- quantity x multiplier x
    delta x S, plus where the taker bought: Black's delta with respect to the forward S b at the trade's own volatility
    and time. Both are over the trades that have them, null where none has, and the others are counted; the delta of a
    trade of unknown side is unknown. `is_spike`: premium above `spike_floor_usd` and above median + 8 robust deviations
    (1.4826 x median absolute deviation) of the same series over the minutes of the 24 hours before in which it traded;
    null with fewer than 20 of these. Sums are rounded once, so the order of trades does not matter.
    """
    ordered = trades.sort("trade_ts")
    told = ordered.select(
        *_SERIES, "known_at", minute_ts=pl.col("trade_ts").dt.truncate("1m"), quantity=_finite("quantity"),
        premium=_finite("price_usd") * _finite("quantity") * multiplier,
    )  # fmt: skip
    is_known_side = pl.col("taker_side").is_in(["buy", "sell"]).fill_null(value=False)
    told = told.with_columns(
        taker_side=pl.when(is_known_side).then("taker_side").otherwise(pl.lit("unknown")),
        delta=_delta_usd(ordered, multiplier, basis),
    )
    values = ("premium", "quantity", "delta")
    rows = told.group_by(_KEY).agg(
        pl.col("known_at").max(), *(pl.col(name).drop_nulls() for name in values), trades=pl.len().cast(pl.Int64)
    )
    rows = rows.with_columns(
        premium_usd=_sums(rows["premium"]),
        quantity=_sums(rows["quantity"]),
        delta_usd=_sums(rows["delta"]),
        trades_without_premium=pl.col("trades") - pl.col("premium").list.len().cast(pl.Int64),
        trades_without_delta=pl.col("trades") - pl.col("delta").list.len().cast(pl.Int64),
    ).sort(_KEY)
    return _with_spikes(rows, history, spike_floor_usd).select(list(PREMIUM_SCHEMA)).cast(PREMIUM_SCHEMA)


def zero_dte_flow(
    trades: pl.DataFrame,
    *,
    session_date: date | None = None,
    multiplier: float = 1.0,
    basis: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    spike_floor_usd: float = c.SPIKE_FLOOR_USD,
) -> pl.DataFrame:
    """`premium_flow` of the trades alone that expire on the same day (METHODS 7).

    Parameters: those of `premium_flow` and of `zero_dte_trades`: `trades`, any number of them and in any order, with
    the columns that both name; `session_date` the exchange session of US trades, None for coin venues; `history`
    earlier rows of this function. Returns rows of PREMIUM_SCHEMA, none where no trade expires on the same day:
    premium_usd and delta_usd in USD, quantity in the trades' unit. A NaN or null price, index or volatility makes no
    sum NaN: its trade is left out of that sum and counted.
    """
    same_day = zero_dte_trades(trades, session_date=session_date)
    return premium_flow(same_day, multiplier=multiplier, basis=basis, history=history, spike_floor_usd=spike_floor_usd)


def zero_dte_trades(trades: pl.DataFrame, *, session_date: date | None = None) -> pl.DataFrame:
    """The trades in contracts that expire on the same day, in their order.

    Parameters: `trades` with trade_ts, expiry_ts and expiry_date; `session_date` the exchange session of US trades,
    whose expiry_date has to be that date. Without it, coin venues: the contract expires at the next 08:00 UTC after the
    trade, for the day rolls at 08:00; one at 08:00 itself looks 24 hours ahead.
    """
    if session_date is not None:
        return trades.filter(pl.col("expiry_date") == session_date)
    shift = pl.duration(hours=c.COIN_EXPIRY_HOUR)
    next_roll = (pl.col("trade_ts") - shift).dt.truncate("1d") + pl.duration(days=1) + shift
    return trades.filter(pl.col("expiry_ts") == next_roll)


def _finite(name: str) -> pl.Expr:
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.is_finite()).then(value)


def _sums(lists: pl.Series) -> pl.Series:
    """Correctly rounded sum of each list, null of an empty one."""
    return pl.Series([math.fsum(values) if values else None for values in lists.to_list()], dtype=pl.Float64)


def _delta_usd(trades: pl.DataFrame, multiplier: float, basis: pl.DataFrame | None) -> pl.Series:
    """Delta that each trade gave its taker in USD, in the order of trade_ts; null where it cannot be told."""
    stated, iv = _numbers(trades, "index_price"), _numbers(trades, "vendor_iv_frac")
    spot = np.where(stated > 0.0, stated, np.nan)
    seconds = (trades["expiry_ts"] - trades["trade_ts"]).dt.total_microseconds().cast(pl.Float64).to_numpy() / 1e6
    delta = greeks(
        spot=spot,
        forward=spot * _basis(trades, basis),
        strike=_numbers(trades, "strike"),
        t_years=seconds / c.SECONDS_PER_YEAR,
        iv_frac=np.where(iv > c.VENDOR_IV_FLOOR_FRAC, iv, np.nan),
        discount_factor=1.0,
        is_call=(trades["option_type"] == "call").to_numpy(),
        is_delta_of_forward=True,
    ).delta
    side = trades.select(
        pl.when(pl.col("taker_side") == "buy").then(1.0).when(pl.col("taker_side") == "sell").then(-1.0)
    ).to_series()
    signed = side.fill_null(float("nan")).to_numpy() * _numbers(trades, "quantity") * multiplier * delta * spot
    return pl.Series(np.where(np.isfinite(signed), signed, np.nan), dtype=pl.Float64).fill_nan(None)


def _basis(trades: pl.DataFrame, basis: pl.DataFrame | None) -> Floats | float:
    """F/S of each trade's expiry in the last chain at or before it."""
    if basis is None or basis.is_empty():
        return 1.0
    known = basis.select("root", "expiry_ts", "snapshot_ts", b=_finite("forward_over_spot")).drop_nulls()
    found = trades.select("root", "expiry_ts", "trade_ts").join_asof(
        known.sort("snapshot_ts"), left_on="trade_ts", right_on="snapshot_ts", by=["root", "expiry_ts"],
        check_sortedness=False,
    )  # fmt: skip
    return found["b"].fill_null(1.0).to_numpy()


def _numbers(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _with_spikes(rows: pl.DataFrame, history: pl.DataFrame | None, floor_usd: float) -> pl.DataFrame:
    """Adds is_spike: every series' minutes in a row, earlier ones first, each judged by those before it."""
    columns = [*_KEY, "premium_usd"]
    minutes = [rows.select(*columns, is_asked=pl.lit(value=True))]
    if history is not None and not rows.is_empty():
        before = history.filter(pl.col("minute_ts") < rows["minute_ts"].min())
        minutes.append(before.select(*columns, is_asked=pl.lit(value=False)))
    known = pl.concat(minutes).drop_nulls("premium_usd").sort(*_SERIES, "minute_ts")
    series = known.select(pl.struct(_SERIES).rle_id()).to_series().cast(pl.Int64).to_numpy()
    minute = known["minute_ts"].dt.epoch("s").to_numpy() // 60
    premium, is_asked = known["premium_usd"].to_numpy(), known["is_asked"].to_numpy()
    first = np.searchsorted(series * _APART + minute, series * _APART + minute - _TRAILING_MINUTES)
    is_spike = _judged(premium, first, is_asked, floor_usd)
    judged = known.with_columns(is_spike=pl.Series(is_spike, dtype=pl.Boolean)).filter("is_asked")
    return rows.join(judged.select(*_KEY, "is_spike"), on=_KEY, how="left", maintain_order="left")


def _judged(premium: Floats, first: Ints, is_asked: Bools, floor_usd: float) -> list[bool | None]:
    """For each place whether it stands out from the values of `first` up to itself; None where these are too few."""
    has_enough = np.arange(premium.size) - first >= c.SPIKE_FEWEST_MINUTES
    found: list[bool | None] = [False if enough else None for enough in has_enough.tolist()]
    above = is_asked & (premium > floor_usd) & has_enough
    for place in np.flatnonzero(above):
        trailing = premium[first[place] : place]
        centre = np.median(trailing)
        deviation = c.ROBUST_DEVIATION_PER_MAD * np.median(np.abs(trailing - centre))
        found[place] = bool(premium[place] > centre + c.SPIKE_DEVIATIONS * deviation)
    return found
