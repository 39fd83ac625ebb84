"""The jobs. One cannot mix partition definitions; each runs in one process, as a further one would import anew."""

from __future__ import annotations

import dagster as dg

from pipelines.defs.bars.assets import file_bars
from pipelines.defs.daily.assets import arrivals
from pipelines.defs.rates.assets import rates
from pipelines.defs.us.assets import us_assets
from pipelines.defs.warehouse.assets import warehouse

# Vendors have bad minutes, and another process may hold the lake: 1, 2 and 4 minutes later it is tried again.
_RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)

collect_job = dg.define_asset_job("collect_job", [arrivals], op_retry_policy=_RETRIES)
rates_job = dg.define_asset_job("rates_job", [rates], op_retry_policy=_RETRIES)
bars_job = dg.define_asset_job("bars_job", [file_bars], op_retry_policy=_RETRIES)
us_job = dg.define_asset_job("us_job", us_assets, op_retry_policy=_RETRIES)
publish_job = dg.define_asset_job("publish_job", [warehouse], op_retry_policy=_RETRIES)

jobs = [collect_job, rates_job, bars_job, us_job, publish_job]
