"""The DuckDB file that analysts open."""

from __future__ import annotations

import dagster as dg

from pipelines.daily.gap_ledger import settle, utc_now
from pipelines.defs.crypto.assets import crypto_assets
from pipelines.defs.reports.assets import report_assets
from pipelines.defs.us.assets import us_assets
from pipelines.lake.store import opened
from pipelines.settings import data_paths
from pipelines.stages.file_bars import FILE_BARS
from pipelines.warehouse.publish import publish


@dg.asset(
    deps=[FILE_BARS.name, *report_assets, *us_assets, *crypto_assets],
    group_name="warehouse",
    kinds={"dbt", "duckdb"},
)
def warehouse() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One dbt build over the current partitions; the served file is replaced only when every test has passed."""
    paths = data_paths()
    with opened(paths) as lake, lake.writing():
        settle(lake, utc_now())
    report = publish(paths)
    return dg.MaterializeResult(metadata={"is_published": report.is_published, "is_rebuilt": report.is_rebuilt})
