"""The words in which a simulated market is declared: instruments, series of contracts, files that somebody kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from models.synthetic import Smile

Ladder = tuple[tuple[float, float], ...]  # strikes at every so many USD, as far from the spot as this fraction


@dataclass(frozen=True, slots=True)
class Series:
    """Expiry dates listed under one root, their strikes, and how much they are held and traded."""

    root: str
    dates: tuple[date, ...]
    ladder: Ladder
    interest_scale: float
    volume_scale: float
    sessions_ahead: int | None = None  # listed so long before expiry; None: from the market's first session
    delivers: float = 1.0  # units of the underlying; anything but 1 is an adjusted series


@dataclass(frozen=True, slots=True)
class Thin:
    """What a cheap end-of-day file showed of the chain before the market's first session: weeklies and monthlies."""

    weekly_root: str
    monthly_root: str
    near_ladder: Ladder
    far_ladder: Ladder
    weeklies_ahead: int  # sessions
    monthlies_ahead: int


@dataclass(frozen=True, slots=True)
class Customers:
    """Odds of what customers do with dealers in one contract on one day; they add up to 1.

    `dealers_long` is how likely dealers are long of a contract that was held before the first session.
    """

    buy_to_open: float
    sell_to_open: float
    sell_to_close: float
    buy_to_close: float
    dealers_long: float

    @property
    def odds(self) -> tuple[float, float, float, float]:
        return (self.buy_to_open, self.sell_to_open, self.sell_to_close, self.buy_to_close)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One underlying and the chain listed on it."""

    name: str
    title: str
    security_type: Literal["index", "etf", "stock"]
    start: float  # closing price before the market's first session
    carry_frac: float
    smile: Smile  # as usual
    smile_response: float
    beta: float  # of its moves to the market's
    own_volatility_frac: float  # of the rest of its moves; 0: it goes exactly with the market
    breadth: float  # of the strikes that are held, 1 for an index
    quote_width_frac: float  # of its bid and ask
    usual_shares: float  # a session's volume; 0 for an index
    round_step: float  # USD between strikes that attract the most interest
    small_tick: float
    large_tick: float
    widest_option_quote_usd: float
    series: tuple[Series, ...]
    calls: Customers
    puts: Customers
    thin: Thin | None = None


@dataclass(frozen=True, slots=True)
class Pull:
    """One saved page or response: whose clock it shows, in which layout, and what it really contains."""

    instrument: str
    pulled_at: datetime  # New York
    layout: str  # the dress of a CSV page, or "json"
    session_date: date
    session_basis: str
    quoted_at: time | None = None  # New York, inside the session; None: its close
    has_new_interest: bool = False  # whether the exchange had published the session's own open interest
    is_zeroed: bool = False
    repeats: str | None = None  # file name of the page whose content it shows again

    @property
    def file_name(self) -> str:
        kind, ending = ("delayed_quotes", "json") if self.layout == "json" else ("quotedata", "csv")
        return f"simulated_{self.instrument.lower()}_{kind}_{self.pulled_at:%Y-%m-%d_%H%M}.{ending}"


@dataclass(frozen=True, slots=True)
class DayFile:
    """One end-of-day file of several underlyings. `width`: with or without the vendor's greeks."""

    session_date: date
    instruments: tuple[str, ...]
    width: Literal["Calcs", "Quotes"]

    @property
    def file_name(self) -> str:
        return f"simulated_UnderlyingOptionsEOD{self.width}_{self.session_date}.csv"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A market and the files that were kept of it."""

    instruments: tuple[Instrument, ...]
    history: tuple[date, ...]  # sessions before the market's first of which only thin files were kept
    sessions: tuple[date, ...]
    pulls: tuple[Pull, ...]
    day_files: tuple[DayFile, ...]
    first_curve: date
    index_history: str | None  # whose daily bars were kept as well
