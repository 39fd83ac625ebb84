"""What a feed of reports is asked for a period, in the words of `dealerflow fetch`, and how far back that goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pipelines.report_periods import MONDAY_TO_FRIDAY, half_name

FROM_FILES = frozenset({"NQBX", "NPSX"})  # short volume of facilities that no feed brings
_SERVED_DAYS = {"occ_volume": 730, "finra_weekly": 365}
_SERVED_FROM = {"finra_short_volume": date(2018, 8, 1), "finra_short_interest": date(2017, 12, 29)}
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


def advice(source: str, table: str, part: str, days: Sequence[date], now: datetime) -> str:
    """What to do about periods that are missing, by the name of their gap."""
    if source == "open_close_volume" or part in FROM_FILES:
        return "dealerflow backfill FILES of these sessions"
    if source == "occ_open_interest":
        return "the clearing house shows the last session only: nobody can fetch what was missed"
    first = max(now.date() - timedelta(days=_SERVED_DAYS.get(source, 36_500)), _SERVED_FROM.get(source, date.min))
    served = [day for day in days if day >= first]
    items = list(dict.fromkeys(item_of(table, part, day) for day in served))
    if not items:
        return f"served from {first} on only: dealerflow backfill FILES, if someone kept them"
    named = items if len(items) <= _TOLD + 1 else [*items[:_TOLD], "...", items[-1]]
    older = f" (those before {first} can no longer be had)" if len(served) < len(days) else ""
    return f"dealerflow fetch {feed_name(source)} {' '.join(named)}{older}"
