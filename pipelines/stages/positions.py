"""What dealers hold at each snapshot by the trades known until then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

import polars as pl

from models.conventions import BUCKET_SECONDS, FLOW_MODELS, OLDEST_POSITIONS_MINUTES, DealerModel
from models.taker_flow import positions_at
from pipelines.lake.stage import Inputs
from pipelines.stages.inventory import opening_of

COLUMN_OF: dict[DealerModel, str] = {model: f"{model}_quantity" for model in FLOW_MODELS}


@dataclass(frozen=True, slots=True)
class Positions:
    """By snapshot: the end of the last bucket that counts (None: trades are not known up to it), and what is held."""

    positions_ts: dict[datetime, datetime | None]
    held: pl.DataFrame  # bucket_ts, contract_id, is_history_complete and a column of COLUMN_OF for each model

    def beside(self, contracts: pl.DataFrame, snapshot_ts: datetime) -> pl.DataFrame:
        """The contracts with what dealers hold of each, in coins; a contract without trades is held 0 times."""
        bucket = self.positions_ts[snapshot_ts]
        if bucket is None:
            return contracts.with_columns(
                *(pl.lit(None, dtype=pl.Float64).alias(name) for name in COLUMN_OF.values()),
                is_history_complete=pl.lit(None, dtype=pl.Boolean),
            )
        held = self.held.filter(pl.col("bucket_ts") == bucket).drop("bucket_ts")
        joined = contracts.join(held, on="contract_id", how="left", maintain_order="left")
        return joined.with_columns(pl.col(name).fill_null(0.0) for name in COLUMN_OF.values())


def positions_of(inputs: Inputs, snapshots: list[datetime]) -> Positions:
    """For every snapshot of the day."""
    ends = covered_spans(inputs)
    positions_ts = {snapshot: _last_bucket(snapshot, ends) for snapshot in snapshots}
    wanted = sorted({bucket for bucket in positions_ts.values() if bucket is not None})
    rows, opening = (
        inputs.read("dealer_inventory"),
        opening_of(inputs, datetime.combine(inputs.key.session_date, time())),
    )
    found = positions_at(rows, opening, wanted)
    key = ["bucket_ts", "contract_id"]
    held = found.select(key).unique(maintain_order=True)
    for model, column in COLUMN_OF.items():
        of_model = found.filter(pl.col("dealer_model") == model)
        extra = [pl.col("is_history_complete")] if model == FLOW_MODELS[0] else []
        held = held.join(of_model.select(*key, *extra, pl.col("inventory_quantity").alias(column)), on=key, how="left")
    return Positions(positions_ts, held)


def covered_spans(inputs: Inputs) -> list[tuple[datetime, datetime]]:
    """Spans of which every trade is there, of the day and of the last day before that has any."""
    frames = [inputs.lake.read(version) for version in inputs.earlier["trade_coverage"]]
    frames.append(inputs.read("trade_coverage"))
    return [(row["from_ts"], row["until_ts"]) for frame in frames for row in frame.iter_rows(named=True)]


def _last_bucket(snapshot: datetime, spans: list[tuple[datetime, datetime]]) -> datetime | None:
    """The end of the last bucket before the snapshot that is covered, if it is recent enough."""
    covered = [min(until, snapshot) for start, until in spans if start < snapshot]
    if not covered:
        return None
    newest = max(covered)
    midnight = datetime.combine(newest.date(), time())
    bucket = newest - (newest - midnight) % timedelta(seconds=BUCKET_SECONDS)
    return bucket if snapshot - bucket <= timedelta(minutes=OLDEST_POSITIONS_MINUTES) else None
