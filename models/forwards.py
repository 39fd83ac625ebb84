"""Forwards of every live expiry, the spot that goes with them, and the smooth carry (METHODS 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl

from models import conventions as c
from models.american_parity import early_exercise_premiums
from models.conventions import Bools, Floats, Ints
from models.discount import discount_factor
from models.parity import nearest_pairs, parity_forward
from models.quotes import is_usable, mid

Curve = tuple[Floats, Floats]  # tenor_years, zero_rate_frac
Carry = tuple[Floats, Floats]  # t_years, carry_frac


class NoSpot(ValueError):
    """Neither the vendor nor put-call parity says at what price the underlying stood."""


@dataclass(frozen=True, slots=True)
class SnapshotMark:
    """What holds for the whole snapshot: the spot used and where it comes from, smooth carry, discounting."""

    spot: float
    spot_source: Literal["underlying_last", "parity_spot"]
    underlying_last: float | None
    parity_spot: float | None
    smooth_carry_frac: float
    smooth_carry_source: Literal["parity_slope", "default", "none"]
    discount_source: Literal["treasury", "none"]
    expiries_live: int


def mark_snapshot(
    chain: pl.DataFrame,
    *,
    snapshot_ts: datetime,
    spot_last: float | None,
    curve: Curve | None,
    default_carry_frac: float,
    stored_carry: Carry | None = None,
    spot_rule: c.SpotRule = "parity_checked",
    has_smooth_carry: bool = True,
    american_quotes: c.AmericanQuotes = "european",
) -> tuple[pl.DataFrame, SnapshotMark]:
    """Forwards by root and expiry, and the marks of the snapshot.

    Parameters: `chain` one row per contract (root, expiry_date, expiry_ts, strike, option_type, exercise, bid, ask,
    is_standard; 0 or null is no quote), rows that have expired are left out; `spot_last` the vendor's last in USD or
    None; `curve` zero rates or None for r = 0; `stored_carry` (T, q) of an earlier session's parity expiries;
    `american_quotes` `de_americanised` takes what early exercise adds out of American quotes before parity, where a
    week is left or more: in the last days a spot that is late by a few basis points would pass for carry.
    Returns one row per live (root, expiry_ts), ascending in expiry_ts and root: root, expiry_date, expiry_ts, t_years,
    discount_factor, zero_rate_frac, forward, forward_source (parity | carry | stored | default), carry_frac and
    parity_pairs.
    Raises NoSpot when neither the vendor nor parity gives a spot.
    """
    expiries, live = _live_expiries(chain, snapshot_ts)
    t = expiries["t_years"].to_numpy()
    discount = np.ones_like(t) if curve is None else discount_factor(curve[0], curve[1], t)
    rate = -np.log(discount) / t
    quotes = _parity_quotes(live, discount.size)
    early, rounds = np.zeros(quotes.height), 0
    if american_quotes == "de_americanised" and quotes["is_american"].any():
        rounds = c.EARLY_EXERCISE_ROUNDS
    for done in range(rounds + 1):
        forward, pairs = _parity_forwards(quotes, early, discount)
        smooth, smooth_source = _smooth_carry(t, forward, curve, default_carry_frac, has_smooth_carry=has_smooth_carry)
        parity_spot = _parity_spot(t, forward, smooth)
        spot, spot_source = _spot(spot_last, parity_spot, spot_rule)
        if done < rounds:
            early = _early_exercise(quotes, spot, forward, t, discount)
    has_parity = np.isfinite(forward)
    carry, source = _carry(t, rate - np.log(forward / spot) / t, stored_carry, default_carry_frac)
    forward = np.where(has_parity, forward, spot * np.exp((rate - carry) * t))
    frame = expiries.with_columns(
        discount_factor=pl.Series(discount),
        zero_rate_frac=pl.Series(rate),
        forward=pl.Series(forward),
        forward_source=pl.Series(np.where(has_parity, "parity", source).tolist(), dtype=pl.String),
        carry_frac=pl.Series(carry),
        parity_pairs=pl.Series(pairs, dtype=pl.Int64),
    )
    mark = SnapshotMark(
        spot=spot,
        spot_source=spot_source,
        underlying_last=_given(spot_last),
        parity_spot=_given(parity_spot),
        smooth_carry_frac=smooth,
        smooth_carry_source=smooth_source,
        discount_source="none" if curve is None else "treasury",
        expiries_live=expiries["expiry_ts"].n_unique(),
    )
    return frame, mark


def carry_to_store(expiry_forwards: pl.DataFrame, *, spot: float, parity_spot: float | None) -> Carry | None:
    """(T, q) of the parity expiries, the `stored_carry` of later sessions; None when no expiry has parity.

    Here q is measured from `parity_spot` where there is one. The distance of that day's `spot` from the quotes (a late
    print, an index lag) is no carry: divided by a short T it would shift another day's forwards by as much.
    """
    parity = expiry_forwards.filter(pl.col("forward_source") == "parity")
    t, carry = parity["t_years"].to_numpy(), parity["carry_frac"].to_numpy()
    return _usable_carry(t, carry if parity_spot is None else carry + np.log(parity_spot / spot) / t)


def _live_expiries(chain: pl.DataFrame, snapshot_ts: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The live (root, expiry) series with T, and the live rows with `series`, the place of theirs in that frame."""
    live = chain.filter(pl.col("expiry_ts") > snapshot_ts)
    keys = ["expiry_ts", "root", "expiry_date"]
    seconds = (pl.col("expiry_ts") - snapshot_ts).dt.total_microseconds() / 1e6
    expiries = live.select(keys).unique().sort(keys).with_row_index("series")
    expiries = expiries.with_columns(t_years=seconds / c.SECONDS_PER_YEAR)
    rows = live.join(expiries.select("series", *keys), on=keys, how="left", maintain_order="left")
    columns = ["root", "expiry_date", "expiry_ts", "t_years"]
    return expiries.select(columns), rows


