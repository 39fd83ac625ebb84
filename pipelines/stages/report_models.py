"""What dealers hold by reports of the clearing house and of exchanges, beside the contracts of a US session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from models.clearing import clearing_adjusted_quantity
from models.conventions import OLDEST_CLEARING_SESSIONS, REPORT_MODELS, DealerModel
from pipelines.calendar import us_sessions
from pipelines.lake.stage import Earlier, Inputs

COLUMN_OF: dict[DealerModel, str] = {model: f"{model}_quantity" for model in REPORT_MODELS}
REPORT_INPUTS = (Earlier("clearing_shares", 1, part="_all"), Earlier("open_close_positions", 1))
_OPEN_CLOSE, _CLEARING = REPORT_MODELS


@dataclass(frozen=True, slots=True)
class Basis:
    """What a model's positions of a session rest on."""

    known_at: datetime
    positions_ts: datetime | None = None  # where they are positions of an instant


Bases = Mapping[DealerModel, Basis]


def beside(options: pl.DataFrame, inputs: Inputs) -> tuple[pl.DataFrame, Bases]:
    """The contracts with a column of COLUMN_OF for each model that the reports allow, and what these rest on; the
    contracts as they are where no report does. With `open_close` also is_history_complete."""
    bases: dict[DealerModel, Basis] = {}
    for model, with_positions in ((_OPEN_CLOSE, _by_open_close), (_CLEARING, _by_clearing)):
        found = with_positions(options, inputs)
        if found is not None:
            options, bases[model] = found
    return options, bases


def _by_open_close(options: pl.DataFrame, inputs: Inputs) -> tuple[pl.DataFrame, Basis] | None:
    """Positions at the close of the session before: like open interest, those with which the session began."""
    before = us_sessions().before(inputs.key.session_date)
    versions = [v for v in inputs.earlier["open_close_positions"] if v.key.session_date == before]
    if not versions:
        return None
    column = COLUMN_OF[_OPEN_CLOSE]
    held = inputs.lake.read(
        versions[-1], ["contract_id", "position_contracts", "is_history_complete", "known_at"]
    ).rename({"position_contracts": column})
    joined = options.join(held.drop("known_at"), on="contract_id", how="left", maintain_order="left")
    # In no file since the first one: as far as they tell, market makers hold none.
    full = joined.with_columns(pl.col(column).fill_null(0.0), pl.col("is_history_complete").fill_null(value=False))
    return full, Basis(_newest(held), us_sessions().close_of(before))


def _by_clearing(options: pl.DataFrame, inputs: Inputs) -> tuple[pl.DataFrame, Basis] | None:
    versions = inputs.earlier["clearing_shares"]
    session = inputs.key.session_date
    if not versions or us_sessions().count_between(versions[-1].key.session_date, session) > OLDEST_CLEARING_SESSIONS:
        return None
    columns = ("underlying", "option_type", "market_maker_share_frac", "known_at")
    rows = inputs.lake.read_small(versions[-1], columns).filter(pl.col("underlying") == inputs.key.part)
    shares: dict[str, float] = dict(rows.select(*columns[1:3]).drop_nulls().iter_rows())
    if not {"call", "put"} <= shares.keys():
        return None
    quantity = clearing_adjusted_quantity(
        options["open_interest"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        (options["option_type"] == "call").to_numpy(),
        call_share_frac=shares["call"],
        put_share_frac=shares["put"],
    )
    return options.with_columns(pl.Series(COLUMN_OF[_CLEARING], quantity, nan_to_null=True)), Basis(_newest(rows))


def _newest(rows: pl.DataFrame) -> datetime:
    newest = rows["known_at"].max()
    assert isinstance(newest, datetime)
    return newest


def stamped(frame: pl.DataFrame, bases: Bases, held: pl.DataFrame) -> pl.DataFrame:
    """Rows of these models are known no earlier than their reports, and say at which instant positions were held.
    `held`: the contracts as `beside` gives them."""
    if not bases:
        return frame
    instant = pl.Datetime("us")
    about = pl.DataFrame(
        [(model, basis.known_at, basis.positions_ts) for model, basis in bases.items()],
        schema={"dealer_model": pl.String, "reports_known_at": instant, "held_ts": instant},
        orient="row",
    )
    full = frame.join(about, on="dealer_model", how="left", maintain_order="left").with_columns(
        known_at=pl.max_horizontal("known_at", "reports_known_at")
    )
    if "positions_ts" in frame.columns:
        full = full.join(
            _complete_share(held), on=["snapshot_ts", "source"], how="left", maintain_order="left"
        ).with_columns(
            positions_ts="held_ts",
            history_complete_share_frac=pl.when(pl.col("held_ts").is_not_null()).then("share"),
        )
    return full.select(frame.columns)


def _complete_share(held: pl.DataFrame) -> pl.DataFrame:
    """By snapshot, the share of open interest in contracts of which every trade is in the files; null without any."""
    key = ["snapshot_ts", "source"]
    if "is_history_complete" not in held.columns:
        return held.select(key).unique().with_columns(share=pl.lit(None, pl.Float64))
    whole = pl.col("open_interest").sum()
    complete = pl.col("open_interest").filter("is_history_complete").sum()
    return held.group_by(key, maintain_order=True).agg(share=pl.when(whole > 0).then(complete / whole))
