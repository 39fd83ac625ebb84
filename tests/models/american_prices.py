"""Prices of American options by QuantLib's engine of high precision: `python -m tests.models.american_prices --write`.

Needs the dependency group `bench`. The engine solves the same kind of equation from another start, at ten nodes thirty
times over and with integrals to 1e-10: an independent program, and a finer answer.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

TABLE = Path(__file__).parents[1] / "golden" / "american_prices.csv"
COLUMNS = ("strike", "days", "vol", "r", "q", "is_call", "price")
SPOT = 100.0
_ROWS, _SEED = 600, 20240628
_NOTE = "# American options on a spot of 100: QuantLib 1.44, QdFpAmericanEngine, highPrecisionScheme; r, q continuous"


def contracts(count: int, seed: int) -> list[tuple[float, int, float, float, float, bool]]:
    """(strike, days, volatility, r, q, is_call): K/S 0.5 to 2, a day to 3 years, r -1 to 8 %, q 0 to 10 %.

    Most strikes lie within two deviations of the forward, a tenth of the carries is 0.
    """
    draws = np.random.default_rng(seed)
    days = np.round(np.exp(draws.uniform(0.0, np.log(1095.0), count))).astype(int)
    vol = np.exp(draws.uniform(np.log(0.05), np.log(1.5), count))
    r, q = draws.uniform(-0.01, 0.08, count), draws.uniform(0.0, 0.10, count) * (draws.random(count) > 0.1)
    years = days / 365
    near = (r - q) * years + vol * np.sqrt(years) * draws.uniform(-2.0, 2.0, count)
    far = draws.uniform(np.log(0.5), np.log(2.0), count)
    strike = SPOT * np.exp(np.clip(np.where(draws.random(count) < 0.7, near, far), np.log(0.5), np.log(2.0)))
    sides = draws.random(count) < 0.5
    rows = zip(strike.round(2), days, vol.round(4), r.round(5), q.round(5), sides, strict=True)
    return [(float(k), int(d), float(v), float(a), float(b), bool(side)) for k, d, v, a, b, side in rows]


def quantlib_price(strike: float, days: int, vol: float, r: float, q: float, is_call: bool) -> float:
    import QuantLib as ql  # noqa: N813 - as everybody calls it

    today, count = ql.Date(2, 1, 2024), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    rates, carries = (ql.YieldTermStructureHandle(ql.FlatForward(today, x, count)) for x in (r, q))
    vols = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count))
    process = ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(SPOT)), carries, rates, vols)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, strike)
    option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + days))
    option.setPricingEngine(ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme()))
    return float(option.NPV())


def main() -> None:
    rows = [(*row[:-1], int(row[-1]), quantlib_price(*row)) for row in contracts(_ROWS, _SEED)]
    if "--write" not in sys.argv:
        print(*rows, sep="\n")
        return
    with TABLE.open("w", newline="") as file:
        print(_NOTE, file=file)
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
