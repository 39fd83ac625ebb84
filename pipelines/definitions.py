"""Everything Dagster knows of the warehouse. Composes only."""

from __future__ import annotations

import dagster as dg

from pipelines.defs.rates.assets import rates
from pipelines.defs.us.assets import us_assets
from pipelines.defs.us.checks import us_checks
from pipelines.defs.warehouse.assets import warehouse

# One job cannot mix partition definitions; one process, because each further one would import everything again.
rates_job = dg.define_asset_job("rates_job", [rates])
us_job = dg.define_asset_job("us_job", us_assets)
publish_job = dg.define_asset_job("publish_job", [warehouse])

defs = dg.Definitions(
    assets=[rates, *us_assets, warehouse],
    asset_checks=us_checks,
    jobs=[rates_job, us_job, publish_job],
    executor=dg.in_process_executor,
)
