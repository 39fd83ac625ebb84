"""The stages in the order in which the data flow. Each later one reads what earlier ones wrote."""

from __future__ import annotations

from pipelines.lake.stage import Stage
from pipelines.stages.bars import BARS
from pipelines.stages.clearing_shares import CLEARING_SHARES
from pipelines.stages.coin_bars import COIN_BARS, DELIVERIES
from pipelines.stages.coin_exposures import COIN_EXPOSURES
from pipelines.stages.coin_heatmap import COIN_HEATMAP
from pipelines.stages.coin_landing import COIN_LANDING
from pipelines.stages.coin_surface import COIN_SURFACE
from pipelines.stages.exposures import EXPOSURES
from pipelines.stages.file_bars import FILE_BARS
from pipelines.stages.flow import FLOW
from pipelines.stages.heatmap import HEATMAP
from pipelines.stages.inventory import INVENTORY
from pipelines.stages.landing import LANDING
from pipelines.stages.marks import MARKS
from pipelines.stages.open_close_positions import OPEN_CLOSE_POSITIONS
from pipelines.stages.quality import QUALITY
from pipelines.stages.rates import RATES
from pipelines.stages.reports import REPORT_STAGES
from pipelines.stages.surface import SURFACE
from pipelines.stages.us_trades import US_FLOW, US_INVENTORY, US_TRADES

US_SPINE: tuple[Stage, ...] = (LANDING, BARS, MARKS, SURFACE, EXPOSURES, HEATMAP, QUALITY)
COIN_SPINE: tuple[Stage, ...] = (
    COIN_LANDING, COIN_SURFACE, INVENTORY, FLOW, COIN_EXPOSURES, COIN_HEATMAP, QUALITY,
)  # fmt: skip
COIN_OWN_RHYTHM: tuple[Stage, ...] = (COIN_BARS, DELIVERIES)  # their parts are symbols, or nothing rests on them
TRADES: tuple[Stage, ...] = (US_TRADES, US_INVENTORY, US_FLOW)  # in parts of their own
REPORTED: tuple[Stage, ...] = tuple(REPORT_STAGES.values())
ON_REPORTS: tuple[Stage, ...] = (OPEN_CLOSE_POSITIONS, CLEARING_SHARES)
OWN_RHYTHM: tuple[Stage, ...] = (RATES, FILE_BARS, *REPORTED, *ON_REPORTS)  # their partitions are not sessions
SPINES: dict[str, tuple[Stage, ...]] = {
    "us": (*OWN_RHYTHM, *US_SPINE, *TRADES),
    "crypto": (*COIN_OWN_RHYTHM, *COIN_SPINE),
}  # by market
ALL_STAGES: tuple[Stage, ...] = tuple(dict.fromkeys(stage for stages in SPINES.values() for stage in stages))
