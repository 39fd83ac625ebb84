"""The clearing house's volume by account type: a row a root, kind of option, exchange and kind of account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from pipelines.simulate.history import History
from pipelines.simulate.reports.sides import Sides

_HEADER = "quantity,underlying,symbol,actype,porc,exchange,actdate"
_ACCOUNTS = ("C", "F", "M")


def file_name(day: date) -> str:
    return f"simulated_occ_volume_{day}.csv"


def volume_file(day: date, underlyings: Sequence[tuple[History, Sides]], *, has_trailing_commas: bool) -> bytes:
    """Every contract counts on two sides. Some answers end each row, and not the header, with a comma."""
    end = "," if has_trailing_commas else ""
    lines = [_HEADER, *(f"{row},{day:%m/%d/%Y}{end}" for one in underlyings for row in _rows(*one))]
    return ("\r\n".join(lines) + "\r\n").encode()


def _rows(history: History, sides: Sides) -> Iterator[str]:
    contracts = history.contracts.at(sides.places)
    cleared = {code: sides.cleared(code) for code in _ACCOUNTS}
    for root in sorted(set(contracts.root.tolist())):
        for is_call in (True, False):
            is_it = (contracts.root == root) & (contracts.is_call == is_call)
            for place, exchange in enumerate(sides.exchanges):
                for code in _ACCOUNTS:
                    quantity = int(np.sum(cleared[code][place, is_it]))
                    if quantity:
                        yield f"{quantity},{history.instrument.name},{root},{code},{'C' if is_call else 'P'},{exchange}"