def _parity_quotes(live: pl.DataFrame, series_count: int) -> pl.DataFrame:
    """The pairs of call and put that tell the forward of their series; only standard contracts obey parity."""
    quotes = live.filter(is_usable() & pl.col("is_standard")).select(
        "series", "strike", "option_type", "exercise", mid=mid(), spread=pl.col("ask") - pl.col("bid")
    )
    sides = [quotes.filter(pl.col("option_type") == side).drop("option_type") for side in ("call", "put")]
    both = sides[0].join(sides[1], on=["series", "strike"], suffix="_put").sort("series", "strike")
    series, strike, call, put = (both[name].to_numpy() for name in ("series", "strike", "mid", "mid_put"))
    bounds = np.searchsorted(series, np.arange(series_count + 1))
    near = [start + nearest_pairs(strike[start:end], (call - put)[start:end]) for start, end in pairwise(bounds)]
    chosen = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *near]))
    return both[chosen].select(
        "series", "strike", "mid", "mid_put", spread=pl.col("spread") + pl.col("spread_put"),
        is_american=pl.col("exercise") == "american",
    )  # fmt: skip


def _parity_forwards(quotes: pl.DataFrame, early: Floats, discount: Floats) -> tuple[Floats, Ints]:
    """Parity forward and number of pairs for every series. `early`: what early exercise adds to calls less puts."""
    forward, pairs = np.full(discount.size, np.nan), np.zeros(discount.size, dtype=np.int64)
    strike, call, put, spread = (quotes[name].to_numpy() for name in ("strike", "mid", "mid_put", "spread"))
    bounds = np.searchsorted(quotes["series"].to_numpy(), np.arange(discount.size + 1))
    for i, (start, end) in enumerate(pairwise(bounds)):
        part = slice(start, end)
        forward[i], pairs[i] = parity_forward(
            strike[part], call[part] - early[part], put[part], spread[part], float(discount[i])
        )
    return forward, pairs


