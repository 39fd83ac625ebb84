"""The stages in the order in which the data flow. Each later one reads what earlier ones wrote."""

from __future__ import annotations

from pipelines.lake.stage import Stage
from pipelines.stages.bars import BARS
from pipelines.stages.exposures import EXPOSURES
from pipelines.stages.file_bars import FILE_BARS
from pipelines.stages.heatmap import HEATMAP
from pipelines.stages.landing import LANDING
from pipelines.stages.marks import MARKS
from pipelines.stages.quality import QUALITY
from pipelines.stages.rates import RATES
from pipelines.stages.surface import SURFACE

US_SPINE: tuple[Stage, ...] = (LANDING, BARS, MARKS, SURFACE, EXPOSURES, HEATMAP, QUALITY)
OWN_RHYTHM: tuple[Stage, ...] = (RATES, FILE_BARS)  # their partitions are not sessions
ALL_STAGES: tuple[Stage, ...] = (*OWN_RHYTHM, *US_SPINE)
