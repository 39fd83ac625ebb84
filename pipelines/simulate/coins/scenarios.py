"""The sample week of two coins, and two of its days in a few contracts, quick enough for every test.

The week's story: put blocks into a falling market on Tuesday, a rally through the call wall on Thursday, the roll-off
of the month's and the quarter's end on Friday morning, a quiet weekend.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from models.synthetic import Smile
from pipelines.simulate.coins.declare import (
    Coin,
    CoinScenario,
    Customers,
    Dailies,
    Expiry,
    OrderKind,
    Programme,
    Sprinkle,
)

WEEK_START = datetime(2024, 6, 24)
_QUARTER_END, _WEEKLY, _NEXT_WEEKLY, _MONTH_END = (
    date(2024, 6, 28), date(2024, 7, 5), date(2024, 7, 12), date(2024, 7, 26),
)  # fmt: skip
_SEPTEMBER, _DECEMBER = date(2024, 9, 27), date(2024, 12, 27)
# The index every six hours, Monday 00:00 to Sunday 24:00.
_BITCOIN = (
    64_120.0, 63_850.0, 64_210.0, 63_900.0,
    63_760.0, 63_480.0, 62_350.0, 61_240.0,  # Tuesday: puts
    61_050.0, 61_420.0, 61_180.0, 61_700.0,
    62_040.0, 62_600.0, 64_300.0, 66_150.0,  # Thursday: through the wall
    66_480.0, 66_120.0, 65_300.0, 65_020.0,
    65_140.0, 65_260.0, 65_180.0, 65_330.0,
    65_210.0, 65_090.0, 65_300.0, 65_240.0,
    65_360.0,
)  # fmt: skip
_SOLANA = (
    136.4, 135.2, 136.9, 135.8,
    135.1, 133.9, 129.6, 125.8,
    125.1, 126.9, 126.0, 127.8,
    129.0, 131.2, 136.8, 142.6,
    143.5, 142.1, 139.4, 138.2,
    138.8, 139.3, 138.7, 139.6,
    139.0, 138.5, 139.5, 139.1,
    139.8,
)  # fmt: skip


def _at(text: str) -> datetime:
    """Day of June and time, as in 25 14:30."""
    return datetime.strptime(f"2024-06-{text}", "%Y-%m-%d %H:%M")


def _programme(kind: OrderKind, expiry: date, strike: float, what: str, span: tuple[str, str], orders: int,
               coins: float) -> Programme:  # fmt: skip
    """`what`: as in "buys puts"."""
    side, right = what.split()
    return Programme(kind, expiry, strike, right == "calls", side == "buys", _at(span[0]), _at(span[1]), orders, coins)


def _sprinkles(blocks: float, liquidations: float) -> tuple[Sprinkle, ...]:
    """All that breaks the flow model's assumption, and its harmless neighbours. In coins an order."""
    start, end = WEEK_START, WEEK_START + timedelta(days=7)
    slide, rally = (_at("25 10:00"), _at("25 20:00")), (_at("27 10:00"), _at("27 22:00"))
    return (
        Sprinkle("block", start, end, 26, blocks),
        Sprinkle("block_rfq", start, end, 30, blocks),
        Sprinkle("among_dealers", start, end, 18, blocks),
        Sprinkle("makers_side", start, end, 14, blocks),
        *(Sprinkle("liquidated_taker", *span, 22, liquidations) for span in (slide, rally)),
        *(Sprinkle("liquidated_maker", *span, 16, liquidations) for span in (slide, rally)),
        *(Sprinkle("both_liquidated", *span, 5, liquidations) for span in (slide, rally)),
    )


@lru_cache(maxsize=1)
def week() -> CoinScenario:
    """Seven days, a chain every ten minutes; the last four hours come one by one."""
    return CoinScenario(WEEK_START.date(), days=7, visit_minutes=10, hourly_hours=4, coins=(_bitcoin(), _solana()))


