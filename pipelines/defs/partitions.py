"""Partitions as Dagster sees them: sessions, UTC days, the weekdays of the Treasury, weeks, half months and months."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta

import dagster as dg

from pipelines.calendar import us_sessions

FIRST_SESSION = date(2004, 1, 2)
FIRST_UTC_DAY = date(2016, 1, 1)  # the year from which coin options have public trades
FIRST_CURVE = date(1990, 1, 2)  # the Treasury's files go back further than chains
FIRST_WEEK = date(2014, 5, 12)  # the first of which FINRA published what alternative trading systems did
FIRST_HALF_MONTH = date(2004, 1, 1)
_HOLIDAYS_UNTIL = date(2030, 12, 31)


def _weekdays(first: date, last: date) -> list[date]:
    days = (first + timedelta(days=i) for i in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5]


_closed = [day for day in _weekdays(FIRST_SESSION, _HOLIDAYS_UNTIL) if not us_sessions().is_session(day)]

us_session_partitions = dg.TimeWindowPartitionsDefinition(
    start=FIRST_SESSION.isoformat(),
    fmt="%Y-%m-%d",
    cron_schedule="0 0 * * 1-5",
    exclusions=[datetime(day.year, day.month, day.day) for day in _closed],
    end_offset=1,  # the session of today is there in its evening
)
utc_day_partitions = dg.DailyPartitionsDefinition(start_date=FIRST_UTC_DAY.isoformat(), end_offset=1)
month_partitions = dg.MonthlyPartitionsDefinition(start_date="1950-01-01", end_offset=1)
treasury_day_partitions = dg.TimeWindowPartitionsDefinition(
    start=FIRST_CURVE.isoformat(), fmt="%Y-%m-%d", cron_schedule="0 0 * * 1-5", end_offset=1
)
# Weeks and halves of months go by their first days, and hold the last days by which the lake knows them.
week_partitions = dg.WeeklyPartitionsDefinition(start_date=FIRST_WEEK.isoformat(), day_offset=1, end_offset=1)
half_month_partitions = dg.TimeWindowPartitionsDefinition(
    start=FIRST_HALF_MONTH.isoformat(), fmt="%Y-%m-%d", cron_schedule="0 0 1,16 * *", end_offset=1
)


def end_of_week(monday: date) -> date:
    return monday + timedelta(days=6)


def partition_range(partitions: dg.TimeWindowPartitionsDefinition, first: date) -> dict[str, str]:
    """The tags of a run over every partition from that of `first` up to now."""
    keys = list(partitions.get_partition_keys())
    start = keys[max(bisect_right(keys, first.isoformat()) - 1, 0)]
    return {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": keys[-1]}
