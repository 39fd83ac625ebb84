"""FINRA's weekly summaries of off-exchange volume as its web page gives them: pipe-separated, a row a firm and symbol.

The file names neither its week nor what its rows sum up. The owner declares the week. Trading systems have an MPID,
other firms only a name, and totals neither: of these nobody can tell whether they are of trading systems.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Declared, Unreadable
from pipelines.sources.reports.finra_weekly import weekly_report
from pipelines.sources.reports.piped import day, number, read_piped, split_by_reason, table_of
from pipelines.sources.reports.report import ReportFile
from pipelines.sources.text import decode

NAME = "finra_weekly_txt"
TABLE = "ats_weekly"
LARGEST_BYTES = 64 * 2**20
HEADER = (
    "tierDescription|issueSymbolIdentifier|issueName|marketParticipantName|MPID|totalWeeklyShareQuantity"
    "|totalWeeklyTradeCount|lastUpdateDate"
)
_COLUMNS = ("description", "symbol", "issue", "name", "mpid", "shares", "count", "updated")
_TRADES = r"^-?[0-9]{1,15}$"


def recognise(data: bytes) -> bool:
    return data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(HEADER.encode())


def report(data: bytes, declared: Declared) -> ReportFile:
    """The rows of the week that holds the declared day. Unreadable without one, and when the last line is cut off."""
    if declared.session is None:
        raise Unreadable("the file names no week: declare any day of it with --session YYYY-MM-DD")
    table = table_of(decode(data).lstrip())
    cells, ragged = read_piped(table.lines, _COLUMNS)
    monday = declared.session - timedelta(days=declared.session.weekday())
    rows, wrong = split_by_reason(_typed(cells).with_columns(week_start_date=pl.lit(monday)), _REASONS)
    rejected = pl.concat([ragged, wrong])
    table.refuse_cut_off(rejected["row_number"])
    return weekly_report(rows, rejected, len(table.lines))


def _typed(cells: pl.DataFrame) -> pl.DataFrame:
    """The columns of the weekly summaries; those that the file lacks are null."""
    nothing = pl.lit(None, dtype=pl.String)
    stated = cells.with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in ("symbol", "issue", "name", "mpid")
    )
    return stated.with_columns(
        tier=pl.when(pl.col("description").str.contains(r"^NMS Tier 1$"))
        .then(pl.lit("T1"))
        .when(pl.col("description").str.contains(r"^NMS Tier 2$"))
        .then(pl.lit("T2"))
        .when(pl.col("description").str.contains(r"^OTC"))
        .then(pl.lit("OTCE")),
        summary_type=pl.when(pl.col("mpid").is_not_null())
        .then(pl.lit("ATS_W_SMBL_FIRM"))
        .when(pl.col("name").is_not_null())
        .then(pl.lit("OTC_W_SMBL_FIRM")),
        stated_mpid="mpid",
        crd=nothing,
        market_participant_name="name",
        product=nothing,
        trades=pl.when(pl.col("count").str.contains(_TRADES)).then("count").cast(pl.Int64),
        volume_shares=number("shares"),
        notional_usd=pl.lit(None, dtype=pl.Float64),
        initial_published_date=pl.lit(None, dtype=pl.Date),
        last_update_date=day("updated", "%Y-%m-%d"),
    )


_REASONS = (
    (pl.col("last_update_date").is_null(), "unreadable_date"),
    (~pl.col("last_update_date").dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR), "date_out_of_range"),
    (pl.col("summary_type").is_null(), "neither_trading_system_nor_firm"),
)
