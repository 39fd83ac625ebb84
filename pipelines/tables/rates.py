"""Rates: the Treasury curve as it was known."""

from __future__ import annotations

from pipelines.tables.declare import Table
from pipelines.tables.vocabulary import names, words

TREASURY_ZERO_CURVE = Table(
    name="treasury_zero_curve",
    family="off-exchange and clearing",
    grain="curve date x tenor",
    description="Zero curve bootstrapped from the Treasury par curve; session_date is the curve's date.",
    key=names("tenor_years"),
    columns=words(
        "source known_at tenor_years is_published_tenor par_yield_frac zero_rate_frac discount_factor",
        {"known_at": "When the curve became known: 18:00 New York on its date."},
    ),
    nullable=frozenset(["par_yield_frac"]),
    is_exported=True,
    lag="Known at 18:00 New York of the curve's date.",
    coverage="The Treasury's published tenors, 1 month to 30 years.",
    limits="Par yields at about 15:30 New York; a changed value counts from the file that shows it.",
)

FAMILY_TABLES = (TREASURY_ZERO_CURVE,)
