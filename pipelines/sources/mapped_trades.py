"""Trades of options in a layout that their owner declares: CSV or Parquet, a trade a row (docs/MAPPING.md)."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from pipelines.calendar import FIRST_DAY, us_sessions
from pipelines.markets import root_of
from pipelines.sources import mapped_cells, mapped_coin_rows, mapped_contracts, mapped_coverage
from pipelines.sources.chain_rows import LARGEST_NUMBER, OSI_SYMBOL, Reason, plain_symbol
from pipelines.sources.coin_file import CONTRACT_SCHEMA, FLOW_CLASSES, TRADE_SCHEMA, CoinFile
from pipelines.sources.many_pages import US_SYMBOL, owners
from pipelines.sources.mapped_cells import Cells, meaning, read_cells
from pipelines.sources.mapping import trades_mapping
from pipelines.sources.mapping_coins import TradesMapping
from pipelines.sources.page import Declared

NAME = "mapped_trades"
LARGEST_BYTES = mapped_cells.LARGEST_BYTES

_NUMBERS = {
    "price": "columns.price", "quantity": "columns.quantity", "bid": "columns.bid", "ask": "columns.ask",
    "vendor_iv_frac": "columns.iv", "index_price": "columns.index_price", "stated_seq": "columns.trade_seq",
}  # fmt: skip
_LABELS = {"trade_id": "columns.trade_id", "block_id": "columns.block_id", "combo_id": "columns.combo_id"}
_LIQUIDATED = {"M": "maker", "T": "taker", "MT": "both"}
_FACTS = ["contract_id", *(name for name in TRADE_SCHEMA if name not in {"row_number", "known_at", *CONTRACT_SCHEMA})]
_LAST_EXPIRY = date(2099, 12, 31)
_AT_THE_MID = 1e-9  # of the ask: as far as prices are the same


def recognise(data: bytes) -> bool:
    """Never by content: the owner says so."""
    del data
    return False


def coin_file(data: bytes, declared: Declared) -> CoinFile:
    """The trades of a file, and the spans of which its owner says that they are complete."""
    mapping = trades_mapping(declared.mapping)
    moments = {"time": mapping.time} | ({"known": mapping.known} if mapping.known is not None else {})
    cells = read_cells(data, mapping, moments)
    typed = _typed(cells, mapping, mapping.underlying or plain_symbol(declared.underlying or "") or None)
    options = typed.filter(~pl.col("is_no_option"))
    kept, wrong = mapped_coin_rows.judge(options, _reasons(cells, mapping))
    kept = kept.with_columns(
        *mapped_coin_rows.stated(["index_price"]),
        trade_ts="own_ts",
        known_at=pl.max_horizontal("own_ts", "known_ts"),
        trade_seq=pl.col("stated_seq").cast(pl.Int64),
    )
    trades, conflicting, repeats = _once(kept, mapping)
    rejected = mapped_coin_rows.rejected([wrong, conflicting], cells, "trade")
    rows_in = typed.height + cells.ragged.height
    mapped_coin_rows.check_any(trades, rejected, rows_in)
    trades = trades.select(list(TRADE_SCHEMA)).cast(TRADE_SCHEMA)  # type: ignore[arg-type]
    lost = rejected.filter(pl.col("reason") != "conflicting_duplicate")
    return CoinFile(
        trades=trades.sort("underlying", "trade_ts", "contract_id", "trade_seq", "trade_id", "row_number"),
        coverage=mapped_coverage.coverage(trades, lost, mapping),
        rejected=rejected,
        rows_in=rows_in,
        rows_duplicate=repeats,
        rows_passed=typed.height - options.height,
    )


def _typed(cells: Cells, mapping: TradesMapping, underlying: str | None) -> pl.DataFrame:
    """TRADE_SCHEMA but for its times and trade_seq, and what these are made of: own_ts, known_ts, stated_seq."""
    stated = mapped_contracts.stated(cells, mapping, underlying)
    is_us = mapping.market == "us"
    rows = _us_contracts(stated, cells, mapping) if is_us else mapped_contracts.coin_contracts(stated, cells)
    nothing = pl.lit(None, dtype=pl.String)
    typed = rows.with_columns(
        is_unreadable=cells.is_unreadable(key for key in (*_NUMBERS.values(), "columns.strike") if cells.has(key)),
        own_ts=cells.moment("time", mapping.time),
        known_ts=mapped_coin_rows.moment(cells, "known", mapping.known),
        **mapped_coin_rows.numbers(cells, _NUMBERS),
        **{name: cells.label(key) if cells.has(key) else nothing for name, key in _LABELS.items()},
    )
    if mapping.iv_unit is not None and cells.has("columns.iv"):
        typed = typed.with_columns(mapped_coin_rows.volatility(typed["vendor_iv_frac"], mapping.iv_unit))
    side = _stated_side(cells, mapping) if cells.has("columns.side") else side_by_quote()
    return typed.with_columns(taker_side=side, **_flow_class(cells, mapping, typed))


def _us_contracts(stated: pl.DataFrame, cells: Cells, mapping: TradesMapping) -> pl.DataFrame:
    """With the columns of CONTRACT_SCHEMA, and `owner`: the underlying of the root."""
    is_root_stated = cells.has("columns.root") or mapping.root is not None
    rows = mapped_contracts.us_contracts(stated, cells, is_root_stated=is_root_stated)
    rows = rows.with_columns(owner=owners(rows["root"]))
    return rows.with_columns(
        underlying=pl.coalesce("underlying", "owner"),
        expiry_ts=_expiry_instants(rows),
        is_inverse=pl.lit(None, dtype=pl.Boolean),
        is_no_option=pl.lit(value=False),
    )


def _expiry_instants(rows: pl.DataFrame) -> pl.Series:
    """By the calendar; null before it, and beyond what OSI symbols can say."""
    calendar = us_sessions()
    pairs = rows.select("root", "expiry_date")
    known = pairs.unique().drop_nulls().filter(pl.col("expiry_date").is_between(FIRST_DAY, _LAST_EXPIRY))

    def instant(root: str, day: date) -> datetime:
        return calendar.expiry_instant(day, root_of(root).settlement)

    instants = pl.Series([instant(*pair) for pair in known.iter_rows()], dtype=pl.Datetime("us"))
    return pairs.join(known.with_columns(expiry_ts=instants), on=pairs.columns, how="left", maintain_order="left")[
        "expiry_ts"
    ]


def _reasons(cells: Cells, mapping: TradesMapping) -> list[Reason]:
    is_us = mapping.market == "us"
    sequence = pl.col("stated_seq")
    quantity = pl.col("quantity")
    has_numbers = mapping.equal_rows is None
    return [
        (pl.col("price").is_null() | quantity.is_null(), "unreadable_number"),
        *mapped_coin_rows.number_reasons(("price", "index_price"), ("quantity",), ("vendor_iv_frac",)),
        (quantity == 0, "quantity_not_positive"),
        (pl.lit(is_us) & (quantity != quantity.floor()), "not_a_quantity"),
        *(_us_reasons(cells) if is_us else mapped_contracts.coin_reasons(cells)),
        *mapped_coin_rows.time_reasons(is_known_stated=mapping.known is not None),
        (~((sequence == sequence.floor()) & sequence.is_between(1, LARGEST_NUMBER)), "not_a_trade_seq"),
        (pl.lit(has_numbers) & pl.col("trade_id").is_null() & sequence.is_null(), "no_trade_id"),
        (pl.col("taker_side").is_null(), "unreadable_side"),
        (pl.col("flow_class").is_null(), "unreadable_flow_class"),
    ]


def _us_reasons(cells: Cells) -> list[Reason]:
    return [
        (pl.col("strike") <= 0, "strike_not_positive"),
        (
            (~pl.col("contract_id").str.contains(OSI_SYMBOL)).fill_null(value=True) | pl.col("expiry_date").is_null(),
            "unreadable_symbol",
        ),
        *mapped_contracts.us_reasons(cells),
        (~pl.col("underlying").str.contains(US_SYMBOL).fill_null(value=False), "unreadable_underlying"),
        (pl.col("owner") != pl.col("underlying"), "symbol_contradicts_underlying"),
        (
            pl.col("expiry_ts").is_null() | ~pl.col("expiry_date").dt.year().is_between(2000, 2099),
            "expiry_out_of_range",
        ),
    ]


def _stated_side(cells: Cells, mapping: TradesMapping) -> pl.Series:
    """Of the taker; `unknown` where the cell is empty, null where it says something else."""
    texts = cells.label("columns.side")
    words = mapping.words
    side = meaning(texts, {"buy": words.buy, "sell": words.sell, "unknown": words.unknown})
    return side.zip_with(texts.is_not_null(), pl.Series(["unknown"]))


def side_by_quote() -> pl.Expr:
    """Of the taker by the quote at the trade: buys at or above the ask, sells at or below the bid, in between the
    nearer side; unknown at the mid, and where the quote is missing or crossed. A bid of 0 is one: nobody bids."""
    price, bid, ask = pl.col("price"), pl.col("bid"), pl.col("ask")
    is_usable = bid.is_finite() & ask.is_finite() & (bid >= 0) & (ask > 0) & (bid <= ask)
    above_the_mid = 2 * price - (bid + ask)
    is_told = is_usable & (above_the_mid.abs() > _AT_THE_MID * ask)
    side = pl.when(above_the_mid > 0).then(pl.lit("buy")).otherwise(pl.lit("sell"))
    return pl.when(is_told).then(side).otherwise(pl.lit("unknown"))


def _flow_class(cells: Cells, mapping: TradesMapping, typed: pl.DataFrame) -> dict[str, pl.Series | pl.Expr]:
    """flow_class (null where it cannot be read) and liquidated_side."""
    words = mapping.words
    nothing = pl.lit(None, dtype=pl.String)
    if mapping.flow_class is not None:
        return {"flow_class": pl.lit(mapping.flow_class), "liquidated_side": nothing}
    if cells.has("columns.flow_class"):
        texts = cells.label("columns.flow_class")
        classes = meaning(texts, {name: getattr(words, name) for name in FLOW_CLASSES})
        return {"flow_class": classes.zip_with(texts.is_not_null(), pl.Series(["screen"])), "liquidated_side": nothing}
    texts = pl.repeat(None, typed.height, dtype=pl.String, eager=True)
    if cells.has("columns.liquidation"):
        texts = cells.label("columns.liquidation")
    liquidated = meaning(texts, {code: getattr(words, name) for code, name in _LIQUIDATED.items()})
    rfq = cells.label("columns.rfq_id") if cells.has("columns.rfq_id") else nothing
    flow_class = (
        pl.when(texts.is_not_null() & liquidated.is_null())
        .then(nothing)
        .when(texts.is_not_null())
        .then(pl.lit("liquidation"))
        .when(rfq.is_not_null())
        .then(pl.lit("block_rfq"))
        .when(pl.col("block_id").is_not_null())
        .then(pl.lit("block"))
        .when(pl.col("combo_id").is_not_null())
        .then(pl.lit("combo"))
        .otherwise(pl.lit("screen"))
    )
    return {"flow_class": flow_class, "liquidated_side": liquidated}


def _once(kept: pl.DataFrame, mapping: TradesMapping) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Trades by their numbers; without them as the owner says. One that was seen twice was known at the first."""
    nothing = kept.clear().with_columns(reason=pl.lit(None, dtype=pl.String))
    if mapping.equal_rows == "trades":
        return kept, nothing, 0
    kept = kept.sort("known_at", "row_number")
    if mapping.equal_rows == "repeats":
        distinct = kept.unique(_FACTS, keep="first", maintain_order=True)
        return distinct, nothing, kept.height - distinct.height
    kept = kept.with_columns(number=pl.coalesce("trade_id", pl.format("number {}", "trade_seq")))
    return mapped_coin_rows.without_repeats(kept, ["contract_id", "number"], _FACTS)
