"""Which snapshots become columns of a picture that would otherwise have too many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from pipelines.looking import words

Row = dict[str, Any]
MOST_COLUMNS = 250
MOST_ALWAYS_OPEN = 1010  # a week of 10-minute snapshots
_STEPS = (
    ("10 minutes", 10), ("20 minutes", 20), ("30 minutes", 30), ("hour", 60), ("2 hours", 120), ("3 hours", 180),
    ("4 hours", 240), ("6 hours", 360), ("8 hours", 480), ("12 hours", 720), ("day", 1440), ("week", 10080),
)  # fmt: skip


def columns(levels: pl.DataFrame, market: str, most: int | None = None) -> tuple[list[Row], str]:
    """The snapshots to draw, oldest first, and what was left out, in words."""
    whole = levels.filter(~pl.col("is_partial"))
    left = levels.height - whole.height
    if whole.is_empty():
        whole, left = levels, 0
    said = f" {left} partial page{'s' * (left != 1)} left out." if left else ""
    if words.zone(market) == words.UTC:
        drawn, more = _by_step(whole, most or MOST_ALWAYS_OPEN)
    else:
        drawn, more = _by_session(whole, most or MOST_COLUMNS)
    return drawn.sort("snapshot_ts").to_dicts(), said + more


def _by_session(whole: pl.DataFrame, most: int) -> tuple[pl.DataFrame, str]:
    if whole.height <= most:
        return whole, ""
    is_recent = pl.col("session_date") == pl.col("session_date").max()
    is_close = pl.col("snapshot_ts") == pl.col("snapshot_ts").max().over("session_date")
    kept = whole.filter(is_recent | is_close).tail(most)
    return kept, f" Of earlier sessions only the last snapshot, {most} columns at most: narrow it with --from."


def _by_step(whole: pl.DataFrame, most: int) -> tuple[pl.DataFrame, str]:
    """The last snapshot of every step of time, the shortest step that gives few enough."""
    if whole.height <= most:
        return whole, ""
    ordered = whole.sort("snapshot_ts")

    def last_of_each(step: timedelta) -> pl.DataFrame:
        # A step ends on its own full mark: a snapshot at 12:00 belongs to the hour before.
        slot = (pl.col("snapshot_ts") - timedelta(microseconds=1)).dt.truncate(step)
        return ordered.filter(pl.col("snapshot_ts") == pl.col("snapshot_ts").max().over(slot))

    found = ((name, last_of_each(timedelta(minutes=minutes))) for name, minutes in _STEPS)
    name, kept = next((item for item in found if item[1].height <= most), ("week", ordered.tail(most)))
    return kept, f" One snapshot every {name} is drawn, the last of each: {kept.height:,} of {whole.height:,}."
