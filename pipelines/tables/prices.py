"""Prices of underlyings and indices."""

from __future__ import annotations

from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

FAMILY = "prices"

PRICE_BARS = Table(
    name="price_bars",
    family=FAMILY,
    grain="underlying x interval x bar_ts x source",
    description="Bars of underlyings and indices; two sources may state the same bar.",
    key=names("interval bar_ts source"),
    columns=words(
        "underlying interval bar_ts source known_at open high low close volume",
        {
            "known_at": "When these values of the bar became known.",
            "underlying": "Underlying or index, such as SPX, SPY or VIX.",
            "volume": "Quantity traded in the bar; null where the source has none.",
        },
    ),
    nullable=frozenset(names("open high low volume")),
)

DELIVERY_PRICES = Table(
    name="delivery_prices",
    family=FAMILY,
    grain="underlying x delivery_ts x source",
    description="Prices at which a venue settled the options that expired.",
    key=names("delivery_ts source"),
    columns=words(
        "underlying delivery_ts source known_at delivery_price", {"known_at": "When the price became known."}
    ),
    nullable=frozenset(),
)

_LEVELS = (
    "gamma_flip gamma_flip_status call_wall put_wall absolute_gamma_strike hvl zero_dte_magnet max_pain "
    "highest_open_interest"
)
STUDY_BARS = Table(
    name="study_bars",
    family=FAMILY,
    grain="underlying x interval x bar_ts x source",
    description="Bars with the levels that were known when they began: the newest whole snapshot, default model, all "
    "expiries, in the version of that moment.",
    key=names("market underlying interval bar_ts source"),
    columns=words(
        "market underlying interval bar_ts source bar_open_ts known_at open high low close volume levels_snapshot_ts "
        f"levels_known_at dealer_model levels_spot {_LEVELS}",
        {"known_at": "When these values of the bar became known; the levels were known at bar_open_ts."},
    ),
    nullable=frozenset(
        names(f"open high low volume levels_snapshot_ts levels_known_at dealer_model levels_spot {_LEVELS}")
    ),
    is_partitioned=False,
)

FAMILY_TABLES = (PRICE_BARS, DELIVERY_PRICES, STUDY_BARS)
