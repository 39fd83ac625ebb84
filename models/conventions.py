"""Constants and names that several models share; METHODS gives their reasons."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

DealerModel = Literal[
    "calls_long_puts_short", "short_all", "taker_flow", "taker_flow_screen", "open_close", "clearing_adjusted"
]
QuantityUnit = Literal["contracts", "coins"]
Scope = Literal["all", "0dte", "weekly", "monthly", "le_30d", "next_expiry"]
SpotRule = Literal["parity_checked", "vendor"]
AmericanQuotes = Literal["european", "de_americanised"]  # the formula by which quotes of American options are read

SQRT_2PI = 2.5066282746310002
INV_SQRT_2PI = 0.3989422804014327
INV_SQRT_2 = 0.7071067811865476

DAYS_PER_YEAR = 365.0
SECONDS_PER_YEAR = DAYS_PER_YEAR * 86_400.0
ONE_PERCENT = 0.01
VOL_POINT = 0.01

DEALER_MODELS: tuple[DealerModel, ...] = ("calls_long_puts_short", "short_all")
FLOW_MODELS: tuple[DealerModel, ...] = ("taker_flow", "taker_flow_screen")
COIN_DEALER_MODELS: tuple[DealerModel, ...] = (*DEALER_MODELS, *FLOW_MODELS)
REPORT_MODELS: tuple[DealerModel, ...] = ("open_close", "clearing_adjusted")  # where such reports were loaded
SCOPES: tuple[Scope, ...] = ("all", "0dte", "weekly", "monthly", "le_30d", "next_expiry")
WEEKLY_DAYS = 7
LE_30D_DAYS = 30
WHOLE_HISTORY_SHARE_FRAC = 0.999  # of open interest, from which the history of trades counts as complete
OLDEST_POSITIONS_MINUTES = 30  # by which a position from trades may be older than the chain beside it
CLEARING_SESSIONS = 20  # over which cleared volume is split by account
OLDEST_CLEARING_SESSIONS = 5  # by which the newest of them may lie before a snapshot's session

# Forwards, spot and carry
FEWEST_PARITY_PAIRS = 3
PARITY_STRIKES = 11
CARRY_FROM_YEARS = 7 / DAYS_PER_YEAR
PARITY_SPOT_EXPIRIES = 3
PARITY_SPOT_WITHIN_YEARS = 30 / DAYS_PER_YEAR
SPOT_TOLERANCE_FRAC = 0.0020
SMOOTH_CARRY_FROM_YEARS = 20 / DAYS_PER_YEAR
SMOOTH_CARRY_TO_YEARS = 1.0
FEWEST_SMOOTH_CARRY_EXPIRIES = 3
SMOOTH_CARRY_DEFAULT_YEARS = 30 / DAYS_PER_YEAR
EARLY_EXERCISE_FROM_YEARS = 7 / DAYS_PER_YEAR  # before which it is worth less than a late spot makes it seem
EARLY_EXERCISE_ROUNDS = 3  # of taking early exercise out of parity, each of which needs the forward of the one before

# Volatility
VENDOR_IV_FLOOR_FRAC = 0.02
COIN_IV_CEILING_FRAC = 4.0  # above it, venues that settle in coins state a stand-in

# Gamma flip
FLIP_GRID_LOW, FLIP_GRID_HIGH, FLIP_GRID_POINTS = 0.8, 1.2, 401
FLIP_TOLERANCE_USD = 1e-10
BUMP_IV_FRAC = 0.01
LEAST_BUMPED_IV_FRAC = 0.01
BUMP_CARRY_FRAC = 0.01

# Repriced grids
GRID_LEAST_YEARS = 60.0 / SECONDS_PER_YEAR  # below which T does not fall while an option lives
GRID_INSTANT_YEARS = 0.001 / SECONDS_PER_YEAR  # by which rounding may misplace an instant
GRID_LEAST_TOTAL = 1e-30  # of s sqrt T, so that nothing overflows
GRID_STEP_YEARS = 600.0 / SECONDS_PER_YEAR  # until the next expiry, then
GRID_FAR_STEP_YEARS = 3600.0 / SECONDS_PER_YEAR
GRID_END_YEARS = 5.0 / DAYS_PER_YEAR
GRID_PRICE_STEP_FRAC = 0.00125
GRID_LEAST_REACH_FRAC, GRID_MOST_REACH_FRAC = 0.10, 0.15
GRID_DEVIATIONS = 3.0  # of the underlying that the prices reach, and that are finely spaced

# Heatmap
JUMP_DEVIATIONS = 6.0
JUMP_FEWEST_SNAPSHOTS = 20
JUMP_GROSS_SHARE_FRAC = 0.02
HEATMAP_TRAILING_SNAPSHOTS = 60
ROBUST_DEVIATION_PER_MAD = 1.482602218505602  # standard deviation of a normal law per median absolute deviation

# Trades of takers
BUCKET_SECONDS = 600
UNITS_PER_COIN = 100_000_000  # quantities are summed in whole hundred-millionths, so that sums have no rounding
OFF_SCREEN_CLASSES = ("block", "block_rfq", "liquidation")

# Contracts of coin venues
COIN_EXPIRY_HOUR = 8  # UTC, at which they expire and their day rolls

# Premium by minute
SPIKE_DEVIATIONS = 8.0
SPIKE_TRAILING_HOURS = 24
SPIKE_FEWEST_MINUTES = 20
SPIKE_FLOOR_USD = 100_000.0

# Whole pages
PARTIAL_SPAN_FRAC = 0.05
PARTIAL_ROWS_FRAC = 0.50

METHOD_VERSIONS: dict[str, str] = {
    "rates": "1",
    "file_bars": "1",
    "short_volume_daily": "1",
    "ats_weekly": "1",
    "short_interest": "1",
    "cleared_volume": "1",
    "open_interest_daily": "1",
    "clearing_totals": "1",
    "fails_to_deliver": "1",
    "index_members": "1",
    "open_close_volume": "1",
    "open_close_positions": "1",
    "clearing_shares": "1",
    "landing": "2",
    "bars": "1",
    "marks": "2",
    "surface": "2",
    "exposures": "3",
    "heatmap": "2",
    "quality": "2",
    "us_trades": "1",
    "us_inventory": "1",
    "us_flow": "1",
    "coin_bars": "1",
    "deliveries": "1",
    "coin_landing": "1",
    "coin_surface": "2",
    "inventory": "1",
    "flow": "1",
    "coin_exposures": "1",
    "coin_heatmap": "1",
}
METHOD_DESCRIPTIONS: dict[str, str] = {
    "rates": "Treasury par yields to zero rates: simple yields below one year, semi-annual bootstrap from one year.",
    "file_bars": "Daily bars from files by symbol and month; the newest file wins; known at 18:00 New York.",
    "short_volume_daily": "FINRA's and Nasdaq's daily short volume by facility, as it was stated last.",
    "ats_weekly": "FINRA's weekly off-exchange volume, each row as it was published last; known since that day.",
    "short_interest": "FINRA's short positions by settlement date, known seven sessions later.",
    "cleared_volume": "OCC's cleared contract sides by account type, and half of them as contracts.",
    "open_interest_daily": "OCC's open interest by series, known on the next morning.",
    "clearing_totals": "OCC's market-wide open interest and volume.",
    "fails_to_deliver": "Outstanding fails to deliver by settlement date, as the SEC posts them by half months.",
    "index_members": "Members of an index from a day on, as their owner lists them.",
    "open_close_volume": "An exchange's volume by origin, opening and closing, bought and sold, by contract.",
    "open_close_positions": "Market makers' position by contract: bought less sold, cumulated; gone at expiry.",
    "clearing_shares": "Market makers' share of what OCC cleared, by underlying and side, over 20 sessions.",
    "landing": "Vendor page to canonical chain: session and open-interest date by stated ladders, header-clock gate.",
    "bars": "The underlying's daily bar as a page of the close states it, else the vendor's last as its close.",
    "marks": "Parity forwards with the fallback ladder parity, carry, stored, default; checked spot; smooth carry.",
    "surface": "One volatility per root, expiry and strike with a named source; Black greeks per unit of underlying.",
    "exposures": "Exposures by strike and scope, flip, walls, levels; two models by reports where these are there.",
    "heatmap": "Net gamma by strike, its change from the previous whole snapshot, and jumps by a robust rule.",
    "quality": "One line a snapshot: rows by fate, how it was dated, what its spot and discounting rest on.",
    "us_trades": "Trades of owners' files by session, each once; side by the quote where none is stated.",
    "us_inventory": "Dealers' position by contract: minus what takers bought net since the first trade known.",
    "us_flow": "Premium that takers paid by minute, side and class, its delta and spikes; the same day's expiry apart.",
    "coin_bars": "Candles and volatility indices of a coin venue, each bar as it was stated last.",
    "deliveries": "Prices at which a coin venue settled expiring options.",
    "coin_landing": "Chains and trades of a coin venue by UTC day: each trade once, one source for each snapshot.",
    "coin_surface": "The venue's index, forwards and volatilities; greeks with respect to the forward, in coins.",
    "inventory": "Dealers' position by contract: minus what takers bought net, in 10-minute buckets, gone at expiry.",
    "flow": "Premium that takers paid by minute, side and class, its delta and spikes; the same day's expiry apart.",
    "coin_exposures": "Exposures and levels by two models of open interest and two of takers' flow, in coins.",
    "coin_heatmap": "Net gamma by strike with its change, jumps, and the trades since the previous snapshot.",
}
DE_AMERICANISED: dict[str, str] = {
    "marks": "As without it, but parity is read from American quotes less what early exercise adds to them.",
    "surface": "As without it, but American mids are inverted by the American model, with continuous carry.",
}  # what stages do beyond their method for American underlyings, where the operator asks for it


def de_americanised_version(stage: str) -> str:
    """The version of the stage's method with that."""
    return f"{METHOD_VERSIONS[stage]}+de_americanised"
