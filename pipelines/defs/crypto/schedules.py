"""When market `crypto` is visited, computed and published: around the clock, in UTC, each at its own pace."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pipelines.daily.coin_owed import coins_owed_from
from pipelines.daily.coin_visits import why_not
from pipelines.daily.freshness import is_unpublished
from pipelines.defs.crypto.assets import CRYPTO_STAGES
from pipelines.defs.jobs import crypto_job, crypto_visit_job, publish_job
from pipelines.defs.partitions import partition_range, utc_day_partitions
from pipelines.defs.ticking import UNIVERSAL, ticking
from pipelines.lake.store import opened
from pipelines.settings import data_paths


def _not_followed(_tick: datetime) -> str | None:
    return why_not(data_paths())


def _waiting_from(tick: datetime) -> date | None:
    with opened(data_paths()) as lake:
        waiting = [coins_owed_from(lake, stage, tick) for stage in CRYPTO_STAGES if stage.sources]
    return min((day for day in waiting if day is not None), default=None)


def _nothing_waits(tick: datetime) -> str | None:
    if not data_paths().catalogue.exists():
        return "nothing has been loaded yet"
    return None if _waiting_from(tick) else "nothing came that is not computed"


def _over_what_waits(tick: datetime) -> dict[str, str]:
    """Yesterday is always looked at too: what a run that failed left undone is a look-up when nothing is."""
    yesterday = tick.date() - timedelta(days=1)
    return partition_range(utc_day_partitions, min(_waiting_from(tick) or yesterday, yesterday))


def _nothing_changed(_tick: datetime) -> str | None:
    return None if is_unpublished(data_paths()) else "nothing was computed since the last publish"


crypto_visit_schedule = ticking(
    "crypto_visit_schedule",
    crypto_visit_job,
    "*/10 * * * *",
    _not_followed,
    "Visits the coin venue: chains, trades and bars of what is followed.",
    zone=UNIVERSAL,
)
crypto_hourly_schedule = ticking(
    "crypto_hourly_schedule",
    crypto_job,
    "2 * * * *",
    _nothing_waits,
    "Computes what came, from the first day that waits for it up to the hour that ended.",
    zone=UNIVERSAL,
    tags_of=_over_what_waits,
)
crypto_publish_schedule = ticking(
    "crypto_publish_schedule",
    publish_job,
    "15 */4 * * *",
    _nothing_changed,
    "Publishes what was computed since the last publish.",
    zone=UNIVERSAL,
)
crypto_schedules = [crypto_visit_schedule, crypto_hourly_schedule, crypto_publish_schedule]
