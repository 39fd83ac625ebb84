"""What dealers hold if they took the other side of every trade, by contract in 10-minute buckets (METHODS 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from models import conventions as c

_INSTANT = pl.Datetime("us")
CONTRACT_COLUMNS = ("contract_id", "root", "expiry_date", "expiry_ts", "strike", "option_type", "is_inverse")
_CONTRACT_SCHEMA = pl.Schema({
    "contract_id": pl.String(), "root": pl.String(), "expiry_date": pl.Date(), "expiry_ts": _INSTANT,
    "strike": pl.Float64(), "option_type": pl.String(), "is_inverse": pl.Boolean(),
})  # fmt: skip
_SOFAR_SCHEMA = pl.Schema({
    "inventory_quantity": pl.Float64(), "trades_of_unknown_side": pl.Int64(), "last_trade_seq": pl.Int64(),
    "is_history_complete": pl.Boolean(), "trades_missing": pl.Int64(),
})  # fmt: skip
OPENING_SCHEMA = pl.Schema({
    **_CONTRACT_SCHEMA, "dealer_model": pl.String(), "known_at": _INSTANT, **_SOFAR_SCHEMA,
})  # fmt: skip
INVENTORY_SCHEMA = pl.Schema({
    **_CONTRACT_SCHEMA, "dealer_model": pl.String(), "bucket_ts": _INSTANT, "known_at": _INSTANT,
    "taker_net_quantity": pl.Float64(), "trades": pl.Int64(), **_SOFAR_SCHEMA,
})  # fmt: skip
_BEFORE_ALL = datetime(1970, 1, 1)
_NUMBERED_ANEW = 1 << 40  # more numbers seen than there are: no later trade makes such a history whole again
_POSITION = ["contract_id", "dealer_model"]
_ROW_ORDER = ["bucket_ts", "dealer_model", "contract_id"]
_SIDES = ("buy", "sell")
_SUMS = ("net", "moved", "trades", "unknown", "unnumbered", "seqs")
_GREATEST = ("last_seq", "known_at")


def bucket_end(column: str = "trade_ts") -> pl.Expr:
    """End of the 600-second bucket that holds each instant; an instant at a bucket's end belongs to the next one."""
    return (pl.col(column).dt.truncate(f"{c.BUCKET_SECONDS}s") + pl.duration(seconds=c.BUCKET_SECONDS)).alias(
        "bucket_ts"
    )


def unique_trades(trades: pl.DataFrame) -> pl.DataFrame:
    """Each trade once: repeats of (contract_id, trade_seq) are dropped, of unnumbered ones those of trade_id.

    Parameters: `trades` with contract_id, trade_ts, trade_seq, trade_id, known_at, taker_side, price, quantity,
    flow_class, vendor_iv_frac and index_price, all but the first two possibly null, and any others. An unnumbered trade
    also goes where a numbered one of its contract has its trade_id; one with neither name is never a repeat.
    Of repeats the row stays that states most: its number, an index price, a volatility, a side, a class other than
    screen; then the one known first. Returns the rows sorted by trade_ts, contract_id, trade_seq and trade_id; the
    caller counts what is gone. The order of the input does not matter.
    """
    is_numbered = pl.col("trade_seq").is_not_null()
    twice = is_numbered & pl.struct("contract_id", "trade_seq").is_duplicated()
    if trades["trade_seq"].null_count():
        twice |= pl.col("trade_id").is_not_null() & pl.struct("contract_id", "trade_id").is_duplicated()
    marked = trades.with_columns(is_repeated=twice)
    repeated = marked.filter("is_repeated").sort(_preference(trades.columns), nulls_last=True)
    numbered = repeated.filter(is_numbered)
    unnumbered = repeated.filter(~is_numbered).join(numbered, on=["contract_id", "trade_id"], how="anti")
    kept = [
        marked.filter(~pl.col("is_repeated")),
        numbered.unique(["contract_id", "trade_seq"], keep="first", maintain_order=True),
        unnumbered.unique(["contract_id", "trade_id"], keep="first", maintain_order=True),
    ]
    return pl.concat(kept).drop("is_repeated").sort("trade_ts", "contract_id", "trade_seq", "trade_id", nulls_last=True)


