"""What `dealerflow gaps` prints: open gaps as runs of sessions, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from rich.markup import escape
from rich.table import Table

from pipelines.calendar import calendar_of
from pipelines.console import console
from pipelines.daily.cadence import DELAYED_JSON, TREASURY
from pipelines.daily.coin_cadence import CHAINS, TRADES
from pipelines.daily.gap_ledger import Gap, current_gaps
from pipelines.daily.report_cadence import TABLE_OF
from pipelines.daily.report_items import advice as report_advice
from pipelines.lake.store import opened
from pipelines.markets import US
from pipelines.operator_settings import operator_settings
from pipelines.report_periods import periods_between
from pipelines.settings import Paths


@dataclass(frozen=True, slots=True)
class Run:
    """Sessions in a row that are missing for the same reason."""

    market: str
    source: str
    part: str
    status: str
    reason: str | None
    sessions: tuple[date, ...]
    now: datetime

    @property
    def days(self) -> str:
        first, last = self.sessions[0], self.sessions[-1]
        return f"{first}" if first == last else f"{first} to {last}"

    @property
    def advice(self) -> str:
        if self.source == TREASURY:
            years = sorted({session.year for session in self.sessions})
            return f"dealerflow fetch treasury {' '.join(map(str, years))}"
        if self.source in TABLE_OF:
            return report_advice(TABLE_OF[self.source], self.part, self.sessions, self.now)
        if self.status == "refused":
            return "mend or replace the file, then dealerflow backfill FILE"
        if self.source == DELAYED_JSON:
            return "the feed keeps no history: dealerflow backfill FILES of another source"
        if self.source == CHAINS:
            return "nobody serves past chains: dealerflow backfill FILES of an archive (Tardis options_chain)"
        if self.source == TRADES:
            return (
                f"dealerflow fetch deribit {self.part} --trades-from {self.sessions[0]} --trades-to {self.sessions[-1]}"
            )
        return "dealerflow backfill FILES of these sessions"


def runs(gaps: Iterable[Gap], now: datetime) -> list[Run]:
    """Open gaps, sessions that follow one another taken together; what to do is said as of `now` (UTC)."""
    found: list[Run] = []
    for gap in sorted((gap for gap in gaps if gap.status != "filled"), key=lambda gap: (gap.market != US.name, gap)):
        alone = Run(gap.market, gap.source, gap.part, gap.status, gap.reason, (gap.session_date,), now)
        last = found[-1] if found else None
        if last is not None and last == replace(alone, sessions=last.sessions) and _follow(gap.market, last, gap):
            found[-1] = replace(last, sessions=(*last.sessions, gap.session_date))
        else:
            found.append(alone)
    return found


def _follow(market: str, last: Run, gap: Gap) -> bool:
    newest = last.sessions[-1]
    if gap.source in TABLE_OF:
        return periods_between(TABLE_OF[gap.source], newest + timedelta(days=1), gap.session_date) == [gap.session_date]
    return calendar_of(market).count_between(newest, gap.session_date) == 1


def show_gaps(paths: Paths, now: datetime) -> None:
    """Print what is open at `now` (UTC). Nothing is written."""
    with opened(paths) as lake:
        gaps = current_gaps(lake, operator_settings(paths).follow, now)
    is_open = runs(gaps, now)
    if not is_open:
        console.print("No gaps: every session and report that was due is there.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("source", "part", "sessions", "count", "status", "why", "what to do"):
        table.add_column(heading, justify="right" if heading == "count" else "left", overflow="fold")
    for run in is_open:
        cells = (run.source, run.part, run.days, str(len(run.sessions)), run.status, run.reason or "", run.advice)
        table.add_row(*map(escape, cells))
    console.print(table)
