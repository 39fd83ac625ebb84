"""What arrives from outside: followed feeds and inbox folders."""

import dagster as dg

from pipelines.daily.collect import collect
from pipelines.lake.store import opened
from pipelines.settings import data_paths


@dg.asset(group_name="daily", kinds={"parquet"})
def arrivals(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Fetches what followed feeds owe, loads what is new in the inboxes, brings the ledger of gaps up to date."""
    with opened(data_paths()) as lake:
        collected = collect(lake, context.log.info)
    return dg.MaterializeResult(
        metadata={
            "landed": collected.count("landed"),
            "duplicates": collected.count("duplicate_bytes", "duplicate_body"),
            "refused": [f"{one.name}: {one.reason}" for one in collected.loaded if one.fate == "refused"],
            "open_gaps": collected.open_gaps,
        }
    )