def _preference(columns: Sequence[str]) -> list[pl.Expr]:
    """Sort keys that put the row to keep first; the last ones only make the choice independent of the input's order."""
    lacks = [pl.col(name).is_null() for name in ("trade_seq", "index_price", "vendor_iv_frac")]
    has_no_side = ~pl.col("taker_side").is_in(_SIDES).fill_null(value=False)
    is_screen = (pl.col("flow_class") == "screen").fill_null(value=True)
    return [*lacks, has_no_side, is_screen, pl.col("known_at"), *(pl.col(name) for name in sorted(columns))]


def taker_inventory(trades: pl.DataFrame, opening: pl.DataFrame | None, *, from_ts: datetime) -> pl.DataFrame:
    """Dealers' position by contract under both models of takers' flow, in the buckets where the contract traded.

    Parameters: `trades` from `from_ts` on, each once and in any order: the contract's columns, trade_ts, known_at,
    trade_seq (the venue's number within the contract from 1, null where it has none), taker_side (buy, sell, anything
    else is unknown and counts 0), quantity in coins (finite), flow_class; `opening` what `closing_state` gave for
    `from_ts`, None or empty where nothing was traded before.
    Returns rows of INVENTORY_SCHEMA sorted by bucket_ts, dealer_model, contract_id: for each model one in every bucket
    in which the contract traded (in any class, so that both models know its numbers), and one in the first bucket for
    each contract of `opening`. inventory = inventory before - net taker quantity; `taker_flow_screen` leaves out block,
    RFQ and liquidation trades. No row stands at or after the contract's expiry. trades counts the model's trades in the
    bucket; known_at, trades_of_unknown_side (of the model), last_trade_seq (the greatest), trades_missing and
    is_history_complete tell of the whole history so far: missing are numbers from 1 to the greatest that were not seen,
    null, as is completeness, once a trade had no number. Where a number comes twice (a file that numbers each day anew)
    missing is null and the history is not complete. Quantities are summed in hundred-millionths of a coin, so sums
    are exact and the order of trades does not matter.
    Raises ValueError for a trade before `from_ts`. Source: METHODS 5, taker_flow.
    """
    if not trades.is_empty() and trades["trade_ts"].min() < from_ts:  # type: ignore[operator]
        raise ValueError(f"trades before {from_ts}, at which the opening position stands")
    known = [_bucketed(trades)]
    contracts = [trades.select(CONTRACT_COLUMNS)]
    if opening is not None and not opening.is_empty():
        first = pl.select(pl.lit(from_ts, dtype=_INSTANT).alias("trade_ts")).select(bucket_end()).item()
        known.append(_carried(opening, first))
        contracts.append(opening.select(CONTRACT_COLUMNS))
    steps = (
        pl.concat(known)
        .group_by(*_POSITION, "bucket_ts")
        .agg(*(pl.col(name).sum() for name in _SUMS), *(pl.col(name).max() for name in _GREATEST))
    )
    distinct = pl.concat(contracts).cast(_CONTRACT_SCHEMA).unique("contract_id", keep="any")
    rows = steps.join(distinct, on="contract_id", how="left").filter(pl.col("bucket_ts") < pl.col("expiry_ts"))
    return _cumulated(rows.sort(_ROW_ORDER)).select(list(INVENTORY_SCHEMA))


