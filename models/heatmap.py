"""Net gamma by strike, how it changed since the previous snapshot, and which changes stand out (METHODS 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import conventions as c

HEATMAP_SCOPES = ("all", "0dte")
_BOOK = ["snapshot_ts", "dealer_model", "scope"]
_CELL = [*_BOOK, "strike"]
_NET, _CHANGE = "net_gex_usd_per_1pct", "net_gex_change_usd_per_1pct"
TRAIL_COLUMNS = (*_CELL, _NET, _CHANGE, "open_interest")
_TRADED = {"taker_net_quantity": pl.Float64(), "trades": pl.Int64()}


def exposure_heatmap(
    strike_exposures: pl.DataFrame,
    exposure_summary: pl.DataFrame,
    snapshots: pl.DataFrame,
    *,
    trail: pl.DataFrame | None = None,
    trades: pl.DataFrame | None = None,
    is_covered: Callable[[datetime, datetime], bool] | None = None,
    zero_dte_date_of: Callable[[datetime], date] | None = None,
) -> pl.DataFrame:
    """One row per snapshot, dealer model, scope (all, 0dte) and strike listed then.

    Parameters: `strike_exposures` and `exposure_summary` of all snapshots; `snapshots`, a row each: snapshot_ts,
    is_partial, and zero_dte_date, the expiry date of scope 0dte; `trail`, TRAIL_COLUMNS of the heatmap of earlier whole
    snapshots, or None; `trades` since the newest of these (trade_ts, expiry_date, strike, taker_net_quantity in the
    unit of the open interest, trades; any number of rows a strike), or None where they are not known; `is_covered`
    says whether every trade from one instant on and before another is among them (None: always);
    `zero_dte_date_of` the expiry date of scope 0dte at a snapshot before, where one of another date is no basis for
    that scope (None: it is, as between US sessions).
    Changes are from the last snapshot before that is whole and has rows. They are null where there is none, where it
    lacks the dealer model and scope, and where a volatility or the open interest of a contract is missing on either
    side; a strike that was not listed then counts as 0. `is_jump`: |change| above 6 robust deviations of the strike's
    changes in the last 60 whole snapshots before (at least 20 of them) and above 2 % of the scope's gross gamma; null
    where this cannot be told. taker_net_quantity (takers' buys less sells; null where a side is unknown) and trades are
    sums over the expiries of the scope from the previous snapshot on and before this one: 0 where nothing was traded,
    null where not every trade is known or there is no previous snapshot. Sorted by snapshot, dealer model, scope,
    strike.
    """
    now = _by_strike(strike_exposures, snapshots)
    basis = _whole(now, snapshots, trail, [*_CELL, _NET, "open_interest"])
    steps = _steps(snapshots, basis, zero_dte_date_of)
    now = _with_changes(now, steps, basis)
    now = _with_jumps(now, exposure_summary, _whole(now, snapshots, trail, [*_CELL, _CHANGE]))
    return _with_trades(now, steps, trades, is_covered).select(
        *_CELL, _NET, _CHANGE, "open_interest", "open_interest_change", "previous_snapshot_ts", "is_jump", *_TRADED
    )


def _scoped(rows: pl.DataFrame) -> pl.DataFrame:
    is_zero_dte = pl.col("expiry_date") == pl.col("zero_dte_date")
    return pl.concat(
        [rows.with_columns(scope=pl.lit("all")), rows.filter(is_zero_dte).with_columns(scope=pl.lit("0dte"))]
    )


def _by_strike(strikes: pl.DataFrame, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Net gamma (null where no expiry has a volatility) and open interest (null where a contract's is missing) per
    strike, over roots and expiries."""
    net = pl.col(_NET)
    count = pl.col("call_open_interest") + pl.col("put_open_interest")
    # Sums depend on the order of what is added.
    ordered = strikes.sort("expiry_ts", "root").join(
        snapshots.select("snapshot_ts", "zero_dte_date"), on="snapshot_ts", maintain_order="left"
    )
    rolled = _scoped(ordered).group_by(_CELL, maintain_order=True).agg(
        pl.when(net.is_not_null().any()).then(net.sum()).alias(_NET),
        open_interest=pl.when(count.is_not_null().all()).then(count.sum()).cast(pl.Float64),
    )  # fmt: skip
    return rolled.sort(_CELL)


def _whole(now: pl.DataFrame, snapshots: pl.DataFrame, trail: pl.DataFrame | None, columns: list[str]) -> pl.DataFrame:
    """The rows of whole snapshots, those of the trail too."""
    whole = snapshots.filter(~pl.col("is_partial"))
    rows = now.join(whole, on="snapshot_ts", how="semi", maintain_order="left").select(columns)
    return rows if trail is None else pl.concat([trail.select(columns), rows])


def _steps(
    snapshots: pl.DataFrame, basis: pl.DataFrame, zero_dte_date_of: Callable[[datetime], date] | None
) -> pl.DataFrame:
    """Each snapshot with the one of the basis that its changes are from, and whether scope 0dte is another expiry's."""
    earlier = basis.select(previous_snapshot_ts="snapshot_ts").unique().sort("previous_snapshot_ts")
    steps = snapshots.sort("snapshot_ts").join_asof(
        earlier, left_on="snapshot_ts", right_on="previous_snapshot_ts", allow_exact_matches=False, coalesce=False
    )
    pairs = steps.select("previous_snapshot_ts", "zero_dte_date").iter_rows()
    rolled = [bool(zero_dte_date_of and before and zero_dte_date_of(before) != day) for before, day in pairs]
    return steps.with_columns(has_rolled=pl.Series(rolled, dtype=pl.Boolean))


def _with_changes(now: pl.DataFrame, steps: pl.DataFrame, basis: pl.DataFrame) -> pl.DataFrame:
    book, cell = (["previous_snapshot_ts", *names[1:]] for names in (_BOOK, _CELL))
    earlier = basis.rename({"snapshot_ts": "previous_snapshot_ts"})
    found = (
        now.join(
            steps.select("snapshot_ts", "previous_snapshot_ts", "has_rolled"), on="snapshot_ts", maintain_order="left"
        )
        .join(earlier.select(book).unique().with_columns(has_previous=True), on=book, how="left", maintain_order="left")
        .join(earlier.with_columns(was_listed=True), on=cell, how="left", maintain_order="left", suffix="_earlier")
    )
    is_same = ~((pl.col("scope") == "0dte") & pl.col("has_rolled"))
    compared = ("has_previous", f"{_NET}_earlier", "open_interest_earlier")
    found = found.with_columns(pl.when(is_same).then(name).alias(name) for name in compared)
    is_new = pl.col("has_previous") & pl.col("was_listed").is_null()
    gex, open_interest = (pl.when(is_new).then(0.0).otherwise(f"{n}_earlier") for n in (_NET, "open_interest"))
    change = pl.col("open_interest") - open_interest
    return found.with_columns(
        # Net gamma may be known in part; its change is not, unless all open interest is known then and now.
        pl.when(change.is_not_null()).then(pl.col(_NET) - gex).alias(_CHANGE),
        open_interest_change=change,
        previous_snapshot_ts=pl.when("has_previous").then("previous_snapshot_ts"),
    )


def _with_jumps(now: pl.DataFrame, summary: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    gross = summary.select(*_BOOK, "gross_gex_usd_per_1pct")
    size = pl.col(_CHANGE).abs()
    sized = now.join(gross, on=_BOOK, how="left", maintain_order="left").with_columns(
        is_large=size > c.JUMP_GROSS_SHARE_FRAC * pl.col("gross_gex_usd_per_1pct")
    )
    # A small change is no jump, however unusual: no need to look back.
    is_open = sized.select(size.is_not_null() & pl.col("is_large").fill_null(value=True)).to_series()
    deviations = np.full(sized.height, np.nan)
    deviations[is_open.to_numpy()] = _usual_changes(sized.filter(is_open), history)
    is_unusual = size > c.JUMP_DEVIATIONS * pl.Series(deviations, nan_to_null=True)
    return sized.with_columns(is_jump=is_unusual & pl.col("is_large"))


def _usual_changes(asked: pl.DataFrame, history: pl.DataFrame) -> NDArray[np.float64]:
    """How far the changes of each cell were from their median in the whole snapshots before it; NaN if too few were."""
    key = _CELL[1:]
    strikes = asked.select(key).unique().with_row_index("place")
    places = asked.join(strikes, on=key, how="left", maintain_order="left")["place"].to_numpy()
    instants = history["snapshot_ts"].unique().sort().to_numpy()
    known = history.drop_nulls(_CHANGE).join(strikes, on=key)
    changes = np.full((strikes.height, instants.size), np.nan)
    changes[known["place"].to_numpy(), np.searchsorted(instants, known["snapshot_ts"].to_numpy())] = known[_CHANGE]
    ends = np.searchsorted(instants, asked["snapshot_ts"].to_numpy())
    found = np.full(asked.height, np.nan)
    for end in np.unique(ends):
        is_then = ends == end
        first = max(0, end - c.HEATMAP_TRAILING_SNAPSHOTS)
        found[is_then] = _robust_deviations(changes[places[is_then], first:end])
    return found


def _robust_deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scaled median distance of each row's values from their median; NaN where too few are known."""
    distances = np.abs(values - _medians(values)[:, None])
    has_enough = np.isfinite(values).sum(axis=1) >= c.JUMP_FEWEST_SNAPSHOTS
    return np.where(has_enough, _medians(distances) * c.ROBUST_DEVIATION_PER_MAD, np.nan)


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row, NaN left out (np.nanmedian goes row by row)."""
    ordered = np.sort(values, axis=1)  # NaN last
    count, row = np.isfinite(values).sum(axis=1), np.arange(len(values))
    low, high = ordered[row, (count - 1) // 2], ordered[row, count // 2]
    middle: NDArray[np.float64] = low + 0.5 * (high - low)
    return middle


def _with_trades(
    now: pl.DataFrame,
    steps: pl.DataFrame,
    trades: pl.DataFrame | None,
    is_covered: Callable[[datetime, datetime], bool] | None,
) -> pl.DataFrame:
    if trades is None:
        return now.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in _TRADED.items())
    known = steps.drop_nulls("previous_snapshot_ts")
    if is_covered is not None:
        spans = known.select("previous_snapshot_ts", "snapshot_ts").iter_rows()
        known = known.filter(pl.Series([is_covered(*span) for span in spans], dtype=pl.Boolean))
    is_known = pl.col("has_previous") & pl.col("snapshot_ts").is_in(known["snapshot_ts"].implode())
    none = pl.when(pl.col("was_traded").is_null()).then(0)
    sums = _traded(known, trades)
    return now.join(sums, on=["snapshot_ts", "scope", "strike"], how="left", maintain_order="left").with_columns(
        pl.when(is_known).then(none.otherwise(name)).cast(dtype).alias(name) for name, dtype in _TRADED.items()
    )


def _traded(steps: pl.DataFrame, trades: pl.DataFrame) -> pl.DataFrame:
    """Sums per snapshot, scope and strike since the snapshot before; the steps of partial snapshots overlap."""
    trades = trades.sort("trade_ts", maintain_order=True)
    clock = trades["trade_ts"]
    ends = (clock.search_sorted(steps[name], side="left") for name in ("previous_snapshot_ts", "snapshot_ts"))
    each = steps.select("snapshot_ts", "zero_dte_date", row=pl.int_ranges(*ends)).explode("row").drop_nulls("row")
    quantity = pl.col("taker_net_quantity")
    return (
        _scoped(each.hstack(trades[each["row"]]))
        .group_by("snapshot_ts", "scope", "strike", maintain_order=True)
        .agg(
            pl.when(quantity.is_not_null().all()).then(quantity.sum()).alias("taker_net_quantity"),
            pl.col("trades").sum(),
            was_traded=True,
        )
    )
