"""The zero curve that a snapshot may use: the newest known at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.lake.stage import Earlier, Inputs

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
    """None when no curve was known yet. The stage has `CURVE_INPUT` among its inputs."""
    known = [version for version in inputs.earlier["treasury_zero_curve"] if version.known_at <= snapshot_ts]
    if not known:
        return None
    newest = max(known, key=lambda version: (version.key.session_date, version.rank))
    frame = inputs.lake.read_small(newest, ("tenor_years", "zero_rate_frac"))
    return Curve(newest.key.session_date, frame["tenor_years"].to_numpy(), frame["zero_rate_frac"].to_numpy())


# The newest earlier date and the one before, with their restatements: a snapshot takes what was known at its instant.
CURVE_INPUT = Earlier("treasury_zero_curve", 2, "_all", has_all_versions=True)
