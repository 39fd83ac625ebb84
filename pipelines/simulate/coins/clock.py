"""Instants as the venue counts them: whole milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

Milliseconds = npt.NDArray[np.int64]
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
BUCKET = 10 * MINUTE
YEAR = 365 * DAY
_EPOCH = datetime(1970, 1, 1)


def milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant_of(milliseconds_utc: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds_utc)


def instant_of_us(microseconds_utc: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds_utc)


def date_of(milliseconds_utc: int) -> date:
    return instant_of(milliseconds_utc).date()


def day_start(milliseconds_utc: int) -> int:
    return milliseconds_utc - milliseconds_utc % DAY
