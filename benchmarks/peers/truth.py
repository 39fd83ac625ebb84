"""Truth about a sample of contracts, rounded from the sixty digits by which the tests prove the formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np

from benchmarks.peers.chains import Chain, Floats
from tests.models import truth as exact

GREEKS = ("delta", "gamma", "vega", "vanna", "charm")
Row = tuple[float, ...]


def truth_rows(chain: Chain, *, with_volatility: bool) -> Iterator[Row]:
    """Contract by contract, for it takes its time: price, volatility of the price once it is rounded to double (NaN
    where it has none, or was not asked for), and greeks in the order of `GREEKS`."""
    for contract in _contracts(chain):
        found = exact.merton(**contract)
        price = float(found["price"])
        volatility = _volatility_of(price, contract) if with_volatility else math.nan
        yield (price, volatility, *(float(found[name]) for name in GREEKS))


def as_columns(rows: list[Row]) -> dict[str, Floats]:
    """The rows by name: `price`, `iv_frac` and the greeks."""
    return dict(zip(("price", "iv_frac", *GREEKS), np.array(rows, dtype=np.float64).T, strict=True))


def _contracts(chain: Chain) -> Iterator[dict[str, Any]]:
    columns = {
        "spot": chain.spot, "strike": chain.strike, "t_years": chain.t_years, "r": chain.rate, "q": chain.dividend,
        "sigma": chain.iv_frac, "is_call": chain.is_call,
    }  # fmt: skip
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(columns, values, strict=True))


def _volatility_of(price: float, contract: dict[str, Any]) -> float:
    """Forward and discount factor keep all digits, so that the price alone was rounded."""
    with mpmath.workdps(exact.DIGITS):
        spot, t_years, rate, dividend = (mpmath.mpf(contract[name]) for name in ("spot", "t_years", "r", "q"))
        found = exact.implied_vol(
            price, forward=spot * mpmath.exp((rate - dividend) * t_years), strike=contract["strike"], t_years=t_years,
            discount_factor=mpmath.exp(-rate * t_years), is_call=contract["is_call"],
        )  # fmt: skip
    return math.nan if found is None else float(found)