@lru_cache(maxsize=1)
def small() -> CoinScenario:
    """Thursday and Friday, a chain every hour, the nearest few expiries."""
    bitcoin, solana = _bitcoin(), _solana()
    near = replace(
        bitcoin,
        expiries=(
            Expiry(_QUARTER_END, (60_000.0, 62_000.0, 65_000.0, 68_000.0), 1.0, late_share=0.3, has_future=True),
            Expiry(_WEEKLY, (60_000.0, 65_000.0, 70_000.0), 0.6),
        ),
        dailies=Dailies(1, 1_000.0, (-3_000.0, 0.0, 3_000.0), 1_000.0, 0.8),
        orders_an_hour=12.0,
        sprinkles=_sprinkles(blocks=8.0, liquidations=3.0),
    )
    other = replace(
        solana,
        expiries=(Expiry(_QUARTER_END, (120.0, 130.0, 140.0), 1.0, late_share=0.3),),
        dailies=Dailies(1, 5.0, (-7.5, 2.5), 2.5, 0.8),
        orders_an_hour=5.0,
        sprinkles=_sprinkles(blocks=700.0, liquidations=150.0),
    )
    return CoinScenario(date(2024, 6, 27), days=2, visit_minutes=60, hourly_hours=0, coins=(near, other))


def _bitcoin() -> Coin:
    """Overwriters sell its calls of the month's end, hedgers buy puts, day traders buy the calls of the day."""
    overwriting, hedging = ("24 02:00", "27 08:00"), ("25 10:00", "25 19:00")
    chasing = ("27 13:00", "28 20:00")
    return Coin(
        underlying="BTC",
        currency="BTC",
        root="BTC",
        settled_in="BTC",
        is_inverse=True,
        index_name="btc_usd",
        perpetual="BTC-PERPETUAL",
        contract_size=1.0,
        unit_coins=0.1,
        tick=0.0001,
        large_tick=0.0005,
        large_tick_above=0.005,
        price_decimals=8,
        trade_id_prefix="",
        first_trade_id=402_318_455,
        anchors=_BITCOIN,
        volatility_frac=0.38,
        smile=Smile(short_variance=0.19, long_variance=0.30, skew=-0.12, wing=0.9),
        smile_response=6.0,
        basis_frac=0.09,
        perpetual_premium_frac=0.0003,
        perpetual_coins_per_bar=140.0,
        round_step=10_000.0,
        expiries=(
            Expiry(_QUARTER_END, (50_000.0, 55_000.0, 58_000.0, 60_000.0, 62_000.0, 64_000.0, 65_000.0, 66_000.0,
                                  68_000.0, 70_000.0, 75_000.0), 1.6, late_share=0.25, has_future=True),
            Expiry(_WEEKLY, (52_000.0, 56_000.0, 58_000.0, 60_000.0, 62_000.0, 64_000.0, 66_000.0, 68_000.0, 70_000.0,
                             72_000.0, 76_000.0), 0.9, has_future=True),
            Expiry(_NEXT_WEEKLY, (54_000.0, 58_000.0, 60_000.0, 62_000.0, 64_000.0, 65_000.0, 66_000.0, 68_000.0,
                                  70_000.0, 74_000.0), 0.6, listed_ts=_at("27 08:00")),
            Expiry(_MONTH_END, (45_000.0, 50_000.0, 55_000.0, 58_000.0, 60_000.0, 65_000.0, 70_000.0, 75_000.0,
                                80_000.0, 90_000.0), 0.9, late_share=0.3, has_future=True),
            Expiry(_SEPTEMBER, (40_000.0, 50_000.0, 55_000.0, 60_000.0, 65_000.0, 70_000.0, 75_000.0, 80_000.0,
                                100_000.0, 120_000.0), 0.5, late_share=1.0, has_future=True),
            Expiry(_DECEMBER, (50_000.0, 60_000.0, 70_000.0, 80_000.0, 100_000.0, 120_000.0),
                   0.3, late_share=1.0, has_future=True),
        ),
        dailies=Dailies(3, 1_000.0, (-7_000.0, -4_000.0, -2_000.0, -1_000.0, 0.0, 1_000.0, 2_000.0, 4_000.0, 7_000.0),
                        1_500.0, 0.8),
        customers=Customers(buys_calls=0.41, buys_puts=0.63),
        orders_an_hour=52.0,
        usual_coins=2.2,
        held_coins=90.0,
        has_volatility_index=True,
        programmes=(
            _programme("screen", _QUARTER_END, 65_000.0, "sells calls", overwriting, 70, 14.0),
            _programme("block", _QUARTER_END, 65_000.0, "sells calls", ("24 09:00", "26 16:00"), 9, 90.0),
            _programme("block_rfq", _MONTH_END, 70_000.0, "sells calls", ("24 12:00", "27 09:00"), 6, 70.0),
            _programme("block", _QUARTER_END, 60_000.0, "buys puts", hedging, 9, 110.0),
            _programme("block_rfq", _WEEKLY, 60_000.0, "buys puts", hedging, 10, 120.0),
            _programme("block", _MONTH_END, 55_000.0, "buys puts", hedging, 6, 140.0),
            _programme("screen", _WEEKLY, 58_000.0, "buys puts", ("25 11:00", "26 18:00"), 40, 9.0),
            _programme("screen", _WEEKLY, 68_000.0, "buys calls", chasing, 60, 12.0),
            _programme("block_rfq", _MONTH_END, 75_000.0, "buys calls", chasing, 7, 80.0),
        ),
        sprinkles=_sprinkles(blocks=38.0, liquidations=5.0),
    )  # fmt: skip


