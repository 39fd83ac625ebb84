"""What the sample market consists of: instruments, listed expiries, and the pages somebody saved of them.

Everything here is a declaration; a larger market is more of the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from models.synthetic import Smile, ZeroCurve


@dataclass(frozen=True, slots=True)
class Expiries:
    """Expiry dates listed under one root, and how much they are held and traded."""

    root: str
    dates: tuple[date, ...]
    interest_scale: float
    volume_scale: float


@dataclass(frozen=True, slots=True)
class Instrument:
    """One underlying and the chain listed on it."""

    name: str
    title: str
    start: float  # closing price before the first session
    carry_frac: float
    quote_width_frac: float  # of its bid and ask
    usual_shares: float  # a session's volume; 0 for an index
    strike_step: float  # near the money; wings are listed at 2.5 and 10 times it
    small_tick: float
    large_tick: float
    widest_option_quote_usd: float
    listings: tuple[Expiries, ...]
    is_change_long: bool = True


@dataclass(frozen=True, slots=True)
class Pull:
    """One saved page: whose clock it shows, in which dress, and what it really contains."""

    instrument: str
    pulled_at: datetime  # New York
    dress: str
    session_date: date
    session_basis: str
    quoted_at: time | None = None  # New York, inside the session; None: its close
    has_new_interest: bool = False  # whether the exchange had published the session's own open interest
    is_zeroed: bool = False
    repeats: str | None = None  # file name of the page whose content it shows again


def june(*days: int) -> tuple[date, ...]:
    return tuple(date(2024, 6, day) for day in days)


# Around the holiday of 19 June and the monthly expiry of 21 June.
SESSIONS = june(17, 18, 20, 21, 24, 25)
DAY_BEFORE = date(2024, 6, 14)
FIRST_CURVE = date(2024, 6, 3)

CURVE = ZeroCurve(short_frac=0.0535, long_frac=0.0415)
SMILE = Smile(short_variance=0.0112, long_variance=0.0290)
SPOT_VOLATILITY_FRAC = 0.10

_DAILY = june(17, 18, 20, 21, 24, 25, 26, 27, 28)
_MONTHLY = (date(2024, 7, 19), date(2024, 8, 16), date(2024, 9, 20), date(2024, 12, 20))

INSTRUMENTS = (
    Instrument(
        name="SPX",
        title="SIMULATED Standard & Poors 500 Index",
        start=5431.6,
        carry_frac=0.0135,
        quote_width_frac=0.004,
        usual_shares=0.0,
        strike_step=10.0,
        small_tick=0.05,
        large_tick=0.10,
        widest_option_quote_usd=3.0,
        listings=(
            Expiries("SPX", (date(2024, 6, 21), *_MONTHLY), interest_scale=2600.0, volume_scale=260.0),
            Expiries("SPXW", _DAILY, interest_scale=380.0, volume_scale=520.0),
            Expiries("SPXW", (date(2024, 7, 5), *_MONTHLY[:3]), interest_scale=700.0, volume_scale=110.0),
        ),
    ),
    Instrument(
        name="SPY",
        title="SIMULATED SPDR S&P 500 ETF Trust",
        start=542.78,
        carry_frac=0.0135,
        quote_width_frac=0.00006,
        usual_shares=62e6,
        strike_step=1.0,
        small_tick=0.01,
        large_tick=0.01,
        widest_option_quote_usd=0.6,
        listings=(
            Expiries("SPY", june(17, 18, 20, 24, 25, 28), interest_scale=2200.0, volume_scale=2900.0),
            Expiries("SPY", (date(2024, 6, 21), *_MONTHLY), interest_scale=9000.0, volume_scale=1300.0),
        ),
        is_change_long=False,
    ),
)

_AFTER_CLOSE, _IN_SESSION, _BEFORE_OPEN = "header_after_close", "header_in_session", "header_before_open"


def _pull(instrument: str, clock: str, dress: str, session: int, basis: str, **rest: object) -> Pull:
    """`clock`: day of June and New York time; `session`: day of June."""
    pulled_at = datetime.strptime(f"2024-06-{clock}", "%Y-%m-%d %H:%M")
    return Pull(instrument, pulled_at, dress, date(2024, 6, session), basis, **rest)  # type: ignore[arg-type]


def file_name(pull: Pull) -> str:
    return f"simulated_{pull.instrument.lower()}_quotedata_{pull.pulled_at:%Y-%m-%d_%H%M}.csv"


_FRIDAY_EVENING = _pull("SPX", "21 18:31", "day_first", 21, _AFTER_CLOSE)

PULLS = (
    _pull("SPX", "17 16:31", "american", 17, _AFTER_CLOSE),
    _pull("SPX", "18 19:12", "day_first", 18, _AFTER_CLOSE),
    _pull("SPX", "20 22:23", "french", 20, _AFTER_CLOSE, is_zeroed=True),
    _pull("SPX", "21 12:45", "american", 21, _IN_SESSION, quoted_at=time(12, 30)),
    _FRIDAY_EVENING,
    _pull("SPX", "23 22:59", "day_first", 21, _BEFORE_OPEN, repeats=file_name(_FRIDAY_EVENING)),
    _pull("SPX", "24 20:51", "day_first", 24, _AFTER_CLOSE),
    _pull("SPX", "25 16:40", "american", 25, _AFTER_CLOSE),
    _pull("SPY", "17 20:35", "american", 17, _AFTER_CLOSE),
    _pull("SPY", "18 08:28", "american", 17, _BEFORE_OPEN, has_new_interest=True),
    _pull("SPY", "18 19:15", "day_first", 18, _AFTER_CLOSE),
    _pull("SPY", "19 10:15", "day_first_american", 18, _BEFORE_OPEN, has_new_interest=True),
    _pull("SPY", "20 21:40", "french", 20, _AFTER_CLOSE),
    _pull("SPY", "21 18:34", "spanish", 21, _AFTER_CLOSE),
    _pull("SPY", "24 18:47", "american", 24, _AFTER_CLOSE),
    _pull("SPY", "25 16:49", "stray_quote", 25, _AFTER_CLOSE),
)
