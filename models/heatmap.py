"""Net gamma by strike, how it changed since the previous snapshot, and which changes stand out (METHODS 6)."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from models import conventions as c

HEATMAP_SCOPES = ("all", "0dte")
_KEY = ["dealer_model", "scope", "strike"]
_CHANGE = "net_gex_change_usd_per_1pct"
_TRADED = {"taker_net_quantity": pl.Float64(), "trades": pl.Int64()}


def exposure_heatmap(
    strike_exposures: pl.DataFrame,
    exposure_summary: pl.DataFrame,
    *,
    zero_dte_date: date,
    previous: pl.DataFrame | None,
    previous_snapshot_ts: datetime | None,
    history: pl.DataFrame | None,
    trades: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row per dealer model, scope (all, 0dte) and strike listed now.

    Parameters: `strike_exposures` and `exposure_summary` of the snapshot; `zero_dte_date`, the expiry date of scope
    0dte; `previous`, the heatmap rows (dealer_model, scope, strike, net_gex_usd_per_1pct, open_interest) of the
    snapshot at `previous_snapshot_ts`, or None; `history`, earlier heatmap rows with their snapshot_ts, whose changes
    set each strike's usual size, or None; `trades`, what was traded after `previous_snapshot_ts` up to the snapshot
    (expiry_date, strike, taker_net_quantity in the unit of the open interest, trades; any number of rows a strike), or
    None where that is not known.
    Changes are null without a previous snapshot that has the dealer model and scope, and where a volatility or the open
    interest of a contract is missing on either side; a strike that was not listed then counts as 0. `is_jump`: |change|
    above 6 robust deviations of the strike's trailing changes (at least 20 of them) and above 2 % of the scope's gross
    gamma; null where either cannot be told. taker_net_quantity (takers' buys less sells; null where a side is unknown)
    and trades are sums over the expiries of the scope: 0 where nothing was traded, null without `trades` or without a
    previous snapshot. Sorted by dealer model, scope, strike.
    """
    now = _by_strike(strike_exposures, zero_dte_date)
    open_interest_change = pl.col("open_interest") - pl.col("earlier_open_interest")
    now = now.join(_before(now, previous), on=_KEY, how="left", maintain_order="left").with_columns(
        # Net gamma may be known in part; its change is not, unless all open interest is known then and now.
        net_gex_change_usd_per_1pct=pl.when(open_interest_change.is_not_null()).then(
            pl.col("net_gex_usd_per_1pct") - pl.col("earlier_gex")
        ),
        open_interest_change=open_interest_change,
        previous_snapshot_ts=pl.when("has_previous").then(pl.lit(previous_snapshot_ts, dtype=pl.Datetime("us"))),
    )
    gross = exposure_summary.select("dealer_model", "scope", "gross_gex_usd_per_1pct")
    now = now.join(gross, on=["dealer_model", "scope"], how="left", maintain_order="left")
    now = now.join(_usual_change(history), on=_KEY, how="left", maintain_order="left")
    now = _with_trades(now, trades, zero_dte_date)
    size = pl.col(_CHANGE).abs()
    is_unusual = size > c.JUMP_DEVIATIONS * pl.col("deviation")
    is_large = size > c.JUMP_GROSS_SHARE_FRAC * pl.col("gross_gex_usd_per_1pct")
    return now.with_columns(is_jump=is_unusual & is_large).select(
        *_KEY, "net_gex_usd_per_1pct", _CHANGE, "open_interest", "open_interest_change", "previous_snapshot_ts",
        "is_jump", *_TRADED,
    )  # fmt: skip


