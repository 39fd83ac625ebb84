"""What a parser hands on: typed rows, rejected rows, and what the page says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl


class Unreadable(Exception):
    """A file that cannot be taken as what it looks like; the message is one line for its owner."""


REJECTED_SCHEMA = {"row_number": pl.Int64(), "row_part": pl.String(), "reason": pl.String(), "row_text": pl.String()}
LONGEST_ROW_TEXT = 400


@dataclass(frozen=True, slots=True)
class ChainPage:
    """One vendor page of one underlying's chain, before it is placed in market time.

    `rows`: one contract a row, `row_number` the line it stands on. `rejected`: rows that were not taken, with reasons;
    a line that holds a call and a put counts twice. rows_in = rows + rejected + rows_duplicate.
    """

    underlying: str
    header_ts: datetime | None  # the reader's clock in UTC; None if it cannot be read
    underlying_last: float
    underlying_bid: float | None
    underlying_ask: float | None
    underlying_volume: float | None
    rows: pl.DataFrame
    rejected: pl.DataFrame
    rows_in: int
    rows_duplicate: int
    first_expiry: date
    body_sha256: str  # of everything but the clock's line
