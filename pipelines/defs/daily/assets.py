"""What arrives from outside: followed feeds and inbox folders."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from pipelines.daily.collect import collect
from pipelines.fetch import FEEDS
from pipelines.lake.store import opened
from pipelines.settings import data_paths


class Asked(dg.Config):
    """Which feeds are asked; all of them where none are named."""

    feeds: list[str] | None = None


@dg.asset(group_name="daily", kinds={"parquet"})
def arrivals(context: dg.AssetExecutionContext, config: Asked) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Fetches what followed feeds owe, loads what is new in the inboxes, brings the ledger of gaps up to date."""
    with opened(data_paths()) as lake:
        collected = collect(lake, context.log.info, feeds=FEEDS if config.feeds is None else config.feeds)
    return dg.MaterializeResult(
        metadata={
            "landed": collected.count("landed"),
            "duplicates": collected.count("duplicate_bytes", "duplicate_body"),
            "refused": [f"{one.name}: {one.reason}" for one in collected.loaded if one.fate == "refused"],
            "open_gaps": collected.open_gaps,
        }
    )


def only(feeds: Sequence[str]) -> dict[str, Any]:
    """The configuration of a run that asks these feeds."""
    return {"ops": {arrivals.op.name: {"config": {"feeds": list(feeds)}}}}
