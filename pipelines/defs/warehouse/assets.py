"""The DuckDB file that analysts open."""

from __future__ import annotations

import dagster as dg

from pipelines.settings import data_paths
from pipelines.stages.spine import US_SPINE
from pipelines.warehouse.publish import publish


@dg.asset(deps=[stage.name for stage in US_SPINE], group_name="warehouse", kinds={"dbt", "duckdb"})
def warehouse() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One dbt build over the current partitions; the served file is replaced only when every test has passed."""
    report = publish(data_paths())
    return dg.MaterializeResult(metadata={"is_published": report.is_published, "is_rebuilt": report.is_rebuilt})
