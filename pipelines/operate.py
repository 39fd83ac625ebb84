"""What `load` and `run` do, with what they tell on the way."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from pipelines.console import console, progress_bar
from pipelines.daily.gap_ledger import Gap, settle, utc_now
from pipelines.lake.derive import StageReport
from pipelines.lake.store import Lake, opened
from pipelines.load import Loaded, find_files, load_files
from pipelines.markets import CRYPTO
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths, data_paths
from pipelines.sources.page import Declared
from pipelines.stages.spine import ALL_STAGES, OWN_RHYTHM, SPINES, TRADES, US_SPINE
from pipelines.warehouse.publish import publish
from pipelines.warehouse.query import query

_SHOWN_LEVELS = """
    select k.underlying, strftime(k.snapshot_ts, '%Y-%m-%d %H:%M') as "snapshot (UTC)", spot, gamma_flip as flip,
           gamma_flip_status as status, call_wall, put_wall, net_gex_usd_per_1pct / 1e6 as "net GEX, mn USD/1 %"
    from key_levels_latest k
    join exposure_summary e using (market, session_date, part, snapshot_ts, dealer_model, scope)
    order by k.underlying"""


def load(paths: Iterable[str], declared: Declared, *, is_land_only: bool) -> bool:
    """True when nothing was refused."""
    files = find_files(paths)
    with opened(data_paths()) as lake:
        with lake.writing(), progress_bar() as bar:
            task = bar.add_task("load", total=len(files))
            loaded = list(load_files(lake, files, declared=declared, progress=lambda _: bar.advance(task)))
            settle(lake, utc_now())
        _show_loaded(loaded)
        is_clean = all(one.fate != "refused" for one in loaded)
        return is_clean if is_land_only else _compute(lake, None, None) and is_clean


def run(first: date | None, last: date | None) -> bool:
    with opened(data_paths()) as lake:
        return _compute(lake, first, last)


def _compute(lake: Lake, first: date | None, last: date | None) -> bool:
    """Bring all stages up to date, publish, and show where things stand."""
    with lake.writing():
        with progress_bar() as bar:
            tasks = {stage.name: bar.add_task(stage.name, total=None, visible=False) for stage in ALL_STAGES}
            now = utc_now()

            def progress(name: str, done: int, total: int) -> None:
                bar.update(tasks[name], completed=done, total=total, visible=True)

            # A session rests on curves of earlier days, so the range does not apply to them.
            reports = bring_up_to_date(lake, OWN_RHYTHM, progress=progress)
            reports += bring_up_to_date(lake, (*US_SPINE, *TRADES), first=first, last=last, progress=progress)
            reports += bring_up_to_date(
                lake, SPINES[CRYPTO.name], first=first, last=last, market=CRYPTO.name, until=now, progress=progress
            )
        gaps = settle(lake, utc_now())
    is_clean = _show_reports(reports, lake.catalogue.rows("select count(*) as n from refusals")[0]["n"])
    with console.status("publish"):
        published = publish(lake.paths)
    console.print(published.message)
    _show_levels(lake.paths)
    _show_gaps(gaps)
    return is_clean


def _show_loaded(loaded: list[Loaded]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("file", "fate", "underlying", "session", "by", "rows", "held back", "why"):
        table.add_column(heading, justify="right" if heading in {"rows", "held back"} else "left", overflow="fold")
    for one in loaded:
        table.add_row(
            escape(one.name), one.fate, _plain(one.part), _plain(one.session_date), _plain(one.session_basis),
            _plain(one.rows_in), _plain(one.rows_quarantined), escape(one.reason or ""),
        )  # fmt: skip
    console.print(table)
    console.print(f"Files: {_counts(Counter(one.fate for one in loaded))}.")


def _show_reports(reports: list[StageReport], standing: int) -> bool:
    written = Counter(version.table for report in reports for version in report.written)
    refused = [(report.stage, key, refusal) for report in reports for key, refusal in report.refused]
    if written:
        console.print(f"New versions: {_counts(written)}.")
    elif not refused:
        console.print("Nothing to compute: every partition rests on the newest inputs and methods. No new version.")
    if standing > len(refused):
        console.print(f'Refused earlier, still so: {standing - len(refused)} (dealerflow sql "from refusals").')
    for stage, key, refusal in refused:
        place = f"{stage} {key.session_date} {escape(key.part)}"
        console.print(f"[yellow]refused[/yellow] {place}: {refusal.gate}: {escape(refusal.reason)}", soft_wrap=True)
    return not refused


def _show_gaps(gaps: list[Gap]) -> None:
    if gaps:
        console.print(f"Sessions that were due and are not there: {len(gaps)} (dealerflow gaps).")


def _show_levels(paths: Paths) -> None:
    levels = query(paths, _SHOWN_LEVELS)
    table = Table(title="Newest levels", box=None, pad_edge=False, header_style="bold", title_justify="left")
    for heading in levels.columns:
        table.add_column(heading)
    for row in levels:
        table.add_row(*(f"{cell:,.2f}" if isinstance(cell, float) else _plain(cell) for cell in row))
    console.print(table)
    console.print(f"Database: {_short(paths.warehouse)}")


def _plain(value: object) -> str:
    return "" if value is None else escape(str(value))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.items())


def _short(path: Path) -> str:
    """Relative to where the user stands, where that is shorter."""
    return escape(min(str(path), os.path.relpath(path), key=len))
