"""The jobs. One cannot mix partition definitions; each runs in one process, as a further one would import anew.

Each job stands in a room, and each room does one run at a time (`dagster.yaml`): what writes the lake for long, what
publishes, and visits, which must not wait for either.
"""

from __future__ import annotations

import dagster as dg

from pipelines.defs.bars.assets import file_bars
from pipelines.defs.crypto.assets import crypto_assets, crypto_visit
from pipelines.defs.daily.assets import arrivals
from pipelines.defs.rates.assets import rates
from pipelines.defs.reports.assets import HALF_MONTHS, SESSIONS, WEEKS, assets_of
from pipelines.defs.us.assets import us_assets
from pipelines.defs.warehouse.assets import warehouse

# Vendors have bad minutes, and another process may hold the lake: 1, 2 and 4 minutes later it is tried again.
_RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)

# A visit belongs to its ten minutes: once more, or the next one takes its place.
_ONCE_MORE = dg.RetryPolicy(max_retries=1, delay=60)
ROOM = "dealerflow/room"
_LAKE, _PUBLISHING = {ROOM: "lake"}, {ROOM: "publishing"}
_VISITING = {ROOM: "visiting", "dagster/max_runtime": "3600"}

collect_job = dg.define_asset_job("collect_job", [arrivals], op_retry_policy=_RETRIES, tags=_LAKE)
rates_job = dg.define_asset_job("rates_job", [rates], op_retry_policy=_RETRIES, tags=_LAKE)
bars_job = dg.define_asset_job("bars_job", [file_bars], op_retry_policy=_RETRIES, tags=_LAKE)
session_reports_job = dg.define_asset_job(
    "session_reports_job", assets_of(SESSIONS), op_retry_policy=_RETRIES, tags=_LAKE
)
weekly_reports_job = dg.define_asset_job("weekly_reports_job", assets_of(WEEKS), op_retry_policy=_RETRIES, tags=_LAKE)
half_month_reports_job = dg.define_asset_job(
    "half_month_reports_job", assets_of(HALF_MONTHS), op_retry_policy=_RETRIES, tags=_LAKE
)
us_job = dg.define_asset_job("us_job", us_assets, op_retry_policy=_RETRIES, tags=_LAKE)
crypto_visit_job = dg.define_asset_job("crypto_visit_job", [crypto_visit], op_retry_policy=_ONCE_MORE, tags=_VISITING)
crypto_job = dg.define_asset_job("crypto_job", crypto_assets, op_retry_policy=_RETRIES, tags=_LAKE)
publish_job = dg.define_asset_job("publish_job", [warehouse], op_retry_policy=_RETRIES, tags=_PUBLISHING)

report_jobs = [session_reports_job, weekly_reports_job, half_month_reports_job]
jobs = [collect_job, rates_job, bars_job, *report_jobs, us_job, crypto_visit_job, crypto_job, publish_job]