def _with_trades(now: pl.DataFrame, trades: pl.DataFrame | None, zero_dte_date: date) -> pl.DataFrame:
    if trades is None:
        return now.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in _TRADED.items())
    quantity = pl.col("taker_net_quantity")
    scoped = [
        trades.with_columns(scope=pl.lit("all")),
        trades.filter(pl.col("expiry_date") == zero_dte_date).with_columns(scope=pl.lit("0dte")),
    ]
    key = ["scope", "strike"]
    by_strike = pl.concat(scoped).group_by(key, maintain_order=True).agg(
        pl.when(quantity.is_not_null().all()).then(quantity.sum()).alias("taker_net_quantity"),
        pl.col("trades").sum(),
        was_traded=pl.lit(value=True),
    )  # fmt: skip
    joined = now.join(by_strike, on=key, how="left", maintain_order="left")
    none = pl.when(pl.col("was_traded").is_null()).then(0)
    return joined.with_columns(
        pl.when("has_previous").then(none.otherwise(name)).cast(dtype).alias(name) for name, dtype in _TRADED.items()
    )


def _by_strike(strikes: pl.DataFrame, zero_dte_date: date) -> pl.DataFrame:
    """Net gamma (null where no expiry has a volatility) and open interest (null where a contract's is missing) per
    strike, over roots and expiries."""
    ordered = strikes.sort("dealer_model", "expiry_ts", "root", "strike")
    scoped = [
        ordered.with_columns(scope=pl.lit("all")),
        ordered.filter(pl.col("expiry_date") == zero_dte_date).with_columns(scope=pl.lit("0dte")),
    ]
    net = pl.col("net_gex_usd_per_1pct")
    count = pl.col("call_open_interest") + pl.col("put_open_interest")
    rolled = pl.concat(scoped).group_by(_KEY, maintain_order=True).agg(
        net_gex_usd_per_1pct=pl.when(net.is_not_null().any()).then(net.sum()),
        open_interest=pl.when(count.is_not_null().all()).then(count.sum()),
    )  # fmt: skip
    return rolled.sort(_KEY)


def _before(now: pl.DataFrame, previous: pl.DataFrame | None) -> pl.DataFrame:
    """What the strikes of `now` showed in the previous snapshot, for the dealer models and scopes it has."""
    if previous is None or previous.is_empty():
        unknown = {"earlier_gex": pl.Float64, "earlier_open_interest": pl.Float64, "has_previous": pl.Boolean}
        return now.select(_KEY).clear().with_columns(pl.lit(None, dtype).alias(n) for n, dtype in unknown.items())
    earlier = previous.select(
        *_KEY, earlier_gex="net_gex_usd_per_1pct", earlier_open_interest=pl.col("open_interest").cast(pl.Float64),
        was_listed=pl.lit(value=True),
    )  # fmt: skip
    keys = now.select(_KEY).join(previous, on=["dealer_model", "scope"], how="semi", maintain_order="left")
    found = keys.join(earlier, on=_KEY, how="left", maintain_order="left")
    is_new = pl.col("was_listed").is_null()
    return found.with_columns(
        earlier_gex=pl.when(is_new).then(0.0).otherwise("earlier_gex"),
        earlier_open_interest=pl.when(is_new).then(0.0).otherwise("earlier_open_interest"),
        has_previous=pl.lit(value=True),
    )


def _usual_change(history: pl.DataFrame | None) -> pl.DataFrame:
    """Robust deviation of each strike's trailing changes: the scaled median distance from their median."""
    schema = {"dealer_model": pl.String(), "scope": pl.String(), "strike": pl.Float64(), "deviation": pl.Float64()}
    if history is None or history.is_empty():
        return pl.DataFrame(schema=schema)
    known = history.filter(pl.col(_CHANGE).is_not_null())
    centre = pl.col(_CHANGE).median()
    return (
        known.group_by(_KEY, maintain_order=True)
        .agg(deviation=(pl.col(_CHANGE) - centre).abs().median() * c.ROBUST_DEVIATION_PER_MAD, count=pl.len())
        .filter(pl.col("count") >= c.JUMP_FEWEST_SNAPSHOTS)
        .select(*schema)
    )
