"""Of which spans a mapped file of trades holds every one, by its owner's word: a row a day and underlying."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import polars as pl

from pipelines.calendar import LAST_DAY, NEW_YORK, new_york_to_utc, us_sessions
from pipelines.sources.coin_file import COVERAGE_SCHEMA
from pipelines.sources.mapping_coins import TradesMapping

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_UTC, _NEW_YORK = "UTC", str(NEW_YORK)


def coverage(trades: pl.DataFrame, lost: pl.DataFrame, mapping: TradesMapping) -> pl.DataFrame:
    """`lost`: rows that could not be taken; of their days nothing is complete, of all days where theirs is not told."""
    if mapping.coverage is None or trades.is_empty():
        return pl.DataFrame(schema=COVERAGE_SCHEMA)
    is_us, is_whole = mapping.market == "us", mapping.coverage.complete == "file"
    zone = _NEW_YORK if is_us else _UTC
    first, last = trades.select(first=pl.col("trade_ts").min(), last=pl.col("trade_ts").max()).row(0)
    newest = trades.group_by(day=_local_day("trade_ts", zone)).agg(pl.col("known_at").max())
    known: dict[date, datetime] = dict(newest.iter_rows())
    lost_days = set(lost.select("underlying", _local_day("day_ts", zone)).unique().iter_rows())
    rows = []
    for day in _every_day(min(known), max(known)) if is_whole else sorted(known):
        from_ts, ended = _midnight(day, zone), _midnight(day + _DAY, zone)
        until_ts = _midnight(_next_session(day), zone) if is_us and not is_whole else ended
        if is_whole:
            from_ts, until_ts = max(from_ts, first), min(until_ts, last + _TICK)
            ended = until_ts
        known_at = max(ended, known.get(day, ended))
        for underlying in sorted(trades["underlying"].unique()):
            is_lost = any((name, gone) in lost_days for name in (underlying, None) for gone in (day, None))
            if not is_lost:
                rows.append((underlying, from_ts, until_ts, known_at))
    return pl.DataFrame(rows, schema=COVERAGE_SCHEMA, orient="row").sort("underlying", "from_ts")


def _every_day(first: date, last: date) -> list[date]:
    return [first + _DAY * number for number in range((last - first).days + 1)]


def _midnight(day: date, zone: str) -> datetime:
    return new_york_to_utc(day, time()) if zone == _NEW_YORK else datetime.combine(day, time())


def _next_session(day: date) -> date:
    """No contract trades between a session and the next one."""
    calendar = us_sessions()
    return calendar.after(day) if calendar.is_session(day) and day < LAST_DAY else day + _DAY


def _local_day(column: str, zone: str) -> pl.Expr:
    return pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()
