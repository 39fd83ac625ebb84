"""What a followed coin venue owes: a chain every ten minutes, and every trade. Which of both are missing, day by day.

Visits are counted in *ticks*, the ten-minute marks since 1970. A snapshot stands for the tick before it, and for the
one after it when it was made in the last minute before that: clocks differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

CHAINS, TRADES = "deribit_chain", "deribit_trades"  # the names by which their gaps stand in the ledger
EVERY = timedelta(minutes=10)
TICKS_A_DAY = timedelta(days=1) // EVERY
EARLY = timedelta(minutes=1)
GRACE = timedelta(minutes=10)  # until a snapshot counts as missing
# Trades are proven complete by what is computed once an hour, which takes its time.
TRADES_GRACE = timedelta(hours=2)
_EPOCH = datetime(1970, 1, 1)
_NAMED = 3  # spans told one by one

Span = tuple[datetime, datetime]  # from, until


@dataclass(frozen=True, slots=True, order=True)
class Lack:
    """What is missing of one underlying and UTC day."""

    source: str
    part: str
    session_date: date
    due_ts: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Hole:
    """Trades of a contract that its numbers prove to be missing; both ends included."""

    contract_id: str
    from_seq: int
    to_seq: int

    def __str__(self) -> str:
        span = f"{self.from_seq}" if self.from_seq == self.to_seq else f"{self.from_seq} to {self.to_seq}"
        return f"{self.contract_id}: {span}"


def tick_of(instant: datetime) -> int:
    """The tick that a snapshot made at `instant` stands for."""
    return (instant - _EPOCH + EARLY) // EVERY


def instant_of(tick: int) -> datetime:
    return _EPOCH + tick * EVERY


def ticks_due(now: datetime) -> int:
    """The first tick that is not due yet at `now`."""
    return (now - _EPOCH - GRACE) // EVERY + 1


def start_of(day: date) -> datetime:
    return datetime.combine(day, time())


def missing_snapshots(part: str, steps: Iterable[range], first: int, due: int) -> list[Lack]:
    """Days of which ticks from `first` (included) to `due` (excluded) are missing. `steps`: runs of missing ticks."""
    by_day: dict[date, list[range]] = {}
    for run in steps:
        for piece in _by_day(range(max(run.start, first), min(run.stop, due))):
            by_day.setdefault(instant_of(piece.start).date(), []).append(piece)
    return [Lack(CHAINS, part, day, instant_of(runs[0].start) + GRACE, _said(runs)) for day, runs in by_day.items()]


def _by_day(run: range) -> Iterator[range]:
    start = run.start
    while start < run.stop:
        stop = min(run.stop, (start // TICKS_A_DAY + 1) * TICKS_A_DAY)
        yield range(start, stop)
        start = stop


def _said(runs: Sequence[range]) -> str:
    count = sum(map(len, runs))
    told = f"{count} of {TICKS_A_DAY} snapshots missing"
    longest = max(runs, key=len)
    return told if count == TICKS_A_DAY else f"{told}, longest {_clock(longest)}"


def _clock(run: range) -> str:
    return _span(instant_of(run.start), instant_of(run.stop))


def _span(start: datetime, end: datetime) -> str:
    """Within one day; its end is 24:00."""
    return f"{start:%H:%M}-{'24:00' if end.date() > start.date() else f'{end:%H:%M}'}"


def trades_due(now: datetime) -> datetime:
    """Up to which instant every trade must be there at `now`."""
    return now.replace(minute=0, second=0, microsecond=0) - TRADES_GRACE


def uncovered(covered: Iterable[Span], until: datetime) -> list[Span]:
    """What lies between the first covered instant and `until` and no span covers, in order."""
    found: list[Span] = []
    reached: datetime | None = None
    for start, end in sorted(covered):
        if reached is not None and start > reached:
            found.append((reached, min(start, until)))
        reached = end if reached is None else max(reached, end)
    if reached is not None and reached < until:
        found.append((reached, until))
    return [(start, end) for start, end in found if start < end]


def missing_trades(part: str, gaps: Iterable[Span], holes: Mapping[date, Sequence[Hole]], now: datetime) -> list[Lack]:
    """Days of which spans are uncovered or the venue's numbers have holes. A day's holes are due when it is over."""
    by_day: dict[date, list[Span]] = {}
    for gap in gaps:
        for piece in _days_of(gap):
            by_day.setdefault(piece[0].date(), []).append(piece)
    found = []
    for day in sorted({*by_day, *holes}):
        spans, numbers = by_day.get(day, []), holes.get(day, ())
        due = spans[0][0] + TRADES_GRACE if spans else start_of(day + timedelta(days=1))
        if due <= now:
            reason = "; ".join(filter(None, (_holes(numbers), _uncovered(spans))))
            found.append(Lack(TRADES, part, day, due, reason))
    return found


def _days_of(span: Span) -> Iterator[Span]:
    start, end = span
    while start < end:
        midnight = start_of(start.date() + timedelta(days=1))
        yield start, min(end, midnight)
        start = midnight


def _holes(holes: Sequence[Hole]) -> str:
    if not holes:
        return ""
    count = sum(hole.to_seq - hole.from_seq + 1 for hole in holes)
    contracts = len({hole.contract_id for hole in holes})
    trades, named = "trade" if count == 1 else "trades", "contract" if contracts == 1 else "contracts"
    return f"{count} {trades} missing by trade_seq in {contracts} {named}, first {holes[0]}"


def _uncovered(spans: Sequence[Span]) -> str:
    if not spans:
        return ""
    more = f" and {len(spans) - _NAMED} more" if len(spans) > _NAMED else ""
    return f"uncovered {', '.join(_span(*span) for span in spans[:_NAMED])}{more}"


def late_by(instants: Iterable[datetime]) -> list[timedelta]:
    """How long after its tick each snapshot was made; nothing where it was early."""
    return [max(instant - instant_of(tick_of(instant)), timedelta(0)) for instant in instants]
