"""What must hold in every session of market `us`, as sentences. The gates decide inside the write; these report."""

import dagster as dg

from pipelines.defs.partitions import us_session_partitions
from pipelines.defs.stage_asset import gates_refused_nothing, quality_rows
from pipelines.defs.us.assets import US_STAGES

SHARE_THAT_PROVES_A_DATE = 0.90


@dg.asset_check(asset="quality", partitions_def=us_session_partitions)
def every_listed_row_has_a_fate(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Rows of a page = live + expired + quarantined + duplicate."""
    fates = ("rows_live", "rows_expired", "rows_quarantined", "rows_duplicate")
    return quality_rows(
        context.partition_keys,
        lambda row: row["rows_in"] != sum(row[fate] for fate in fates),
        dg.AssetCheckSeverity.ERROR,
    )


@dg.asset_check(asset="quality", partitions_def=us_session_partitions)
def open_interest_changed_by_no_more_than_was_traded(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Where an earlier page allows the test, nine in ten changes fit the volume: the date is right."""
    return quality_rows(
        context.partition_keys,
        lambda row: (
            row["open_interest_evidence"] == "change_within_volume"
            and row["open_interest_evidence_share_frac"] < SHARE_THAT_PROVES_A_DATE
        ),
        dg.AssetCheckSeverity.WARN,
    )


@dg.asset_check(asset="quality", partitions_def=us_session_partitions)
def no_page_is_partial(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return quality_rows(context.partition_keys, lambda row: row["is_partial"], dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset="quality", partitions_def=us_session_partitions)
def most_quotes_are_there(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """A page pulled late in the evening may show zeros for quotes; its volatilities are then the vendor's."""
    return quality_rows(
        context.partition_keys, lambda row: (row["zeroed_quote_share_frac"] or 0) > 0.5, dg.AssetCheckSeverity.WARN
    )


us_checks = [
    *(gates_refused_nothing(stage, us_session_partitions) for stage in US_STAGES),
    every_listed_row_has_a_fate,
    open_interest_changed_by_no_more_than_was_traded,
    no_page_is_partial,
    most_quotes_are_there,
]
