"""The instruments of the sample market: an index with two roots, an ETF on it, four single names."""

from __future__ import annotations

from datetime import date

from models.synthetic import Smile, ZeroCurve
from pipelines.calendar import us_sessions
from pipelines.simulate.declare import Customers, Instrument, Ladder, Series, Thin

MARKET_VOLATILITY_FRAC = 0.10
CURVE = ZeroCurve(short_frac=0.0535, long_frac=0.0415)
_SMILE = Smile(short_variance=0.0112, long_variance=0.0290)

EVE = date(2024, 6, 14)  # the last session before the market's first
_MONTHLY = date(2024, 6, 21)
_MONTHLIES = (date(2024, 7, 19), date(2024, 8, 16), date(2024, 9, 20), date(2024, 12, 20))
_WEEKLIES = (date(2024, 7, 5), date(2024, 7, 12))
_DAYS_LISTED_AHEAD = 5

_INDEX_NEAR: Ladder = ((10.0, 0.015), (25.0, 0.05), (100.0, 0.12))
_INDEX_FAR: Ladder = ((25.0, 0.04), (50.0, 0.10), (100.0, 0.25))
_ETF_NEAR: Ladder = ((1.0, 0.016), (5.0, 0.10))
_ETF_FAR: Ladder = ((5.0, 0.10), (10.0, 0.25))


def _dailies() -> tuple[date, ...]:
    days = us_sessions().between(date(2024, 6, 17), date(2024, 7, 10))
    return tuple(day for day in days if day not in _WEEKLIES)


def index() -> Instrument:
    """Hedgers buy its puts, overwriters sell its calls: dealers are long calls and short puts."""
    return Instrument(
        name="SPX",
        title="SIMULATED Standard & Poors 500 Index",
        security_type="index",
        start=5431.6,
        carry_frac=0.0135,
        smile=_SMILE,
        smile_response=12.0,
        beta=1.0,
        own_volatility_frac=0.0,
        breadth=1.0,
        quote_width_frac=0.004,
        usual_shares=0.0,
        round_step=100.0,
        small_tick=0.05,
        large_tick=0.10,
        widest_option_quote_usd=3.0,
        series=(
            Series("SPX", (_MONTHLY,), _INDEX_NEAR, interest_scale=2600.0, volume_scale=260.0),
            Series("SPX", _MONTHLIES, _INDEX_FAR, interest_scale=2600.0, volume_scale=260.0),
            Series("SPXW", _dailies(), _INDEX_NEAR, 380.0, 520.0, sessions_ahead=_DAYS_LISTED_AHEAD),
            Series("SPXW", _WEEKLIES, _INDEX_NEAR, interest_scale=700.0, volume_scale=110.0),
            Series("SPXW", _MONTHLIES[:2], _INDEX_FAR, interest_scale=700.0, volume_scale=110.0),
        ),
        calls=Customers(0.14, 0.50, 0.10, 0.26, dealers_long=0.88),
        puts=Customers(0.52, 0.14, 0.24, 0.10, dealers_long=0.12),
        thin=Thin("SPXW", "SPX", ((50.0, 0.035), (100.0, 0.08)), ((100.0, 0.08),), 7, 65),
    )


def etf() -> Instrument:
    """As the index, but with more who sell puts and buy calls."""
    return Instrument(
        name="SPY",
        title="SIMULATED SPDR S&P 500 ETF Trust",
        security_type="etf",
        start=542.78,
        carry_frac=0.0135,
        smile=_SMILE,
        smile_response=12.0,
        beta=1.0,
        own_volatility_frac=0.0,
        breadth=1.0,
        quote_width_frac=0.00006,
        usual_shares=62e6,
        round_step=10.0,
        small_tick=0.01,
        large_tick=0.01,
        widest_option_quote_usd=0.6,
        series=(
            Series("SPY", _dailies(), _ETF_NEAR, 2200.0, 2900.0, sessions_ahead=_DAYS_LISTED_AHEAD),
            Series("SPY", _WEEKLIES, _ETF_NEAR, interest_scale=2200.0, volume_scale=900.0),
            Series("SPY", (_MONTHLY,), _ETF_NEAR, interest_scale=9000.0, volume_scale=1300.0),
            Series("SPY", _MONTHLIES, _ETF_FAR, interest_scale=9000.0, volume_scale=1300.0),
        ),
        calls=Customers(0.24, 0.38, 0.16, 0.22, dealers_long=0.66),
        puts=Customers(0.40, 0.20, 0.24, 0.16, dealers_long=0.28),
        thin=Thin("SPY", "SPY", ((5.0, 0.035), (10.0, 0.08)), ((10.0, 0.08),), 7, 65),
    )


def single_names() -> tuple[Instrument, ...]:
    """Retail buys their calls: dealers are short of nearly everything."""
    narrow: Ladder = ((2.5, 0.05), (5.0, 0.16))
    wide: Ladder = ((5.0, 0.28),)
    adjusted = Series("TSLA1", (_MONTHLIES[0],), ((10.0, 0.20),), 60.0, 8.0, delivers=1.04)
    return (
        _single_name("AAPL", "Apple Inc", 212.5, 1.1, 0.16, 55e6, narrow),
        _single_name("AMZN", "Amazon.com Inc", 183.7, 1.2, 0.20, 36e6, narrow),
        _single_name("NVDA", "NVIDIA Corp", 131.9, 1.8, 0.36, 290e6, ((2.5, 0.10), (5.0, 0.30))),
        _single_name("TSLA", "Tesla Inc", 178.0, 1.7, 0.42, 80e6, wide, adjusted),
    )


def _single_name(
    name: str, title: str, start: float, beta: float, own_volatility_frac: float, shares: float, ladder: Ladder,
    *adjusted: Series,
) -> Instrument:  # fmt: skip
    variance = (beta * MARKET_VOLATILITY_FRAC) ** 2 + own_volatility_frac**2
    return Instrument(
        name=name,
        title=f"SIMULATED {title}",
        security_type="stock",
        start=start,
        carry_frac=0.004,
        smile=Smile(short_variance=1.1 * variance, long_variance=1.4 * variance, skew=-0.3),
        smile_response=2.0,
        beta=beta,
        own_volatility_frac=own_volatility_frac,
        breadth=round(10.0 * variance**0.5, 2),
        quote_width_frac=0.00012,
        usual_shares=shares,
        round_step=10.0,
        small_tick=0.01,
        large_tick=0.05,
        widest_option_quote_usd=0.5,
        series=(
            Series(name, (_MONTHLY,), ladder, interest_scale=4200.0, volume_scale=2100.0),
            Series(name, (date(2024, 6, 28), *_WEEKLIES), ladder, interest_scale=1500.0, volume_scale=700.0),
            Series(name, _MONTHLIES[:2], ladder, interest_scale=4200.0, volume_scale=420.0),
            *adjusted,
        ),
        calls=Customers(0.52, 0.12, 0.28, 0.08, dealers_long=0.15),
        puts=Customers(0.36, 0.22, 0.26, 0.16, dealers_long=0.30),
    )
