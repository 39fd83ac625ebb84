"""The zero curve that a snapshot may use: the newest known at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.lake.stage import Inputs

STALE_AFTER_SESSIONS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    curve_date: date
    tenor_years: NDArray[np.float64]
    zero_rate_frac: NDArray[np.float64]

    @property
    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.tenor_years, self.zero_rate_frac


def newest_curve(inputs: Inputs, snapshot_ts: datetime) -> Curve | None:
    """None when no curve was known yet. A stage names the curve of the newest earlier date among its inputs."""
    for version in reversed(inputs.earlier["treasury_zero_curve"]):
        frame = inputs.lake.read(version, ["known_at", "tenor_years", "zero_rate_frac"])
        if frame["known_at"][0] <= snapshot_ts:
            return Curve(version.key.session_date, frame["tenor_years"].to_numpy(), frame["zero_rate_frac"].to_numpy())
    return None
