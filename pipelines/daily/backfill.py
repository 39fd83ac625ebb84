"""`dealerflow backfill`: an archive of files in order of their sessions, a batch at a time.

Each batch is landed and computed before the next, so that a killed call loses no more than one; called again it
goes on where it stopped, for what is landed is known by its bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import partial

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from pipelines import operate
from pipelines.console import console, progress_bar
from pipelines.daily.gap_ledger import Gap, current_gaps, recorded_gaps, settle, utc_now
from pipelines.daily.survey import Found, batches, chain_sessions, survey, would_fill
from pipelines.lake.derive import StageReport
from pipelines.lake.store import Lake, opened
from pipelines.load import find_files, load_files
from pipelines.markets import CRYPTO, MARKETS, US
from pipelines.materialise import bring_up_to_date
from pipelines.operator_settings import operator_settings
from pipelines.settings import data_paths
from pipelines.sources.page import Declared
from pipelines.stages.spine import COIN_OWN_RHYTHM, COIN_SPINE, OWN_RHYTHM, TRADES, US_SPINE

SESSIONS_IN_A_BATCH = 20
DAYS_IN_A_BATCH = 5  # of a market that never closes: up to 144 snapshots each
_STAGES = {US.name: (OWN_RHYTHM, (*US_SPINE, *TRADES)), CRYPTO.name: (COIN_OWN_RHYTHM, COIN_SPINE)}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backfill has to do."""

    landed: list[Found]
    refused: list[Found]
    outside: list[Found]  # of the sessions asked for
    wanted: list[Found]

    @property
    def batches(self) -> list[list[Found]]:
        """Market by market, each in order of its sessions."""
        cut = []
        for market in MARKETS.values():
            of_market = [one for one in self.wanted if one.market == market.name]
            cut += batches(of_market, DAYS_IN_A_BATCH if market.is_always_open else SESSIONS_IN_A_BATCH)
        return cut


def backfill(
    paths: Iterable[str], declared: Declared, first: date | None, last: date | None, *, is_dry_run: bool
) -> bool:
    """True when nothing was refused."""
    files = find_files(paths)
    with opened(data_paths()) as lake:
        with _bar() as bar:
            task = bar.add_task("look", total=len(files))
            found = list(survey(lake, files, declared, lambda: bar.advance(task)))
        plan = planned(found, first, last)
        _show(plan, current_gaps(lake, operator_settings(lake.paths).follow, utc_now()), is_dry_run=is_dry_run)
        if is_dry_run:
            return not plan.refused
        with lake.writing():
            before = settle(lake, utc_now())  # what is missing now is on record before it is filled
        reports = _work(lake, plan, declared)
    refused = sum(len(report.refused) for report in reports)
    console.print(
        f"Computed in batches: {sum(len(report.written) for report in reports)} new versions"
        + (f', {refused} refusals (dealerflow sql "from refusals")' if refused else "")
        + "."
    )
    is_clean = operate.run(None, None) and not plan.refused and not refused
    with opened(data_paths()) as lake:
        _show_filled(before, recorded_gaps(lake))
    return is_clean


def planned(found: Iterable[Found], first: date | None, last: date | None) -> Plan:
    plan = Plan([], [], [], [])
    for one in found:
        if one.is_landed:
            plan.landed.append(one)
        elif one.reason is not None:
            plan.refused.append(one)
        elif not one.is_between(first, last):
            plan.outside.append(one)
        else:
            plan.wanted.append(one)
    return plan


def _work(lake: Lake, plan: Plan, declared: Declared) -> list[StageReport]:
    """Land and compute each batch; `run` does the rest, publishing included."""
    reports = []
    with _bar() as bar:
        task = bar.add_task("sessions", total=sum(len(chain_sessions(batch)) for batch in plan.batches) or None)
        if plan.refused:
            with lake.writing():  # into the ledger, with the reason
                list(load_files(lake, [one.path for one in plan.refused], declared=declared, progress=lambda _: None))
        done = 0
        begun: set[str] = set()
        for batch in plan.batches:
            market, sessions = batch[0].market, chain_sessions(batch)
            with lake.writing():
                list(load_files(lake, [one.path for one in batch], declared=declared, progress=lambda _: None))
                # The first batch also computes what a call that was killed had landed: later ones rest on it.
                first = sessions[0] if sessions and market in begun else None
                reports += _compute(lake, market, first, sessions, partial(_show_share, bar, task, done, len(sessions)))
            begun |= {market} if sessions else set()
            done += len(sessions)
            bar.update(task, completed=done)
    return reports


def _compute(
    lake: Lake, market: str, first: date | None, sessions: list[date], show_share: Callable[[float], None]
) -> list[StageReport]:
    own_rhythm, spine = _STAGES[market]
    until = utc_now() if MARKETS[market].is_always_open else None
    stages = [stage.name for stage in spine]

    def progress(name: str, partitions: int, total: int) -> None:
        show_share((stages.index(name) + partitions / total) / len(stages))

    reports = bring_up_to_date(lake, own_rhythm, market=market, until=until)
    if sessions:
        last = sessions[-1]
        reports += bring_up_to_date(lake, spine, first=first, last=last, market=market, until=until, progress=progress)
    return reports


def _show_share(bar: Progress, task: TaskID, done: int, sessions: int, share: float) -> None:
    bar.update(task, completed=done + share * sessions)


def _show(plan: Plan, gaps: list[Gap], *, is_dry_run: bool) -> None:
    if is_dry_run:
        _show_files(plan.wanted)
    for one in plan.refused:
        console.print(f"[yellow]refused[/yellow] {escape(one.name)}: {escape(one.reason or '')}", soft_wrap=True)
    sessions = chain_sessions(plan.wanted)
    span = f" ({sessions[0]} to {sessions[-1]})" if sessions else ""
    console.print(
        f"Files: {len(plan.wanted)} to land, {len(plan.landed)} landed before, {len(plan.refused)} unreadable, "
        f"{len(plan.outside)} outside the range. Sessions of chains: {len(sessions)}{span}; "
        f"batches: {len(plan.batches)}."
    )
    filled = would_fill(gaps, plan.wanted)
    if gaps:
        per_source = ", ".join(f"{count} of {source}" for source, count in Counter(g.source for g in filled).items())
        console.print(f"Gaps that these files fill: {per_source or 'none'}.")
    if is_dry_run:
        for gap in filled:
            console.print(f"  {gap.session_date} {escape(gap.part)} ({gap.source}, {gap.status})")
        console.print("Dry run: nothing was landed or computed.")


def _show_files(wanted: list[Found]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("file", "source", "sessions", "parts"):
        table.add_column(heading, overflow="fold")
    for one in sorted(wanted, key=lambda one: (one.sessions[0], one.name)):
        days, parts = one.sessions, sorted({part for _, part, _ in one.places})
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)})"
        named = ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")
        table.add_row(escape(one.name), one.source, span, named)
    if wanted:
        console.print(table)


def _show_filled(before: list[Gap], after: list[Gap]) -> None:
    filled = {(gap.source, gap.place) for gap in after if gap.status == "filled"}
    count = sum((gap.source, gap.place) in filled for gap in before)
    remaining = sum(gap.status != "filled" for gap in after)
    console.print(f"Gaps filled: {count}. Gaps that remain: {remaining}{' (dealerflow gaps)' if remaining else ''}.")


def _bar() -> AbstractContextManager[Progress]:
    return progress_bar(
        TextColumn("{task.description:10}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
