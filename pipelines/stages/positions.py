"""What dealers hold at each snapshot by the trades known until then."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import polars as pl

from models.conventions import BUCKET_SECONDS, FLOW_MODELS, OLDEST_POSITIONS_MINUTES, DealerModel
from models.taker_flow import positions_at
from pipelines.lake.stage import Inputs
from pipelines.stages.inventory import opening_of

COLUMN_OF: dict[DealerModel, str] = {model: f"{model}_quantity" for model in FLOW_MODELS}


def beside(options: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """The contracts of all snapshots with what dealers hold of each, in coins: positions_ts, is_history_complete,
    positions_known_at (of all that the snapshot's positions rest on) and a column of COLUMN_OF for each model. A
    contract without trades is held 0 times; null where trades are not known up to 30 minutes before the snapshot.
    """
    spans = covered_spans(inputs)
    snapshots = options["snapshot_ts"].unique().sort().to_list()
    buckets = [_last_bucket(snapshot, spans) for snapshot in snapshots]
    at = pl.DataFrame(
        {"snapshot_ts": snapshots, "positions_ts": buckets},
        schema={"snapshot_ts": pl.Datetime("us"), "positions_ts": pl.Datetime("us")},
    )
    wanted = sorted({bucket for bucket in buckets if bucket is not None})
    opening = opening_of(inputs, datetime.combine(inputs.key.session_date, time()))
    rows = inputs.read("dealer_inventory")
    joined = (
        options.join(at, on="snapshot_ts", how="left", maintain_order="left")
        .join(_known_at(rows, opening, wanted), on="positions_ts", how="left", maintain_order="left")
        .join(_held(rows, opening, wanted), on=["positions_ts", "contract_id"], how="left", maintain_order="left")
    )
    is_known = pl.col("positions_ts").is_not_null()
    return joined.with_columns(
        pl.when(is_known).then(pl.col(name).fill_null(0.0)).alias(name) for name in COLUMN_OF.values()
    )


def _known_at(rows: pl.DataFrame, opening: pl.DataFrame | None, wanted: list[datetime]) -> pl.DataFrame:
    """When everything was known that was held or traded until each instant; also that a contract was not traded."""
    before = None if opening is None else opening["known_at"].max()
    known = [pl.Series([before, rows.filter(pl.col("bucket_ts") <= end)["known_at"].max()]).max() for end in wanted]
    instant = pl.Datetime("us")
    return pl.DataFrame(
        {"positions_ts": wanted, "positions_known_at": known},
        schema={"positions_ts": instant, "positions_known_at": instant},
    )


def _held(rows: pl.DataFrame, opening: pl.DataFrame | None, wanted: list[datetime]) -> pl.DataFrame:
    """A row for each instant and contract: positions_ts, contract_id, is_history_complete and the positions."""
    found = positions_at(rows, opening, wanted).rename({"bucket_ts": "positions_ts"})
    key = ["positions_ts", "contract_id"]
    held = found.filter(pl.col("dealer_model") == FLOW_MODELS[0]).select(*key, "is_history_complete")
    for model, column in COLUMN_OF.items():
        of_model = found.filter(pl.col("dealer_model") == model)
        held = held.join(of_model.select(*key, pl.col("inventory_quantity").alias(column)), on=key, how="left")
    return held


def covered_spans(inputs: Inputs) -> list[tuple[datetime, datetime]]:
    """Spans of which every trade is there, of the day and of the last day before that has any."""
    frames = [inputs.lake.read(version) for version in inputs.earlier["trade_coverage"]]
    frames.append(inputs.read("trade_coverage"))
    return [(row["from_ts"], row["until_ts"]) for frame in frames for row in frame.iter_rows(named=True)]


def covered_until(spans: list[tuple[datetime, datetime]], after: datetime) -> datetime:
    """The instant up to which no trade is missing since another; that one itself where none of the spans begins."""
    reached = after
    for start, end in sorted(spans):
        if start <= reached:
            reached = max(reached, end)
    return reached


def _last_bucket(snapshot: datetime, spans: list[tuple[datetime, datetime]]) -> datetime | None:
    """The end of the last bucket before the snapshot up to which a span reaches, if it is recent enough."""
    ends = [end for start, until in spans if (end := _bucket_before(min(until, snapshot))) > start]
    newest = max(ends, default=None)
    is_recent = newest is not None and snapshot - newest <= timedelta(minutes=OLDEST_POSITIONS_MINUTES)
    return newest if is_recent else None


def _bucket_before(instant: datetime) -> datetime:
    midnight = datetime.combine(instant.date(), time())
    return instant - (instant - midnight) % timedelta(seconds=BUCKET_SECONDS)
