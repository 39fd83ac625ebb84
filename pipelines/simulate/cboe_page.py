"""Snapshots in the dress of a Cboe delayed-quote CSV, as browsers of several languages save it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from models.conventions import Floats
from pipelines.calendar import NEW_YORK
from pipelines.simulate.snapshot import Snapshot

COLUMN_NAMES = (
    "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
    "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
)
MINUS, NARROW_SPACE = "\u2212", "\u202f"

_ENGLISH = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December")  # fmt: skip
_FRENCH = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
           "novembre", "décembre")  # fmt: skip
_SPANISH = ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
            "noviembre", "diciembre")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the table besides the clock."""

    last: float
    change: float
    bid: float
    ask: float
    volume: int


def number(value: float) -> str:
    """Plain, without trailing zeros: 26, 34.1, 0.0062."""
    return f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"


def _hours_from_utc(clock: datetime) -> int:
    offset = clock.replace(tzinfo=NEW_YORK).utcoffset()
    assert offset is not None
    return abs(round(offset.total_seconds() / 3600))


def _zone(clock: datetime) -> str:
    return clock.replace(tzinfo=NEW_YORK).tzname() or ""


def _twelve_hours(clock: datetime) -> str:
    return f"{clock.hour % 12 or 12}:{clock:%M} {'PM' if clock.hour >= 12 else 'AM'} {_zone(clock)}"


def _american(clock: datetime) -> str:
    return f'"Date: {_ENGLISH[clock.month - 1]} {clock.day}, {clock.year} at {_twelve_hours(clock)}"'


def _day_first(clock: datetime) -> str:
    return (
        f"Date: {clock.day} {_ENGLISH[clock.month - 1]} {clock.year}, {clock:%H:%M} UTC{MINUS}{_hours_from_utc(clock)}"
    )


def _day_first_american(clock: datetime) -> str:
    return f"Date: {clock.day} {_ENGLISH[clock.month - 1]} {clock.year}, {_twelve_hours(clock)}"


def _french(clock: datetime) -> str:
    return (
        f"Date: {clock.day} {_FRENCH[clock.month - 1]} {clock.year} à {clock:%H:%M} UTC{MINUS}{_hours_from_utc(clock)}"
    )


def _spanish(clock: datetime) -> str:
    month = _SPANISH[clock.month - 1]
    return f"Date: {clock.day} de {month} de {clock.year}, {clock.hour}:{clock:%M} GMT-{_hours_from_utc(clock)}"


def _stray_quote(clock: datetime) -> str:
    return _day_first_american(clock) + '"'


def _with_commas(volume: int) -> str:
    return f'"Volume: {volume:,}"' if volume >= 1000 else f"Volume: {volume}"


def _with_narrow_spaces(volume: int) -> str:
    return f"Volume: {volume:,}".replace(",", NARROW_SPACE)


DRESSES: dict[str, tuple[Callable[[datetime], str], Callable[[int], str]]] = {
    "american": (_american, _with_commas),
    "day_first": (_day_first, _with_narrow_spaces),
    "day_first_american": (_day_first_american, _with_commas),
    "french": (_french, _with_narrow_spaces),
    "spanish": (_spanish, _with_narrow_spaces),
    "stray_quote": (_stray_quote, _with_commas),
}


def page(title: str, shown: Snapshot, interest: Floats, *, header: Header, clock: datetime, dress: str) -> bytes:
    """The file's bytes: an empty line, two lines about the underlying, column names, a line per strike."""
    clock_text, volume_text = DRESSES[dress][0](clock), DRESSES[dress][1](header.volume)
    size = "1*1" if header.bid else "0*0"
    lines = [
        "",
        f"{title},Last: {number(header.last)},Change:  {number(header.change)}",
        f"{clock_text},Bid: {number(header.bid)},Ask: {number(header.ask)},Size: {size},{volume_text}",
        COLUMN_NAMES,
    ]
    quoted, contracts = shown.quoted, shown.contracts
    columns = (
        shown.last, shown.change, quoted.quotes.bid, quoted.quotes.ask, shown.volume, shown.vendor_iv_frac,
        shown.vendor(quoted.value.delta), shown.vendor(quoted.value.gamma), interest,
    )  # fmt: skip
    numbers = [[number(value) for value in column.tolist()] for column in columns]
    sides = [",".join(side) for side in zip(contracts.contract_id.tolist(), *numbers, strict=True)]
    for call in np.flatnonzero(contracts.is_call).tolist():
        expiry: datetime = contracts.expiry_date[call].astype("datetime64[s]").item()
        day = f"{_weekday(expiry)} {_ENGLISH[expiry.month - 1][:3]} {expiry:%d %Y}"
        lines.append(f"{day},{sides[call]},{contracts.strike[call]:.2f},{sides[call + 1]}")
    return "\n".join(lines).encode()


def _weekday(day: datetime) -> str:
    # Not %a: a page must not depend on the locale of the machine that writes it.
    return ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.weekday()]
