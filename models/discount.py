"""Treasury par yields to zero rates and discount factors."""

from __future__ import annotations

import numpy as np
import polars as pl

from models.conventions import Floats

_HALF_YEAR = 0.5
_SAME_TENOR = 1e-9


def zero_curve(tenor_years: Floats, par_yield_frac: Floats) -> pl.DataFrame:
    """Zero rates from one day's par yields.

    Below one year a par yield is a simple money-market yield, D = 1/(1 + y t). From one year it is the coupon of a
    semi-annual par bond; par yields between published tenors are linear, and D follows from repricing each half-year
    bond at par, D_n = (1 - y/2 sum of earlier D)/(1 + y/2) (Treasury par yield curve methodology; METHODS 2).

    Parameters: published tenors in years, ascending, and par yields as fractions, same length. NaN yields are dropped.
    Returns one row per published tenor below one year and per half year from one year to the last published tenor:
    tenor_years, is_published_tenor, par_yield_frac, zero_rate_frac (continuous), discount_factor.
    Raises ValueError when lengths differ, tenors do not ascend, no yield is left, or the yields jump so steeply that a
    discount factor would not be positive.
    """
    tenors, yields = _quoted(tenor_years, par_yield_frac)
    short = tenors < 1.0 - _SAME_TENOR
    halves = _half_years(tenors)
    half_yields = np.interp(halves, tenors, yields)
    bond = _bootstrap(half_yields)
    long = halves >= 1.0 - _SAME_TENOR
    all_tenors = np.concatenate([tenors[short], halves[long]])
    all_yields = np.concatenate([yields[short], half_yields[long]])
    discount = np.concatenate([1.0 / (1.0 + yields[short] * tenors[short]), bond[long]])
    if not np.all(discount > 0.0):
        raise ValueError("these par yields admit no positive discount factors")
    published = np.array([bool(np.any(np.abs(tenors - t) < _SAME_TENOR)) for t in all_tenors], dtype=bool)
    return pl.DataFrame(
        {
            "tenor_years": all_tenors,
            "is_published_tenor": published,
            "par_yield_frac": all_yields,
            "zero_rate_frac": -np.log(discount) / all_tenors,
            "discount_factor": discount,
        }
    )


def zero_rate(curve_tenor_years: Floats, curve_zero_rate_frac: Floats, t_years: Floats) -> Floats:
    """Continuous zero rates at `t_years` (any shape): linear between curve points, flat outside. NaN stays NaN."""
    return np.asarray(np.interp(t_years, curve_tenor_years, curve_zero_rate_frac), dtype=np.float64)


def discount_factor(curve_tenor_years: Floats, curve_zero_rate_frac: Floats, t_years: Floats) -> Floats:
    """exp(-z(T) T) with the zero rate of `zero_rate`; same shape as `t_years`, NaN where T is NaN. No curve: D = 1."""
    t = np.asarray(t_years, dtype=np.float64)
    if np.size(curve_tenor_years) == 0:
        return np.ones_like(t)
    return np.asarray(np.exp(-zero_rate(curve_tenor_years, curve_zero_rate_frac, t) * t), dtype=np.float64)


def _quoted(tenor_years: Floats, par_yield_frac: Floats) -> tuple[Floats, Floats]:
    tenors, yields = np.asarray(tenor_years, dtype=np.float64), np.asarray(par_yield_frac, dtype=np.float64)
    if tenors.shape != yields.shape or tenors.ndim != 1:
        raise ValueError(f"tenors {tenors.shape} and yields {yields.shape} must be one-dimensional and alike")
    known = np.isfinite(yields)
    tenors, yields = tenors[known], yields[known]
    if tenors.size == 0 or tenors[0] <= 0 or np.any(np.diff(tenors) <= 0):
        raise ValueError("tenors with yields must be positive and ascend")
    return tenors, yields


def _half_years(tenors: Floats) -> Floats:
    count = int(np.floor(tenors[-1] / _HALF_YEAR + _SAME_TENOR))
    return np.arange(1, count + 1, dtype=np.float64) * _HALF_YEAR


def _bootstrap(half_yields: Floats) -> Floats:
    """Discount factors at half years; the first period is simple interest like every tenor below one year."""
    discount = np.empty_like(half_yields)
    annuity = 0.0
    for i, par in enumerate(half_yields):
        discount[i] = (1.0 - par * _HALF_YEAR * annuity) / (1.0 + par * _HALF_YEAR)
        annuity += discount[i]
    return discount
