"""What FINRA's weekly summaries of off-exchange volume have in common, however they were had: what a row must say.

Totals stand beside their parts in one file, told apart by summary type. A row counts from the day on which FINRA last
changed it: before that day it said something else, or was not there.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pipelines.calendar import us_sessions
from pipelines.reports import WEEKLY_TIERS
from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.reports.finra_pages import LONGEST_TEXT
from pipelines.sources.reports.piped import split_by_reason
from pipelines.sources.reports.report import ReportFile, judged
from pipelines.symbols import SYMBOL, symbol_keys

TABLE = "ats_weekly"
ALL, NONE = "_all", "_none"
_MONDAY = 1  # as polars counts weekdays
_TO_FRIDAY = timedelta(days=4)
_SUMMARY_TYPE = r"^(ATS|OTC)_W_(SMBL|FIRM|SMBL_FIRM)$"
# What both readers give of a row; texts that are missing are null.
TYPED = {
    "week_start_date": pl.Date(), "tier": pl.String(), "summary_type": pl.String(), "symbol": pl.String(),
    "issue": pl.String(), "stated_mpid": pl.String(), "crd": pl.String(), "market_participant_name": pl.String(),
    "product": pl.String(), "trades": pl.Int64(), "volume_shares": pl.Float64(), "notional_usd": pl.Float64(),
    "initial_published_date": pl.Date(), "last_update_date": pl.Date(),
}  # fmt: skip


def weekly_report(typed: pl.DataFrame, rejected: pl.DataFrame, rows_in: int) -> ReportFile:
    """The report of rows with the columns of TYPED, `row_number` and `row_text`."""
    published = typed.with_columns(
        published_date=pl.max_horizontal("initial_published_date", "last_update_date"),
        session_date=pl.col("week_start_date") + _TO_FRIDAY,
    )
    rows, wrong = split_by_reason(published, _REASONS)
    firm = pl.coalesce("crd", pl.when(pl.col("stated_mpid").is_null()).then(_NAMED), pl.lit(ALL))
    placed = rows.with_columns(
        part=pl.concat_str("tier", pl.lit("."), "summary_type"),
        underlying=symbol_keys("symbol"),
        vendor_symbol=pl.col("symbol").fill_null(ALL),
        issue_name=pl.col("issue").fill_null(NONE),
        mpid=pl.col("stated_mpid").fill_null(ALL),
        firm_crd=firm,
        product_type=pl.col("product").fill_null(NONE),
        sessions_in_week=_sessions_in_week(rows["week_start_date"]),
    )
    return judged(TABLE, placed, pl.concat([rejected, wrong]), rows_in)


def _sessions_in_week(mondays: pl.Series) -> pl.Series:
    weeks: dict[date, int] = {
        monday: len(us_sessions().between(monday, monday + _TO_FRIDAY)) for monday in mondays.unique()
    }
    return pl.Series([weeks[monday] for monday in mondays], dtype=pl.Int64)


# Firms without a number, such as all small ones in one row, are told apart by their names.
_NAMED = pl.concat_str(pl.lit("name:"), "market_participant_name")
_IS_BY_SYMBOL = pl.col("summary_type").str.contains("SMBL")
_IS_BY_FIRM = pl.col("summary_type").str.contains("FIRM")
_NAMES_NOBODY = pl.all_horizontal(pl.col(name).is_null() for name in ("stated_mpid", "crd", "market_participant_name"))
_TEXTS = ("issue", "stated_mpid", "crd", "market_participant_name", "product")
_QUANTITIES = ("trades", "volume_shares", "notional_usd")
_REASONS = (
    (pl.col("week_start_date").is_null(), "no_week"),
    (pl.col("week_start_date").dt.weekday() != _MONDAY, "week_does_not_start_on_monday"),
    (pl.col("tier").is_null() | ~pl.col("tier").is_in(WEEKLY_TIERS), "unknown_tier"),
    (pl.col("summary_type").is_null(), "no_summary_type"),
    (~pl.col("summary_type").str.contains(_SUMMARY_TYPE), "unknown_summary_type"),
    (pl.col("symbol").is_null() & _IS_BY_SYMBOL, "no_symbol"),
    (~pl.col("symbol").str.contains(SYMBOL), "unreadable_symbol"),
    (pl.any_horizontal(pl.col(name).str.len_chars() > LONGEST_TEXT for name in _TEXTS), "unreadable_text"),
    (_NAMES_NOBODY & _IS_BY_FIRM, "no_participant"),
    (pl.any_horizontal(pl.col(name).is_null() for name in ("trades", "volume_shares")), "unreadable_number"),
    (pl.any_horizontal(pl.col(name) < 0 for name in _QUANTITIES), "negative_quantity"),
    (pl.any_horizontal(pl.col(name) > LARGEST_NUMBER for name in _QUANTITIES), "not_a_quantity"),
    # Nobody can have known a week's volume before its end: such a day is a slip, or of another week.
    (pl.col("published_date") <= pl.col("session_date"), "published_before_the_week_ended"),
)
