"""What a feed of reports is asked for a period, in the words of `dealerflow fetch`, and how far back that goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pipelines.daily.report_cadence import CADENCES
from pipelines.report_periods import half_name
from pipelines.reports import MONDAY_TO_FRIDAY

_FROM_FILES = frozenset({"NQBX", "NPSX"})  # short volume of facilities that no feed brings
_TOLD = 3  # items, before they are cut short


def feed_name(ledger_name: str) -> str:
    """What `dealerflow fetch` calls the feed whose gaps stand in the ledger by a name."""
    return ledger_name.replace("_", "-")


def item_of(table: str, part: str, day: date) -> str:
    """The item that brings a part of the period which ends on a day."""
    if table == "short_volume_daily":
        return f"{part}:{day}"
    if table == "ats_weekly":
        return f"{part.replace('.', ':')}:{day - MONDAY_TO_FRIDAY}"
    if table == "fails_to_deliver":
        return half_name(day)
    if table == "open_interest_daily":
        return part
    if table == "clearing_totals":
        return f"{day:%Y-%m}"
    return str(day)


def advice(table: str, part: str, days: Sequence[date], now: datetime) -> str:
    """What to do about periods that are missing."""
    cadence = CADENCES[table]
    if table == "open_close_volume" or part in _FROM_FILES:
        return "dealerflow backfill FILES of these sessions"
    if table == "open_interest_daily":
        return "the clearing house shows the last session only: nobody can fetch what was missed"
    first = cadence.served_from
    if cadence.served_days is not None:
        first = max(first, now.date() - timedelta(days=cadence.served_days))
    served = [day for day in days if day >= first]
    items = list(dict.fromkeys(item_of(table, part, day) for day in served))
    if not items:
        return f"served from {first} on only: dealerflow backfill FILES, if someone kept them"
    named = items if len(items) <= _TOLD + 1 else [*items[:_TOLD], "...", items[-1]]
    older = f" (those before {first} can no longer be had)" if len(served) < len(days) else ""
    return f"dealerflow fetch {feed_name(cadence.ledger_name)} {' '.join(named)}{older}"
