"""The clearing house's totals of a market: what its files and answers have in common.

A day of open interest is eleven figures: calls, puts and both of three groups, of futures, and of everything. They
stand together or not at all: a day whose parts do not add up to its totals is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from pipelines.sources.chain_rows import LARGEST_NUMBER
from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA
from pipelines.sources.reports.report import ReportFile, judged

TABLE = "clearing_totals"
ALL = "_all"
GROUPS = ("equity", "index_other", "debt")
# In the order in which the clearing house lists them.
OPEN_INTEREST_FACTS = (
    *((group, kind) for group in GROUPS for kind in ("call", "put", ALL)),
    ("futures", ALL),
    (ALL, ALL),
)

Fact = tuple[str, str]  # product group, option type


@dataclass(slots=True)
class Found:
    """What was read so far of one measure."""

    measure: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[tuple[int, str, str, str]] = field(default_factory=list)

    def take(self, number: int, text: str, day: date, fact: Fact, contracts: float, exchange: str = ALL) -> None:
        group, kind = fact
        self.rows.append(
            {"row_number": number, "row_text": text[:LONGEST_ROW_TEXT], "session_date": day, "product_group": group,
             "option_type": kind, "exchange": exchange, "contracts": contracts}
        )  # fmt: skip

    def reject(self, number: int, text: str, reason: str, part: str = "row") -> None:
        self.rejected.append((number, part, reason, text[:LONGEST_ROW_TEXT]))

    def take_day(self, number: int, text: str, day: date | None, figures: Mapping[Fact, float | None]) -> None:
        """The eleven figures of a day's open interest, or as many rejections."""
        reason = "unreadable_date" if day is None else _why_not(figures)
        for fact in OPEN_INTEREST_FACTS:
            contracts = figures.get(fact)
            if day is None or reason is not None or contracts is None:
                self.reject(number, text, reason or "unreadable_number", ".".join(fact))
            else:
                self.take(number, text, day, fact, contracts)

    def report(self) -> ReportFile:
        typed = pl.DataFrame(self.rows, schema=_TYPED, orient="row").with_columns(
            part=pl.lit(self.measure), measure=pl.lit(self.measure), published_date=pl.lit(None, dtype=pl.Date)
        )
        rejected = pl.DataFrame(self.rejected, schema=REJECTED_SCHEMA, orient="row")
        return judged(TABLE, typed, rejected, typed.height + rejected.height)


_TYPED = {
    "row_number": pl.Int64(), "row_text": pl.String(), "session_date": pl.Date(), "product_group": pl.String(),
    "option_type": pl.String(), "exchange": pl.String(), "contracts": pl.Float64(),
}  # fmt: skip


def _why_not(figures: Mapping[Fact, float | None]) -> str | None:
    known = {fact: value for fact, value in figures.items() if value is not None}
    if len(known) < len(OPEN_INTEREST_FACTS):
        return "unreadable_number"
    groups = [known[group, ALL] for group in GROUPS]
    if any(known[group, "call"] + known[group, "put"] != total for group, total in zip(GROUPS, groups, strict=True)):
        return "does_not_add_up"
    options, futures, everything = sum(groups), known["futures", ALL], known[ALL, ALL]
    # Whether the last total counts futures is nowhere said.
    return None if everything in (options, options + futures) else "does_not_add_up"


def contracts(value: object) -> float | None:
    """A whole number of contracts; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST_NUMBER:
        return None
    return float(value) if value == int(value) else None
