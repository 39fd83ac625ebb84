"""Everything Dagster knows of the warehouse. Composes only."""

from __future__ import annotations

import dagster as dg

from pipelines.defs.partitions import treasury_day_partitions, us_session_partitions
from pipelines.defs.rates.assets import rates
from pipelines.defs.us.assets import us_assets
from pipelines.defs.us.checks import us_checks
from pipelines.defs.warehouse.assets import warehouse

# One job cannot mix partition definitions; one process, because each further one would import everything again.
rates_job = dg.define_asset_job("rates_job", [rates], partitions_def=treasury_day_partitions)
us_job = dg.define_asset_job("us_job", us_assets, partitions_def=us_session_partitions)
publish_job = dg.define_asset_job("publish_job", [warehouse])

defs = dg.Definitions(
    assets=[rates, *us_assets, warehouse],
    asset_checks=us_checks,
    jobs=[rates_job, us_job, publish_job],
    executor=dg.in_process_executor,
)
