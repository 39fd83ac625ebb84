"""Everything Dagster knows of the warehouse. Composes only."""

from __future__ import annotations

import dagster as dg

from models import engine
from pipelines.defs.bars.assets import file_bars
from pipelines.defs.crypto.assets import crypto_assets, crypto_visit
from pipelines.defs.crypto.checks import crypto_checks
from pipelines.defs.crypto.schedules import crypto_schedules
from pipelines.defs.daily.assets import arrivals
from pipelines.defs.daily.checks import freshness_checks
from pipelines.defs.daily.schedules import schedules
from pipelines.defs.daily.sensors import sensors
from pipelines.defs.jobs import jobs
from pipelines.defs.rates.assets import rates
from pipelines.defs.reports.assets import report_assets
from pipelines.defs.reports.checks import report_checks
from pipelines.defs.reports.schedules import report_schedules
from pipelines.defs.us.assets import us_assets
from pipelines.defs.us.checks import us_checks
from pipelines.defs.warehouse.assets import warehouse
from pipelines.settings import kernel_engine

engine.use(kernel_engine())
defs = dg.Definitions(
    assets=[arrivals, rates, file_bars, *report_assets, *us_assets, crypto_visit, *crypto_assets, warehouse],
    asset_checks=[*report_checks, *us_checks, *crypto_checks, *freshness_checks],
    jobs=jobs,
    schedules=[*schedules, *report_schedules, *crypto_schedules],
    sensors=sensors,
    executor=dg.in_process_executor,
)
