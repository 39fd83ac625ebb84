"""Numbers, instants and findings as a reader would say them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pipelines.calendar import utc_to_new_york
from pipelines.markets import MARKETS

NEW_YORK, UTC = "New York", "UTC"
MODELS = {
    "calls_long_puts_short": "dealers are long every call and short every put",
    "short_all": "dealers are short every option",
    "taker_flow": "dealers took the other side of every trade",
    "taker_flow_screen": "dealers took the other side of every trade but blocks, quote requests and liquidations",
    "open_close": "dealers hold what market makers bought less what they sold, by the exchange's own count",
    "clearing_adjusted": "dealers are long calls and short puts, as far as market makers clear them",
}
SCOPES = {
    "all": "all expiries",
    "0dte": "same-day expiries",
    "weekly": "expiries within 7 days",
    "monthly": "monthly expiries",
    "le_30d": "expiries within 30 days",
    "next_expiry": "the next expiry",
}
SCOPE_STATUS = {
    "empty": "no live contracts in this scope",
    "after_expiry": "the same-day options have expired",
    "no_open_interest": "the page states no open interest, so no exposure can be told",
    "no_positions": "dealers' positions are not known, for trades before it are missing",
}
BLANK = {  # what an empty stretch of a picture says
    "empty": "no contracts",
    "after_expiry": "expired",
    "no_open_interest": "no open interest",
    "no_positions": "positions not known",
}
FLOW_CLASSES = {
    "screen": "on screen",
    "combo": "combos",
    "block": "blocks",
    "block_rfq": "block quote requests",
    "liquidation": "liquidations",
}
FLIP_STATUS = {
    "ok": "one flip",
    "several": "several flips",
    "no_sign_change": "no flip within the prices searched",
    "insufficient_data": "too few live strikes for a flip",
}
BASES = {
    "header_clock": "the page's own clock",
    "captured_live": "when it was fetched",
    "published": "the vendor's time of publication",
    "vendor_schedule": "the vendor's schedule",
}
SIGN = (
    "Positive net GEX: dealers sell rises and buy falls, which damps moves. "
    "Negative: they buy rises and sell falls, which amplifies them."
)
UNKNOWN = "not known"
PER_1PCT = "USD per 1\u00a0%"
_SCALES = ((1e9, "bn"), (1e6, "mn"), (1e3, "thousand"))


def scale_of(values: Sequence[float | None]) -> tuple[float, str]:
    """A divisor and its word under which the largest of these values is at least 1."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return next(((size, word) for size, word in _SCALES if largest >= size), (1.0, ""))


def unit_words(word: str) -> str:
    return " ".join(part for part in (word, PER_1PCT) if part)


def scaled(value: float | None, size: float) -> float | None:
    """Four significant digits: more cannot be read off a picture and would only weigh."""
    return None if value is None or not math.isfinite(value) else float(f"{value / size:.4g}")


def dollars(value: float | None) -> str:
    """An exposure in words, as in "-8.33 bn"."""
    if value is None:
        return UNKNOWN
    size, word = scale_of([value])
    return f"{value / size:+,.2f}\u00a0{word}".strip().replace("-", "−")


def size(value: float) -> str:
    """An amount without a sign, as in "8.33 mn"."""
    return dollars(abs(value)).removeprefix("+")


def in_unit(value: float | None, size: float) -> str:
    """An exposure as a bare number in the unit that its column names."""
    return UNKNOWN if value is None else f"{value / size:+,.2f}".replace("-", "−")


def price(value: float | None, *, is_rough: bool = False) -> str:
    if value is None:
        return "none"
    if is_rough or float(value).is_integer():
        return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.2f}"
    return f"{value:,.2f}"


def count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(share: float | None, *, is_signed: bool = False) -> str:
    if share is None:
        return UNKNOWN
    return f"{share:{'+' if is_signed else ''}.1f}\u00a0%".replace("-", "−")


def day(value: date, *, has_year: bool = True) -> str:
    return f"{value.day} {value:%b}" + (f" {value.year}" if has_year else "")


