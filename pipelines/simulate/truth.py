"""What dealers really hold in the sample market, and how far the models' guesses are from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

FOLDER, FILE_NAME = "truth", "dealer_inventory.parquet"
INVENTORY_KEY = ("underlying", "session_date", "contract_id")
_BY_SESSION = ("underlying", "session_date", "snapshot_ts")
_BY_STRIKE = (*_BY_SESSION, "dealer_model", "strike")
_LEG = (*_BY_SESSION, "root", "expiry_ts", "strike", "option_type")


def inventory(pages: Iterable[tuple[str, object, pl.DataFrame]]) -> pl.DataFrame:
    """Of every contract shown, the dealers' position at the close of `session_date`, to which open interest belongs.

    `pages`: underlying, date of the open interest and truth of each.
    """
    shown = [
        truth.select(
            pl.lit(underlying).alias("underlying"),
            pl.lit(day).alias("session_date"),
            "contract_id",
            "dealer_quantity_contracts",
            "open_interest",
        )
        for underlying, day, truth in pages
    ]
    return pl.concat(shown).unique().sort(INVENTORY_KEY)


def write_inventory(folder: Path, positions: pl.DataFrame) -> Path:
    """Beside the vendor files, in a folder of its own; returns the path."""
    path = folder / FOLDER / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    positions.write_parquet(path)
    return path


def compare(positions: pl.DataFrame, option_snapshots: pl.DataFrame, strike_exposures: pl.DataFrame) -> pl.DataFrame:
    """Each dealer model against the truth, at the newest snapshot of each session whose open interest is dated.

    `positions` as `inventory` gives them, the others as the marts of these names. Per underlying, session and dealer
    model that has any row there: net GEX under the true positions and as published, the correlation of the two over
    strikes (null where one of them is the same at all strikes), the share of open interest to which the model gives a
    side at all, and of that the share whose dealers' side it has right (where dealers hold nothing, no side is right;
    null where it gives none). Contracts without gamma count on neither side.
    """
    legs = _legs(positions, option_snapshots)
    guessed = strike_exposures.unpivot(
        on=["call_dealer_quantity", "put_dealer_quantity"],
        index=[*_BY_STRIKE, "root", "expiry_ts"],
        variable_name="option_type",
        value_name="guessed",
    ).with_columns(pl.col("option_type").str.strip_suffix("_dealer_quantity"))
    both = legs.join(guessed, on=_LEG)
    is_sided = pl.col("guessed").fill_null(0.0) != 0.0
    is_right = is_sided & (pl.col("guessed").sign() == pl.col("dealer_quantity_contracts").sign())
    by_model = [*_BY_SESSION, "dealer_model"]
    interest = pl.col("open_interest")
    sided = interest.filter(is_sided).sum()
    sides = both.group_by(by_model).agg(
        sided_share_frac=sided / interest.sum(),
        right_side_share_frac=pl.when(sided > 0).then(interest.filter(is_right).sum() / sided),
    )
    of_model = strike_exposures.group_by(_BY_STRIKE).agg(model=pl.col("net_gex_usd_per_1pct").sum())
    of_truth = both.group_by(_BY_STRIKE).agg(truth=pl.col("true_gex").sum())
    levels = of_truth.join(of_model, on=_BY_STRIKE).sort(_BY_STRIKE).group_by(by_model, maintain_order=True)
    totals = levels.agg(
        true_net_gex_usd_per_1pct=pl.col("truth").sum(),
        net_gex_usd_per_1pct=pl.col("model").sum(),
        strike_correlation=pl.corr("truth", "model").fill_nan(None),
    )
    return totals.join(sides, on=by_model).sort(by_model)


def compare_counted(positions: pl.DataFrame, open_close_positions: pl.DataFrame) -> pl.DataFrame:
    """Positions counted from open-close files against the truth at the same close, with and without whole histories.

    Per underlying and is_history_complete: contracts at the end of a session, how many are exact, and the mean
    distance from the truth in contracts beside the mean of its size.
    """
    true = pl.col("dealer_quantity_contracts")
    error = (pl.col("position_contracts") - true).abs()
    return (
        open_close_positions.join(positions, on=list(INVENTORY_KEY))
        .group_by("underlying", "is_history_complete")
        .agg(
            rows=pl.len(),
            exact=(error == 0.0).sum(),
            mean_absolute_error_contracts=error.mean(),
            mean_absolute_truth_contracts=true.abs().mean(),
        )
        .sort("underlying", "is_history_complete", descending=[False, True])
    )


def _legs(positions: pl.DataFrame, option_snapshots: pl.DataFrame) -> pl.DataFrame:
    """Contracts of each session's newest dated snapshot with the dealers' true position and its GEX."""
    dated = option_snapshots.filter(pl.col("open_interest_date").is_not_null() & pl.col("gamma").is_not_null())
    newest = dated.group_by("underlying", "session_date").agg(pl.col("snapshot_ts").max())
    held = positions.select(
        "underlying", "contract_id", "dealer_quantity_contracts", open_interest_date=pl.col("session_date")
    )
    gex = pl.col("dealer_quantity_contracts") * pl.col("multiplier") * pl.col("gamma") * pl.col("spot") ** 2 * 0.01
    return (
        dated.join(newest, on=_BY_SESSION, how="semi")
        .join(held, on=["underlying", "contract_id", "open_interest_date"])
        .select(*_LEG, "open_interest", "dealer_quantity_contracts", true_gex=gex)
    )
