"""Open-close files -> what market makers hold at each session's close, carried from session to session."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from models.conventions import METHOD_VERSIONS
from models.open_close import carried_positions
from pipelines.calendar import us_sessions
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.stages.snapshots import conformed

_TABLE = "open_close_positions"


def compute(inputs: Inputs) -> Output:
    session = inputs.key.session_date
    traded = inputs.read("open_close_volume")
    versions = inputs.earlier[_TABLE]
    before = inputs.lake.read(versions[-1]) if versions else None
    close = us_sessions().close_of(session)
    positions = carried_positions(
        traded,
        before,
        session_date=session,
        close_ts=close,
        is_next_session=bool(versions) and versions[-1].key.session_date == us_sessions().before(session),
    )
    full = positions.with_columns(
        source=pl.lit(",".join(traded["source"].unique().sort())),
        known_at=pl.lit(_known_at(traded, before), dtype=pl.Datetime("us")),
    )
    return Output({_TABLE: conformed(full, _TABLE)}, {"contracts": _account(traded, before, positions, close)})


def _known_at(traded: pl.DataFrame, before: pl.DataFrame | None) -> datetime | None:
    """Of all positions alike: that a contract was not traded is known with the whole of the files."""
    earlier = None if before is None else before["known_at"].max()
    latest = pl.Series([traded["known_at"].max(), earlier], dtype=pl.Datetime("us")).max()
    return latest if isinstance(latest, datetime) else None


def _account(
    traded: pl.DataFrame, before: pl.DataFrame | None, positions: pl.DataFrame, close: datetime
) -> dict[str, float]:
    """Every contract that was held or traded is held, or has expired."""
    names = traded.select("contract_id", "expiry_ts")
    if before is not None:
        names = pl.concat([names, before.select("contract_id", "expiry_ts")])
    contracts = names.unique("contract_id", keep="first", maintain_order=True)
    expired = contracts.filter(pl.col("expiry_ts") <= close).height
    return {"in": float(contracts.height), "held": float(positions.height), "expired": float(expired)}


OPEN_CLOSE_POSITIONS = Stage(
    name=_TABLE,
    method_version=METHOD_VERSIONS[_TABLE],
    outputs=(_TABLE,),
    same=("open_close_volume",),
    earlier=(Earlier(_TABLE, 1),),
    compute=compute,
)