def zone(market: str) -> str:
    """By whose clock a market's times are told."""
    return UTC if market in MARKETS and MARKETS[market].is_always_open else NEW_YORK


def local(instant: datetime, zone: str) -> datetime:
    return utc_to_new_york(instant) if zone == NEW_YORK else instant


def clock(instant: datetime, zone: str = NEW_YORK) -> str:
    """The time of a UTC instant by a zone's clock."""
    return f"{local(instant, zone):%H:%M}"


def time_words(zone: str) -> str:
    return "UTC" if zone == UTC else f"{zone} time"


def dated_clock(instant: datetime, zone: str = NEW_YORK) -> str:
    """With its date, which at midnight is not the session's: "17 Jun 2024 16:00"."""
    return f"{day(local(instant, zone))} {clock(instant, zone)}"


def moment(instant: datetime) -> str:
    """An instant in UTC with its date, for the small print."""
    return f"{day(instant)} {instant:%H:%M} UTC"


def period(first: date, last: date) -> str:
    if first == last:
        return day(first)
    return f"{day(first, has_year=first.year != last.year)} to {day(last)}"


def scope(name: str, market: str = "us") -> str:
    if name == "0dte" and zone(market) == UTC:
        return "the next 08:00 UTC expiry"
    return SCOPES.get(name, name)


def distance(row: dict[str, Any]) -> str:
    return "no flip" if row["gamma_flip"] is None else percent(row["distance_to_flip_pct"], is_signed=True)


def acts(net: float) -> str:
    return "damp" if net > 0 else "amplify"


def finding(row: dict[str, Any]) -> str:
    """What one snapshot says, in words: "dealers amplify moves below 5,454"."""
    if row["scope_status"] != "ok":
        return SCOPE_STATUS.get(row["scope_status"], str(row["scope_status"]))
    net, flip, spot = row["net_gex_usd_per_1pct"], row["gamma_flip"], row["spot"]
    if net is None:
        return "net gamma is not known"
    if net == 0:
        return "dealers neither damp nor amplify moves"
    if flip is None or spot is None:
        return f"dealers {acts(net)} moves{_without_flip(row)}"
    side = "above" if spot >= flip else "below"
    several = ", the nearest of several flips" if row["gamma_flip_status"] == "several" else ""
    return f"dealers {acts(net)} moves {side} {price(flip, is_rough=True)}{several}"


def _without_flip(row: dict[str, Any]) -> str:
    low, high = row["gamma_flip_search_low"], row["gamma_flip_search_high"]
    if row["gamma_flip_status"] == "no_sign_change" and low is not None and high is not None:
        return f" everywhere from {price(low, is_rough=True)} to {price(high, is_rough=True)}"
    return f"; {flip_words(row)}"


def flip_words(row: dict[str, Any]) -> str:
    """The flip with its status: never a zero where there is none."""
    status = row["gamma_flip_status"]
    if row["gamma_flip"] is None:
        return FLIP_STATUS.get(status, SCOPE_STATUS.get(row["scope_status"], UNKNOWN))
    more = f" ({FLIP_STATUS.get(status, status)})" if status != "ok" else ""
    return price(row["gamma_flip"]) + more


def course(rows: Sequence[dict[str, Any]]) -> str:
    """What a series of snapshots says: what holds now, and since when."""
    newest = rows[-1]
    told = [row for row in rows if row["net_gex_usd_per_1pct"]]
    if not told:
        return finding(newest)
    if not newest["net_gex_usd_per_1pct"]:
        last = told[-1]
        here = zone(last["market"])
        at = f"on {day(local(last['snapshot_ts'], here), has_year=False)} at {clock(last['snapshot_ts'], here)}"
        return f"{finding(newest)}; {at}, {finding(last)}"
    is_positive = newest["net_gex_usd_per_1pct"] > 0
    since = newest
    for row in reversed(told):
        if (row["net_gex_usd_per_1pct"] > 0) != is_positive:
            return f"since {day(since['session_date'], has_year=False)} {finding(newest)}"
        since = row
    return f"throughout, {finding(newest)}" if len(told) > 1 else finding(newest)
