"""The par yield curve of the sample market in the layout of the Treasury's daily file."""

from __future__ import annotations

from datetime import date

from models.synthetic import ZeroCurve, par_yield

FILE_NAME = "simulated_daily_treasury_rates.csv"
TENOR_MONTHS = (1, 2, 3, 4, 6, 12, 24, 36, 60, 84, 120, 240, 360)


def _tenor_name(months: int) -> str:
    return f"{months} Mo" if months < 12 else f"{months // 12} Yr"


def treasury_file(curves: dict[date, ZeroCurve]) -> bytes:
    """Newest day first, percent to two decimals."""
    lines = [",".join(["Date", *map(_tenor_name, TENOR_MONTHS)])]
    for day in sorted(curves, reverse=True):
        yields = [f"{100 * par_yield(months / 12, curves[day]):.2f}" for months in TENOR_MONTHS]
        lines.append(",".join([f"{day:%m/%d/%Y}", *yields]))
    return ("\n".join(lines) + "\n").encode()
