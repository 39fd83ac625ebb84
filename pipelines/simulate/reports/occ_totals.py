"""The clearing house's open interest of everything, a row a day of the month so far."""

from __future__ import annotations

from datetime import date

from pipelines.calendar import us_sessions
from pipelines.simulate.draws import draws

_LAST_DAY = date(2024, 6, 28)
_USUAL = (260e6, 235e6, 19e6, 27e6, 2e3, 1e3, 140e3)  # calls and puts of three groups, and futures
FILE_NAME = f"simulated_occ_daily_open_interest_{_LAST_DAY:%Y-%m}.csv"


def totals_file(seed: int) -> bytes:
    """Newest day first; the figures are made up, and each total is that of its parts."""
    lines = [
        f"Daily Open Interest for {_LAST_DAY:%B %Y}",
        "Date, Equity,,, Index/Other,,, Debt,,, Futures, OCC Total",
        ",Calls,Puts,Total,Calls,Puts,Total,Calls,Puts,Total,,",
    ]
    for day in reversed(us_sessions().between(_LAST_DAY.replace(day=1), _LAST_DAY)):
        uniform = draws(seed, f"cleared {day}", (len(_USUAL),)).tolist()
        *sides, futures = [int(usual * (0.95 + 0.1 * one)) for usual, one in zip(_USUAL, uniform, strict=True)]
        cells = []
        for calls, puts in zip(sides[::2], sides[1::2], strict=True):
            cells += [calls, puts, calls + puts]
        cells += [futures, sum(sides) + futures]
        lines.append(",".join([f"{day:%m/%d/%Y}", *(f'"{cell:,}"' for cell in cells)]))
    return ("\n".join(lines) + "\n").encode()
