"""Shares of each session that trade off exchange, and how many of them are sold short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from scipy.special import ndtri

from pipelines.simulate.draws import draw, draws
from pipelines.simulate.history import History
from pipelines.simulate.reports.securities import Security

FRACTIONS_FROM = date(2024, 7, 1)  # from when on fractional shares are reported
_MICRO = 1e6  # shares are reported to six decimals
_USUAL_SHORT, _PERSISTENCE, _SURPRISE = 0.46, 0.8, 0.05


def traded_shares(
    securities: Sequence[Security], histories: Mapping[str, History], sessions: Sequence[date], seed: int
) -> pl.DataFrame:
    """By session and symbol: all shares of the day, those off exchange, of these sold short, of these exempt."""
    rows = []
    for one in securities:
        short_frac = _USUAL_SHORT + 0.1 * (draw(seed, f"{one.symbol} short level") - 0.5)
        usual = short_frac
        for day in sessions:
            size, away, surprise, exempt, cents = draws(seed, f"{one.symbol} shares reported {day}", (5,)).tolist()
            all_shares = _all_shares(one, histories, day, size)
            short_frac = usual + _PERSISTENCE * (short_frac - usual) + _SURPRISE * float(ndtri(surprise))
            short_frac = float(np.clip(short_frac, 0.05, 0.95))
            off_exchange = np.floor((0.36 + 0.12 * away) * all_shares)
            short = np.floor(short_frac * off_exchange)
            if day >= FRACTIONS_FROM and cents > 0.5:
                off_exchange += np.floor(cents * _MICRO) / _MICRO
                short += np.floor(0.5 * cents * _MICRO) / _MICRO
            rows.append((day, one.symbol, all_shares, off_exchange, short, np.floor(0.01 * exempt * short)))
    columns = ("session_date", "symbol", "all_shares", "total", "short", "exempt")
    # Nobody reports what did not trade.
    return pl.DataFrame(rows, schema=columns, orient="row").filter(pl.col("total") > 0.0)


def _all_shares(one: Security, histories: Mapping[str, History], day: date, size: float) -> float:
    if one.usual_shares is None:
        return float(histories[one.symbol].sessions[day].shares)
    return float(np.floor(one.usual_shares * np.exp(0.5 * float(ndtri(size)))))
