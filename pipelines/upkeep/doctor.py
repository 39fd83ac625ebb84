"""What is wrong, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from pipelines.errors import is_for_users, one_line
from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths, workers
from pipelines.upkeep import (
    health_of_chains,
    health_of_feeds,
    health_of_machine,
    health_of_reports,
    health_of_snapshots,
)
from pipelines.upkeep.findings import Finding

_log = logging.getLogger(__name__)
_ORDER = ("wrong", "watch", "fine")
Check = Callable[[Lake, datetime], Iterable[Finding]]
CHECKS: tuple[Check, ...] = (
    health_of_feeds.gaps,
    health_of_feeds.not_computed,
    health_of_feeds.old_methods,
    health_of_feeds.refused,
    health_of_machine.behind,
    health_of_snapshots.snapshots,
    health_of_feeds.ended,
    health_of_feeds.late_visits,
    health_of_machine.at_work,
    health_of_machine.disk,
    health_of_machine.superseded,
    health_of_machine.programs,
    health_of_chains.newest_rows,
    health_of_chains.stale_pages,
    health_of_chains.open_interest,
    health_of_chains.identity,
    health_of_reports.row_counts,
    health_of_reports.trailers,
    health_of_reports.clearing,
    health_of_reports.publication_days,
    health_of_reports.symbols,
)


def examine(paths: Paths, now: datetime) -> list[Finding]:
    """Everything that the checks find at `now` (UTC), the worst first. Nothing is written."""
    found = _environment()
    if not paths.catalogue.exists():
        return [*found, Finding("watch", f"nothing has been loaded into {paths.root} yet", "dealerflow load FILES")]
    try:
        with opened(paths) as lake:
            for check in CHECKS:
                found += _made(check, lake, now)
    except Exception as error:
        if not is_for_users(error):
            raise
        cure = "mend the folder, or restore the catalogue from a copy: it alone says what counts"
        found.append(Finding("wrong", one_line(error), cure))
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))


def _environment() -> list[Finding]:
    try:
        workers()
    except Exception as error:
        if not is_for_users(error):
            raise
        return [Finding("wrong", one_line(error), "correct the variable")]
    return []


def _made(check: Check, lake: Lake, now: datetime) -> list[Finding]:
    """One check that cannot be made must not hide what the others find."""
    try:
        return list(check(lake, now))
    except Exception as error:  # noqa: BLE001 - told as a finding, whatever it is
        if not is_for_users(error):
            _log.debug("%s", check.__name__, exc_info=True)
        told = f"{check.__name__} could not be examined: {one_line(error)}"
        return [Finding("wrong", told, "correct what it names, else dealerflow verify")]