def closing_state(rows: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The position that stands at `until`, as the opening of what follows.

    Parameters: `rows` of `taker_inventory`, in any order; those of buckets that end after `until` are not read.
    Returns OPENING_SCHEMA, one row per model and contract that has not expired by `until`, sorted by these two.
    """
    live = rows.filter((pl.col("bucket_ts") <= until) & (pl.col("expiry_ts") > until))
    last = live.sort(_ROW_ORDER).unique(_POSITION, keep="last")
    return last.select(list(OPENING_SCHEMA)).sort("dealer_model", "contract_id")


def positions_at(rows: pl.DataFrame, opening: pl.DataFrame | None, bucket_ts: Sequence[datetime]) -> pl.DataFrame:
    """The position of every live contract at the end of each of the given buckets.

    Parameters: `rows` of `taker_inventory` and the `opening` they started from, which stands at any end before their
    first; `bucket_ts` ends of buckets in any order.
    Returns bucket_ts and the columns of OPENING_SCHEMA, sorted by bucket_ts, dealer_model, contract_id. A contract that
    has not traded by then has no row, and neither has one that has expired.
    """
    states = rows.select("bucket_ts", *OPENING_SCHEMA)
    if opening is not None and not opening.is_empty():
        stands = pl.lit(_BEFORE_ALL, dtype=_INSTANT).alias("bucket_ts")
        states = pl.concat([opening.select(stands, *OPENING_SCHEMA), states])
    asked = pl.DataFrame({"bucket_ts": sorted(set(bucket_ts))}, schema={"bucket_ts": _INSTANT})
    grid = asked.join(states.select(_POSITION).unique(), how="cross").sort("bucket_ts")
    found = grid.join_asof(states.sort("bucket_ts"), on="bucket_ts", by=_POSITION, check_sortedness=False)
    live = found.filter(pl.col("expiry_ts") > pl.col("bucket_ts"))
    return live.select("bucket_ts", *OPENING_SCHEMA).sort(_ROW_ORDER)


def share_of_open_interest() -> pl.Expr:
    """`inventory_to_open_interest` of rows with `inventory_quantity` and `open_interest` in one unit: the position's
    size per what is open, null where nothing is or either is null (METHODS 5)."""
    size, open_now = pl.col("inventory_quantity").abs(), pl.col("open_interest")
    return pl.when(open_now > 0).then(size / open_now).alias("inventory_to_open_interest")


def trade_holes(trades: pl.DataFrame, opening: pl.DataFrame | None) -> pl.DataFrame:
    """Runs of trade numbers that were not seen, between the opening's greatest (else 0) and the greatest of `trades`.

    Parameters: `trades` with contract_id and trade_seq (nulls are passed over), in any order; `opening` as in
    `taker_inventory`. Returns contract_id, from_seq, to_seq (both included), sorted.
    """
    seen = [trades.select("contract_id", pl.col("trade_seq").cast(pl.Int64))]
    if opening is not None:
        seen.append(opening.select("contract_id", trade_seq="last_trade_seq"))
    numbers = pl.concat(seen).drop_nulls().sort("contract_id", "trade_seq")
    opened = numbers.head(0) if opening is None else seen[1].drop_nulls().unique()
    numbers = numbers.join(opened.rename({"trade_seq": "opened"}), on="contract_id", how="left", maintain_order="left")
    numbers = numbers.filter(pl.col("trade_seq") >= pl.col("opened").fill_null(0))
    before = pl.col("trade_seq").shift(1).over("contract_id")
    start = pl.coalesce(before, "opened", 0) + 1
    holes = numbers.with_columns(from_seq=start, to_seq=pl.col("trade_seq") - 1)
    return holes.filter(pl.col("from_seq") <= pl.col("to_seq")).select("contract_id", "from_seq", "to_seq")


def _bucketed(trades: pl.DataFrame) -> pl.DataFrame:
    """One step per model, contract and bucket: what its trades moved and which numbers they had."""
    units = (pl.col("quantity") * c.UNITS_PER_COIN).round().cast(pl.Int64)
    side = pl.col("taker_side")
    told = trades.select(
        "contract_id", bucket_end(), "known_at", pl.col("trade_seq").cast(pl.Int64),
        taker_flow=pl.lit(value=True),
        taker_flow_screen=~pl.col("flow_class").is_in(c.OFF_SCREEN_CLASSES).fill_null(value=False),
        net=pl.when(side == "buy").then(units).when(side == "sell").then(-units).otherwise(0),
        unknown=~side.is_in(_SIDES).fill_null(value=False),
    )  # fmt: skip
    numbers = {
        "unnumbered": pl.col("trade_seq").null_count().cast(pl.Int64),
        "seqs": pl.col("trade_seq").count().cast(pl.Int64),
        "last_seq": pl.col("trade_seq").max().fill_null(0),
        "known_at": pl.col("known_at").max(),
    }
    sums: dict[str, pl.Expr] = {}
    for model in c.FLOW_MODELS:
        sums[f"net_{model}"] = (pl.col("net") * pl.col(model)).sum()
        sums[f"trades_{model}"] = pl.col(model).sum().cast(pl.Int64)
        sums[f"unknown_{model}"] = (pl.col("unknown") & pl.col(model)).sum().cast(pl.Int64)
    wide = told.group_by("contract_id", "bucket_ts").agg(**sums, **numbers)
    return pl.concat(_step(wide, model) for model in c.FLOW_MODELS)


def _step(wide: pl.DataFrame, model: c.DealerModel) -> pl.DataFrame:
    net = pl.col(f"net_{model}")
    return wide.select(
        "contract_id", "bucket_ts", dealer_model=pl.lit(model), net=net, moved=-net, trades=f"trades_{model}",
        unknown=f"unknown_{model}", unnumbered="unnumbered", seqs="seqs", last_seq="last_seq", known_at="known_at",
    )  # fmt: skip


def _carried(opening: pl.DataFrame, first_bucket_ts: datetime) -> pl.DataFrame:
    """The opening position as a step of the first bucket in which nothing was traded."""
    last, missing = pl.col("last_trade_seq").fill_null(0), pl.col("trades_missing").fill_null(0)
    is_numbered_anew = (~pl.col("is_history_complete") & pl.col("trades_missing").is_null()).fill_null(value=False)
    return opening.select(
        "contract_id",
        bucket_ts=pl.lit(first_bucket_ts, dtype=_INSTANT),
        dealer_model="dealer_model",
        net=pl.lit(0, dtype=pl.Int64),
        moved=(pl.col("inventory_quantity") * c.UNITS_PER_COIN).round().cast(pl.Int64),
        trades=pl.lit(0, dtype=pl.Int64),
        unknown="trades_of_unknown_side",
        unnumbered=pl.col("is_history_complete").is_null().cast(pl.Int64),
        seqs=pl.when(is_numbered_anew).then(last + _NUMBERED_ANEW).otherwise(last - missing),
        last_seq=last,
        known_at="known_at",
    )


def _cumulated(rows: pl.DataFrame) -> pl.DataFrame:
    """Sums so far, from steps in the order of their buckets."""
    so_far = rows.with_columns(
        *(pl.col(name).cum_sum().over(_POSITION) for name in ("moved", "unknown", "unnumbered", "seqs")),
        *(pl.col(name).cum_max().over(_POSITION) for name in _GREATEST),
    )
    is_numbered_anew = pl.col("seqs") > pl.col("last_seq")  # a number came twice: then numbers prove nothing
    missing = pl.when((pl.col("unnumbered") == 0) & ~is_numbered_anew).then(pl.col("last_seq") - pl.col("seqs"))
    return so_far.with_columns(
        taker_net_quantity=_coins(so_far["net"]),
        inventory_quantity=_coins(so_far["moved"]),
        trades_of_unknown_side="unknown",
        last_trade_seq=pl.when(pl.col("last_seq") > 0).then("last_seq"),
        trades_missing=missing,
        is_history_complete=pl.when(is_numbered_anew & (pl.col("unnumbered") == 0))
        .then(pl.lit(value=False))
        .otherwise(missing == 0),
    )


def _coins(units: pl.Series) -> pl.Series:
    # Polars multiplies by 1e-8, which makes 0.7000000000000001 of 70,000,000; NumPy divides.
    return pl.Series(units.to_numpy() / c.UNITS_PER_COIN, dtype=pl.Float64)
