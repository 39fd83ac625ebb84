"""The price levels of one scope, by dealer model, read off its strikes (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import levels as lv
from models.conventions import Bools, Floats, Ints
from models.exposures import Book

_GAMMA = ("call_gex_usd_per_1pct", "put_gex_usd_per_1pct")
Levels = dict[str, float | None]


def strike_levels(book: Book, columns: Mapping[str, Floats], is_member: Bools, is_zero_dte: Bools) -> list[Levels]:
    """Levels from the strikes of the scope, summed over its roots and expiries, one a dealer model.

    `columns` as `strike_columns` gives them; `is_member` and `is_zero_dte` one flag per strike of the book.
    """
    market = open_interest_levels(book, is_member)
    is_priced = is_member & np.isfinite(columns["net_gex_usd_per_1pct"])
    found: list[Levels] = []
    for place, priced in enumerate(is_priced):
        k, call, put = _rolled(book, columns, place, priced)
        today, today_call, today_put = _rolled(book, columns, place, priced & is_zero_dte)
        net = call + put
        found.append(
            {
                "gamma_flip_strike_crossing": lv.strike_crossing(net, k, book.spot),
                "gamma_flip_cumulative": lv.cumulative_crossing(net, k, book.spot),
                **lv.walls(call, put, k, book.spot),
                **lv.gamma_extremes(call, put, k, book.spot),
                "zero_dte_magnet": lv.strike_of_largest(np.abs(today_call + today_put), today, book.spot),
                "hvl": lv.high_volatility_level(net, k),
                **market,
            }
        )
    return found


def open_interest_levels(book: Book, is_member: Bools) -> Levels:
    """Levels that need no volatility and no dealer model: from every listed strike of standard contracts."""
    open_interest = book.numbers["open_interest"]
    chosen = is_member[book.row] & book.is_standard & np.isfinite(open_interest)
    listed, place = np.unique(book.strike[book.row[chosen]], return_inverse=True)
    is_call, count = book.is_call[chosen], open_interest[chosen]
    size = count * book.numbers["multiplier"][chosen]
    calls, puts = (_sums(place[side], size[side], listed.size) for side in (is_call, ~is_call))
    return {
        "max_pain": lv.max_pain(listed, calls, puts, book.spot),
        "highest_open_interest": lv.strike_of_largest(_sums(place, count, listed.size), listed, book.spot),
    }


def _rolled(book: Book, columns: Mapping[str, Floats], model: int, chosen: Bools) -> tuple[Floats, Floats, Floats]:
    """Strikes ascending, call and put gamma over the chosen roots and expiries; an unknown side adds none."""
    listed, place = np.unique(book.strike[chosen], return_inverse=True)
    call, put = (_sums(place, np.nan_to_num(columns[name][model][chosen]), listed.size) for name in _GAMMA)
    return listed, call, put


def _sums(place: Ints, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(place, weights=values, minlength=count), dtype=np.float64)
