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
    market = _open_interest_levels(book, is_member)
    is_today = is_member & is_zero_dte
    is_all_today = np.array_equal(is_today, is_member)
    found: list[Levels] = []
    for place in range(columns[_GAMMA[0]].shape[0]):
        k, call, put = _rolled(book, columns, place, is_member)
        today, today_call, today_put = (k, call, put) if is_all_today else _rolled(book, columns, place, is_today)
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


def _open_interest_levels(book: Book, is_member: Bools) -> Levels:
    """Levels that need no volatility and no dealer model: from every listed strike of standard contracts."""
    open_interest = book.numbers["open_interest"]
    chosen = is_member[book.row] & book.is_standard & np.isfinite(open_interest)
    place, size = book.level[book.row[chosen]], book.levels.size
    listed = np.zeros(size, dtype=bool)
    listed[place] = True
    is_call, count = book.is_call[chosen], open_interest[chosen]
    held = count * book.numbers["multiplier"][chosen]
    calls, puts = (_sums(place[side], held[side], size)[listed] for side in (is_call, ~is_call))
    strikes = book.levels[listed]
    return {
        "max_pain": lv.max_pain(strikes, calls, puts, book.spot),
        "highest_open_interest": lv.strike_of_largest(_sums(place, count, size)[listed], strikes, book.spot),
    }


def _rolled(book: Book, columns: Mapping[str, Floats], model: int, is_member: Bools) -> tuple[Floats, Floats, Floats]:
    """Strikes ascending, call and put gamma over the members with a known net; an unknown side adds none."""
    chosen = is_member & np.isfinite(columns["net_gex_usd_per_1pct"][model])
    place, count = book.level[chosen], book.levels.size
    listed = np.zeros(count, dtype=bool)
    listed[place] = True
    sides = (columns[name][model][chosen] for name in _GAMMA)
    call, put = (_sums(place, np.where(np.isfinite(side), side, 0.0), count)[listed] for side in sides)
    return book.levels[listed], call, put


def _sums(place: Ints, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(place, weights=values, minlength=count), dtype=np.float64)
