"""The stages in the order in which the data flow. Each later one reads what earlier ones wrote."""

from __future__ import annotations

from pipelines.lake.stage import Stage
from pipelines.stages.exposures import EXPOSURES
from pipelines.stages.heatmap import HEATMAP
from pipelines.stages.landing import LANDING
from pipelines.stages.marks import MARKS
from pipelines.stages.quality import QUALITY
from pipelines.stages.rates import RATES
from pipelines.stages.surface import SURFACE

US_SPINE: tuple[Stage, ...] = (LANDING, MARKS, SURFACE, EXPOSURES, HEATMAP, QUALITY)
ALL_STAGES: tuple[Stage, ...] = (RATES, *US_SPINE)