def _early_exercise(quotes: pl.DataFrame, spot: float, forward: Floats, t: Floats, discount: Floats) -> Floats:
    """What early exercise adds to the call less the put of each pair, in USD; 0 for European ones and the last days."""
    series = quotes["series"].to_numpy()
    call, put = early_exercise_premiums(
        quotes["mid"].to_numpy(), quotes["mid_put"].to_numpy(), spot=spot, forward=forward[series],
        strike=quotes["strike"].to_numpy(), t_years=t[series], discount_factor=discount[series],
    )  # fmt: skip
    is_worth_it = quotes["is_american"].to_numpy() & (t[series] >= c.EARLY_EXERCISE_FROM_YEARS)
    return np.where(is_worth_it, call - put, 0.0)


def _smooth_carry(
    t: Floats, forward: Floats, curve: Curve | None, default_carry_frac: float, *, has_smooth_carry: bool
) -> tuple[float, Literal["parity_slope", "default", "none"]]:
    """Slope of ln F on T over parity expiries from 20 days to a year, else the 30-day zero rate less the default q."""
    if not has_smooth_carry:
        return 0.0, "none"
    used = np.isfinite(forward) & (t >= c.SMOOTH_CARRY_FROM_YEARS) & (t <= c.SMOOTH_CARRY_TO_YEARS)
    if int(used.sum()) >= c.FEWEST_SMOOTH_CARRY_EXPIRIES and np.ptp(t[used]) > 0:
        centred = t[used] - t[used].mean()
        return float(np.sum(centred * np.log(forward[used])) / np.sum(centred * centred)), "parity_slope"
    month = c.SMOOTH_CARRY_DEFAULT_YEARS
    rate = 0.0 if curve is None else float(-np.log(discount_factor(curve[0], curve[1], np.array([month]))[0]) / month)
    return rate - default_carry_frac, "default"


def _parity_spot(t: Floats, forward: Floats, smooth_carry: float) -> float:
    """Median of the forwards carried back to now, over the shortest parity expiries; NaN without any."""
    near = np.flatnonzero(np.isfinite(forward) & (t <= c.PARITY_SPOT_WITHIN_YEARS))[: c.PARITY_SPOT_EXPIRIES]
    return float(np.median(forward[near] * np.exp(-smooth_carry * t[near]))) if near.size else float("nan")


def _spot(
    spot_last: float | None, parity_spot: float, spot_rule: c.SpotRule
) -> tuple[float, Literal["underlying_last", "parity_spot"]]:
    has_last = spot_last is not None and np.isfinite(spot_last) and spot_last > 0
    if has_last and spot_last is not None:
        is_off = spot_rule == "parity_checked" and abs(parity_spot / spot_last - 1.0) > c.SPOT_TOLERANCE_FRAC
        return (parity_spot, "parity_spot") if is_off else (float(spot_last), "underlying_last")
    if np.isfinite(parity_spot) and spot_rule == "parity_checked":
        return parity_spot, "parity_spot"
    if spot_rule == "vendor":
        raise NoSpot("the page states no last price, and parity does not give the spot of this underlying")
    raise NoSpot("the page states no last price and no expiry within 30 days has put-call parity")


def _carry(
    t: Floats, parity_carry: Floats, stored: Carry | None, default_carry_frac: float
) -> tuple[Floats, Literal["carry", "stored", "default"]]:
    """q of every expiry, and the rung of the ladder on which those without parity stand."""
    known = _usable_carry(t, parity_carry)
    rung: Literal["carry", "stored", "default"] = "carry"
    if known is None:
        known, rung = (stored, "stored") if stored is not None and stored[0].size else (None, "default")
    if known is None:
        return np.full_like(t, default_carry_frac), rung
    return np.where(np.isfinite(parity_carry), parity_carry, np.interp(t, known[0], known[1])), rung


def _usable_carry(t: Floats, carry: Floats) -> Carry | None:
    """Carry points from a week on, for a basis point of spot is many per cent of q a day ahead; any, if none is."""
    known: Bools = np.isfinite(carry)
    far = known & (t >= c.CARRY_FROM_YEARS)
    chosen = far if far.any() else known
    order = np.argsort(t[chosen], kind="stable")
    return (t[chosen][order], carry[chosen][order]) if chosen.any() else None


def _given(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
