"""The ledger of gaps: what was owed and did not come, and what of it came later.

What is lacking is told by `session_gaps`, `report_gaps` and `coin_gaps`. The ledger changes when a due time passes or
something is loaded, never else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from pipelines.daily import coin_gaps, report_gaps, session_gaps
from pipelines.lake.catalogue import timestamp
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake
from pipelines.markets import CRYPTO, US
from pipelines.operator_settings import Follow, operator_settings

Place = tuple[str, str, date]  # market, part, session
BroughtBy = Callable[[str, str, date], str | None]  # source, part, session -> the source that brought it


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """One line of the ledger."""

    source: str
    part: str
    session_date: date
    due_ts: datetime
    status: str  # missing | refused | filled
    reason: str | None
    market: str = US.name

    @property
    def place(self) -> Place:
        return (self.market, self.part, self.session_date)


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def settle(lake: Lake, now: datetime) -> list[Gap]:
    """Bring the ledger of gaps to `now` (UTC) and export the catalogue; the gaps that are open."""
    gaps = current_gaps(lake, operator_settings(lake.paths).follow, now)
    lake.catalogue.replace_gaps([_row(gap) for gap in gaps])
    export_catalogue(lake)
    return [gap for gap in gaps if gap.status != "filled"]


def current_gaps(lake: Lake, follow: Follow, now: datetime) -> list[Gap]:
    """The ledger as it stands at `now`; nothing is written."""
    recorded = recorded_gaps(lake)
    sessions, reports = (module.balance(lake, follow, now) for module in (session_gaps, report_gaps))
    return sorted(
        [
            *_us_gaps(sessions.lacks, sessions.brought_by, recorded),
            *_us_gaps(reports.lacks, reports.brought_by, recorded),
            *_coin_gaps(lake, follow, now, recorded),
        ]
    )


def _us_gaps(lacks: Iterable[session_gaps.Lack], brought_by: BroughtBy, recorded: Iterable[Gap]) -> list[Gap]:
    """What is missing, with the reason where it was refused; and what of the record is filled."""
    lines = [
        Gap(one.source, one.part, one.session_date, one.due_ts, "refused" if reason else "missing", reason)
        for one, reason in lacks
    ]
    still_open = {(gap.source, gap.place) for gap in lines}
    for gap in recorded:
        is_open = gap.market != US.name or (gap.source, gap.place) in still_open
        bringer = None if is_open else brought_by(gap.source, gap.part, gap.session_date)
        if bringer is not None:
            lines.append(replace(gap, status="filled", reason=f"by {bringer}"))
    return lines


def _coin_gaps(lake: Lake, follow: Follow, now: datetime, recorded: Iterable[Gap]) -> list[Gap]:
    """Of the coin venue, where a day may miss a part of what it owes: what is filled misses nothing any more."""
    balance = coin_gaps.balance(lake, follow, now)
    lines = [
        Gap(one.source, one.part, one.session_date, one.due_ts, "missing", one.reason, CRYPTO.name)
        for one in balance.lacks
    ]
    still_open = {(gap.source, gap.place) for gap in lines}
    for gap in recorded:
        until = balance.owed_until.get((gap.source, gap.part)) if gap.market == CRYPTO.name else None
        is_owed = until is not None and gap.due_ts - coin_gaps.GRACES[gap.source] < until
        if is_owed and (gap.source, gap.place) not in still_open:
            bringer = coin_gaps.brought_by(lake, gap.source, gap.part, gap.session_date)
            lines += [] if bringer is None else [replace(gap, status="filled", reason=f"by {bringer}")]
    return lines


def recorded_gaps(lake: Lake) -> list[Gap]:
    return sorted(
        Gap(
            row["source"], row["part"], date.fromisoformat(row["session_date"]),
            datetime.fromisoformat(row["due_ts"]), row["status"], row["reason"], row["market"],
        )
        for row in lake.catalogue.rows("select * from gaps")
    )  # fmt: skip


def _row(gap: Gap) -> dict[str, Any]:
    return {
        "market": gap.market, "source": gap.source, "part": gap.part, "session_date": gap.session_date.isoformat(),
        "due_ts": timestamp(gap.due_ts), "status": gap.status, "reason": gap.reason,
    }  # fmt: skip