def _solana() -> Coin:
    """A linear coin, ten of it a contract: its customers buy calls and sell puts."""
    return Coin(
        underlying="SOL",
        currency="USDC",
        root="SOL_USDC",
        settled_in="USDC",
        is_inverse=False,
        index_name="sol_usdc",
        perpetual="SOL_USDC-PERPETUAL",
        contract_size=10.0,
        unit_coins=10.0,
        tick=0.01,
        large_tick=0.05,
        large_tick_above=5.0,
        price_decimals=4,
        trade_id_prefix="SOL_USDC-",
        first_trade_id=118_204,
        anchors=_SOLANA,
        volatility_frac=0.55,
        smile=Smile(short_variance=0.50, long_variance=0.66, skew=-0.04, wing=0.9),
        smile_response=4.0,
        basis_frac=0.12,
        perpetual_premium_frac=0.0004,
        perpetual_coins_per_bar=21_000.0,
        round_step=20.0,
        expiries=(
            Expiry(_QUARTER_END, (110.0, 120.0, 125.0, 130.0, 135.0, 140.0, 145.0, 150.0, 170.0), 1.4,
                   late_share=0.25, has_future=True),
            Expiry(_WEEKLY, (105.0, 115.0, 125.0, 130.0, 135.0, 140.0, 150.0, 160.0, 180.0), 0.8),
            Expiry(_MONTH_END, (90.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 180.0, 220.0), 0.7, late_share=0.5,
                   has_future=True),
        ),
        dailies=Dailies(2, 5.0, (-15.0, -7.5, -2.5, 0.0, 2.5, 7.5, 15.0), 3.0, 0.8),
        customers=Customers(buys_calls=0.62, buys_puts=0.44),
        orders_an_hour=17.0,
        usual_coins=90.0,
        held_coins=3_000.0,
        has_volatility_index=False,
        programmes=(
            _programme("screen", _QUARTER_END, 140.0, "buys calls", ("26 14:00", "27 20:00"), 40, 350.0),
            _programme("block", _WEEKLY, 125.0, "sells puts", ("25 12:00", "25 18:00"), 5, 4_000.0),
            _programme("block_rfq", _MONTH_END, 160.0, "buys calls", ("27 10:00", "28 18:00"), 6, 5_000.0),
        ),
        sprinkles=_sprinkles(blocks=2_400.0, liquidations=300.0),
    )  # fmt: skip
