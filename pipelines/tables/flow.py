"""Trades and what follows from them: dealers' inventory, premium paid, same-day flow."""

from __future__ import annotations

from dataclasses import replace

from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

FAMILY = "flow"
_CONTRACT = "contract_id root expiry_date expiry_ts strike option_type is_inverse "

OPTION_TRADES = Table(
    name="option_trades",
    family=FAMILY,
    grain="trade",
    description="Trades of single contracts, each once; combos by their legs.",
    key=names("trade_number"),
    columns=words(
        "underlying trade_number trade_ts source known_at " + _CONTRACT
        + "trade_id trade_seq taker_side price_coins price_usd quantity index_price vendor_iv_frac flow_class "
        + "liquidated_side block_id combo_id",
        {"known_at": "When the trade took place, or became known where its file says so."},
    ),
    nullable=frozenset(
        names(
            "is_inverse trade_id trade_seq price_coins price_usd index_price vendor_iv_frac liquidated_side block_id "
            "combo_id"
        )
    ),
    is_published=False,
)  # fmt: skip

TRADE_COVERAGE = Table(
    name="trade_coverage",
    family=FAMILY,
    grain="span of which every trade is there",
    description="Of which spans a source says that every trade is there.",
    key=names("from_ts"),
    columns=words(
        "underlying from_ts until_ts known_at", {"known_at": "End of the span, or when its trades became known."}
    ),
    nullable=frozenset(),
    is_published=False,
)

TRADE_HOLES = Table(
    name="trade_holes",
    family=FAMILY,
    grain="contract x run of missing trades",
    description="Trades that are missing by the venue's own numbers, since the first that is known.",
    key=names("contract_id from_seq"),
    columns=words("underlying contract_id from_seq to_seq"),
    nullable=frozenset(),
    is_published=False,
)

INSTRUMENTS = Table(
    name="instruments",
    family=FAMILY,
    grain="contract",
    description="What the venue says of the contracts it lists.",
    key=names("contract_id"),
    columns=words("underlying " + _CONTRACT + "contract_size_coins min_trade_coins listed_ts known_at"),
    nullable=frozenset(names("contract_size_coins min_trade_coins listed_ts")),
    is_published=False,
)

DEALER_INVENTORY = Table(
    name="dealer_inventory",
    family=FAMILY,
    grain="contract x dealer_model x bucket_ts where it changed, and the first of each day",
    description="What dealers hold by the trades that takers made, contract by contract in 10-minute buckets.",
    key=names("bucket_ts dealer_model contract_id"),
    columns=words(
        "underlying bucket_ts known_at dealer_model " + _CONTRACT
        + "taker_net_quantity trades inventory_quantity quantity_unit open_interest inventory_to_open_interest "
        + "last_trade_seq trades_missing trades_of_unknown_side is_history_complete",
        {
            "known_at": "When the last trade and the chain behind the row were known, never before the bucket's end.",
            "taker_net_quantity": "Quantity that takers bought less what they sold in the bucket.",
            "trades": "Trades of the bucket that the model counts.",
            "open_interest": "Open interest in the day's chain within a minute of the bucket's end.",
        },
    ),
    nullable=frozenset(
        names(
            "is_inverse open_interest inventory_to_open_interest last_trade_seq trades_missing is_history_complete"
        )
    ),
)  # fmt: skip

PREMIUM_FLOW = Table(
    name="premium_flow",
    family=FAMILY,
    grain="underlying x minute_ts x option_type x taker_side x flow_class",
    description="Premium that takers paid and received by minute, with its delta.",
    key=names("minute_ts option_type taker_side flow_class"),
    columns=words(
        "underlying minute_ts known_at option_type taker_side flow_class premium_usd quantity quantity_unit trades "
        "trades_without_premium delta_usd trades_without_delta is_spike",
        {"known_at": "When the last trade behind the row was known, never before the minute's end."},
    ),
    nullable=frozenset(names("premium_usd delta_usd is_spike")),
)

ZERO_DTE_FLOW = replace(
    PREMIUM_FLOW,
    name="zero_dte_flow",
    description="The same for the expiry of the same day; on coin venues the next one at 08:00 UTC.",
)

ZERO_DTE_PUT_SHARE = Table(
    name="zero_dte_put_share",
    family=FAMILY,
    grain="underlying x minute_ts",
    description="By minute, how much of the premium in the same day's expiry is paid for puts.",
    key=names("market underlying minute_ts"),
    columns=words("market underlying minute_ts call_premium_usd put_premium_usd put_share_frac"),
    nullable=frozenset(names("call_premium_usd put_premium_usd put_share_frac")),
    is_partitioned=False,
)

FAMILY_TABLES = (
    OPTION_TRADES, TRADE_COVERAGE, TRADE_HOLES, INSTRUMENTS, DEALER_INVENTORY, PREMIUM_FLOW, ZERO_DTE_FLOW,
    ZERO_DTE_PUT_SHARE,
)  # fmt: skip
