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

FAMILY_TABLES = (PRICE_BARS, DELIVERY_PRICES)
