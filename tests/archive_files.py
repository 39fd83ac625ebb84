"""Small coherent end-of-day files of one underlying, in the layout that DeltaNeutral delivers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from models.black import black_price

HEADER = (
    "underlying,underlying_last, exchange,optionroot,optionext,type,expiration,quotedate,strike,last,bid,ask,"
    "volume,openinterest,impliedvol,delta,gamma,theta,vega,optionalias"
)
_EXPIRIES = (date(2024, 7, 19), date(2024, 9, 20))
_VOLATILITY = 0.2


def archive_rows(
    day: date, underlying: str = "ABC", spot: float = 100.0, expiries: Sequence[date] = _EXPIRIES
) -> list[str]:
    """Two expiries, eleven strikes; open interest that differs from day to day by less than the volume."""
    rows = []
    for expiry in expiries:
        strikes = np.linspace(0.9, 1.1, 11) * 100
        years = np.full(11, ((expiry - day) / timedelta(days=1) + 0.01) / 365)
        for side in ("call", "put"):
            prices = black_price(
                forward=np.full(11, spot), strike=strikes, t_years=years, iv_frac=np.full(11, _VOLATILITY),
                discount_factor=np.ones(11), is_call=np.full(11, side == "call"),
            )  # fmt: skip
            for strike, price in zip(strikes, prices, strict=True):
                code = f"{underlying}{expiry:%y%m%d}{side[0].upper()}{round(strike * 1000):08d}"
                cells = (
                    underlying, spot, "*", code, "", side, expiry, day, f"{strike:.2f}", f"{price:.2f}",
                    f"{max(price - 0.02, 0):.2f}", f"{price + 0.02:.2f}", 50, 1000 + day.toordinal() % 7,
                    _VOLATILITY, 0.5, 0.01, -1, 2, code,
                )  # fmt: skip
                rows.append(",".join(map(str, cells)))
    return rows


def archive_file(
    folder: Path,
    days: Iterable[date],
    name: str | None = None,
    underlying: str = "ABC",
    expiries: Sequence[date] = _EXPIRIES,
) -> Path:
    """One file with all of these days."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = list(days)
    rows = [row for day in listed for row in archive_rows(day, underlying, expiries=expiries)]
    path = folder / (name or f"options_{listed[0]:%Y%m%d}.csv")
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def archive(folder: Path, days: Iterable[date]) -> list[Path]:
    """A file a day."""
    return [archive_file(folder, [day]) for day in days]
