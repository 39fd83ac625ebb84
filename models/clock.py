"""Whether a page's own volatilities agree with the instant that its header claims (METHODS 1)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from models.conventions import DAYS_PER_YEAR, VENDOR_IV_FLOOR_FRAC
from models.forwards import Curve, NoSpot, mark_snapshot
from models.implied_vol import implied_vol
from models.quotes import is_usable, mid

_FROM_DAYS, _TO_DAYS = 4.0, 60.0


def header_clock_offset_days(
    chain: pl.DataFrame,
    *,
    snapshot_ts: datetime,
    spot_last: float | None,
    curve: Curve | None,
    default_carry_frac: float,
) -> float:
    """Days by which the vendor's time to expiry exceeds ours: median of T (iv_solved/iv_vendor)^2 - T.

    A price fixes iv^2 T, so a vendor who counts from another instant states another iv. One value per series of 4 to
    60 days with a parity forward, at the strike nearest F whose call and put both have a usable quote and a vendor
    volatility; both sides are averaged, for a forward that differs from ours moves them in opposite directions.
    Parameters as in `mark_snapshot`. NaN when no series can be compared.
    """
    try:
        forwards, _ = mark_snapshot(
            chain, snapshot_ts=snapshot_ts, spot_last=spot_last, curve=curve, default_carry_frac=default_carry_frac
        )
    except NoSpot:
        return float("nan")
    days = pl.col("t_years") * DAYS_PER_YEAR
    tested = forwards.filter((pl.col("forward_source") == "parity") & days.is_between(_FROM_DAYS, _TO_DAYS))
    pairs = _money_pairs(chain, tested)
    if pairs.is_empty():
        return float("nan")
    value = {name: pairs[name].to_numpy() for name in pairs.columns if pairs[name].dtype == pl.Float64()}
    shared = {name: value[name] for name in ("forward", "strike", "t_years", "discount_factor")}
    is_call = np.ones(pairs.height, dtype=bool)
    call_iv = implied_vol(value["mid"], **shared, is_call=is_call)
    solved = (call_iv + implied_vol(value["mid_put"], **shared, is_call=~is_call)) / 2
    vendor = (value["vendor_iv_frac"] + value["vendor_iv_frac_put"]) / 2
    offset = value["t_years"] * ((solved / vendor) ** 2 - 1.0) * DAYS_PER_YEAR
    offset = offset[np.isfinite(offset)]
    return float(np.median(offset)) if offset.size else float("nan")


def _money_pairs(chain: pl.DataFrame, forwards: pl.DataFrame) -> pl.DataFrame:
    """For every series, the pair nearest its forward with quotes and vendor volatilities on both sides."""
    usable = is_usable() & (pl.col("vendor_iv_frac") > VENDOR_IV_FLOOR_FRAC)
    series = ["expiry_ts", "root"]
    facts = ["mid", "vendor_iv_frac"]
    quotes = chain.filter(usable & pl.col("is_standard")).with_columns(mid=mid())
    sides = [quotes.filter(pl.col("option_type") == side).select(*series, "strike", *facts) for side in ("call", "put")]
    pairs = sides[0].join(sides[1], on=[*series, "strike"], suffix="_put")
    pairs = pairs.join(forwards.select(*series, "forward", "t_years", "discount_factor"), on=series)
    distance = (pl.col("strike") - pl.col("forward")).abs()
    return pairs.sort(*series, distance, "strike").unique(series, keep="first", maintain_order=True)
