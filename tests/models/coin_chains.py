"""Chains of a coin venue on which every row has a forward and a volatility of its own, and positions beside them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from models.black import Greeks, greeks
from models.coin_surface import coin_surface

SNAPSHOT = datetime(2026, 1, 14, 10, 10)
DAY = SNAPSHOT.date()
TOMORROW = DAY + timedelta(days=1)
SPOT = 90_000.0
STRIKES = (70_000.0, 80_000.0, 85_000.0, 90_000.0, 95_000.0, 100_000.0, 120_000.0)
EXPIRIES = (TOMORROW, date(2026, 1, 16), date(2026, 1, 30), date(2026, 6, 26))
MONTHLY = [date(2026, 1, 30), date(2026, 6, 26)]
POSITIONS = {"taker_flow": "flow", "taker_flow_screen": "screen"}


def contracts_of(
    seed: int = 0,
    *,
    expiries: tuple[date, ...] = EXPIRIES,
    strikes: tuple[float, ...] = STRIKES,
    carry: float = 0.08,
    unevenness: float = 0.002,
    spot: float = SPOT,
) -> pl.DataFrame:
    """The chain as `coin_surface` prices it, with columns flow and screen. `unevenness`: by how much rows of an expiry
    differ in forward and volatility; 0 makes calls and puts of a strike alike."""
    rng = np.random.default_rng(seed)
    rows = []
    for expiry in expiries:
        expiry_ts = datetime(expiry.year, expiry.month, expiry.day, 8)
        years = (expiry_ts - SNAPSHOT) / timedelta(days=365)
        for strike in strikes:
            smile = 0.45 + 0.3 * np.log(strike / spot) ** 2
            rows += [
                {
                    "contract_id": f"{expiry}-{strike}-{side}", "expiry_date": expiry, "expiry_ts": expiry_ts,
                    "strike": strike, "option_type": side,
                    "forward": float(spot * np.exp(carry * years) * (1 + unevenness * rng.normal())),
                    "vendor_iv_frac": float(smile * (1 + unevenness * rng.normal())),
                    "open_interest": float(rng.integers(0, 5000) / 10),
                    "flow": float(rng.integers(-3000, 3000) / 10), "screen": float(rng.integers(-3000, 3000) / 10),
                }
                for side in ("call", "put")
            ]  # fmt: skip
    quotes = {name: pl.lit(None, pl.Float64) for name in ("bid", "ask", "last", "mark", "volume")}
    chain = pl.DataFrame(rows).with_columns(
        snapshot_ts=pl.lit(SNAPSHOT), source=pl.lit("made"), root=pl.lit("BTC"), is_inverse=pl.lit(value=True),
        spot=pl.lit(spot), **quotes,
    )  # fmt: skip
    priced, _ = coin_surface(chain, session_date=DAY)
    return priced.join(chain.select("contract_id", "flow", "screen"), on="contract_id", maintain_order="left")


def coin_greeks(contracts: pl.DataFrame, at: float, spot: float = SPOT) -> Greeks:
    """Greeks at another spot with the basis and the volatility of each row as they were."""
    column = {name: contracts[name].to_numpy() for name in ("forward", "strike", "t_years", "iv_frac")}
    return greeks(
        spot=at, forward=column.pop("forward") * at / spot, **column, discount_factor=1.0,
        is_call=(contracts["option_type"] == "call").to_numpy(), is_delta_of_forward=True,
    )  # fmt: skip
