"""What a parser hands on: typed rows, rejected rows, and what the page says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

LONGEST_MESSAGE = 300


class Unreadable(Exception):
    """A file that cannot be taken as what it looks like; the message is one line for its owner.

    Messages quote what the file says: whatever that is, they stay one line of bounded length that a terminal prints.
    """

    def __init__(self, message: str) -> None:
        line = printable(" ".join(message[: 4 * LONGEST_MESSAGE].split()))
        super().__init__(line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 3] + "...")


def printable(text: str) -> str:
    """The text with the codes in it spelt out, which would move a terminal's cursor or turn its line around."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


REJECTED_SCHEMA = {"row_number": pl.Int64(), "row_part": pl.String(), "reason": pl.String(), "row_text": pl.String()}
LONGEST_ROW_TEXT = 400
QUOTE_DELAY = timedelta(minutes=15)  # of quotes that exchanges give away
EARLIEST_YEAR, LATEST_YEAR = 2005, 2040  # of a clock in a file; others are slips

# What a page's open interest is dated by: the clock at which it was pulled (`header_ts`), or the vendor's word that
# it is the figure of the session's start or of its end; `unknown` where the vendor says nothing.
OpenInterestRule = Literal["pulled", "session_start", "session_end", "unknown"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What the owner says of a file beyond its bytes. Kept with every sighting, so that a parse can be repeated."""

    session: date | None = None  # which session the page shows, against its own clock
    underlying: str | None = None  # for layouts that do not name theirs
    mapping: str | None = None  # the text of a column mapping
    exchange: str | None = None  # whose trades a file counts, where it does not say


NOTHING_DECLARED = Declared()


@dataclass(frozen=True, slots=True)
class DailyBar:
    """The underlying's session so far as the vendor states it, in USD and shares."""

    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None


@dataclass(frozen=True, slots=True)
class ChainPage:
    """One underlying's chain at one instant, before it is placed in market time.

    `rows`: one contract a row (CHAIN_ROW_SCHEMA), `row_number` the line it stands on. `rejected`: rows that were not
    taken, with reasons; a line that holds a call and a put counts twice. rows_in = rows + rejected + rows_duplicate.
    """

    underlying: str
    header_ts: datetime | None  # the clock of the page itself, in UTC: when it was made or read; None if it has none
    quote_ts: datetime | None  # the vendor's own time of the quotes, in UTC; None where only header_ts can tell
    open_interest_rule: OpenInterestRule
    underlying_last: float | None
    underlying_bid: float | None
    underlying_ask: float | None
    underlying_volume: float | None
    rows: pl.DataFrame
    rejected: pl.DataFrame
    rows_in: int
    rows_duplicate: int
    first_expiry: date
    body_sha256: str  # of everything but the page's own clock
    bar: DailyBar | None = None  # where the vendor states one
