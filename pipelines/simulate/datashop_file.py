"""A session's chains in the dress of Cboe DataShop's end-of-day file: 15:45 and the close on one row.

The open interest is that of the session's start. On an early close the columns named 1545 are taken at 12:45. Files
of indices without the index feed state zeros for the underlying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

import numpy as np
import polars as pl

from models import synthetic
from models.conventions import Floats
from pipelines.calendar import new_york_to_utc, us_sessions, utc_to_new_york
from pipelines.simulate.declare import Instrument
from pipelines.simulate.snapshot import Snapshot

_COLUMNS = (
    "underlying_symbol", "quote_date", "root", "expiration", "strike", "option_type", "open", "high", "low", "close",
    "trade_volume", "bid_size_1545", "bid_1545", "ask_size_1545", "ask_1545", "underlying_bid_1545",
    "underlying_ask_1545", "implied_underlying_price_1545", "active_underlying_price_1545", "implied_volatility_1545",
    "delta_1545", "gamma_1545", "theta_1545", "vega_1545", "rho_1545", "bid_size_eod", "bid_eod", "ask_size_eod",
    "ask_eod", "underlying_bid_eod", "underlying_ask_eod", "vwap", "open_interest", "delivery_code",
)  # fmt: skip
_CALCULATED = _COLUMNS[_COLUMNS.index("implied_underlying_price_1545") : _COLUMNS.index("bid_size_eod")]
_GREEKS = ("delta", "gamma", "theta", "vega", "rho")
_IV_FLOOR_FRAC = 0.02
_ADJUSTED_CODE = "A"


@dataclass(frozen=True, slots=True)
class Chain:
    """One underlying's part of the file."""

    instrument: Instrument
    before_close: Snapshot
    at_close: Snapshot


def early_clock(day: date) -> datetime:
    """The instant (UTC) behind the columns named 1545."""
    is_early = utc_to_new_york(us_sessions().close_of(day)).time() < time(16)
    return new_york_to_utc(day, time(12, 45) if is_early else time(15, 45))


def day_file(chains: Sequence[Chain], width: Literal["Calcs", "Quotes"]) -> bytes:
    """The file's bytes: four decimals for prices and greeks, three for strikes, none for quantities."""
    columns = [name for name in _COLUMNS if width == "Calcs" or name not in _CALCULATED]
    table = pl.concat([_rows(chain) for chain in chains]).select(columns)
    return table.write_csv(float_precision=4).encode()


def _rows(chain: Chain) -> pl.DataFrame:
    instrument, early, late = chain.instrument, chain.before_close, chain.at_close
    contracts, value = late.contracts, early.quoted.value
    is_index = instrument.security_type == "index"
    sides = {
        clock: (0.0, 0.0) if is_index else synthetic.quote_of_underlying(shown.spot, instrument.quote_width_frac)
        for clock, shown in (("1545", early), ("eod", late))
    }
    columns: dict[str, object] = {
        "root": contracts.root,
        "expiration": contracts.expiry_date,
        "strike": [f"{strike:.3f}" for strike in contracts.strike.tolist()],
        "option_type": np.where(contracts.is_call, "C", "P"),
        "open": late.open,
        "high": late.high,
        "low": late.low,
        "close": np.where(late.volume > 0.0, late.last, 0.0),
        "trade_volume": late.volume.astype(np.int64),
        "implied_underlying_price_1545": np.round(early.spot * contracts.delivers, 4),
        "active_underlying_price_1545": np.full(contracts.strike.size, early.spot),
        "implied_volatility_1545": _floored(early),
        **{
            f"{greek}_1545": early.vendor(getattr(value, greek)) for greek in ("delta", "gamma", "theta", "vega", "rho")
        },
        "vwap": np.round((late.open + late.high + late.low + late.last) / 4.0, 4) * (late.volume > 0.0),
        "open_interest": late.before.open_interest.astype(np.int64),
        "delivery_code": [None if units == 1.0 else _ADJUSTED_CODE for units in contracts.delivers.tolist()],
    }
    for clock, shown in (("1545", early), ("eod", late)):
        columns |= {
            f"bid_size_{clock}": _size(shown.quoted.quotes.bid, shown.chance),
            f"bid_{clock}": shown.quoted.quotes.bid,
            f"ask_size_{clock}": _size(shown.quoted.quotes.ask, 1.0 - shown.chance),
            f"ask_{clock}": shown.quoted.quotes.ask,
            f"underlying_bid_{clock}": np.full(contracts.strike.size, sides[clock][0]),
            f"underlying_ask_{clock}": np.full(contracts.strike.size, sides[clock][1]),
        }
    symbol = f"^{instrument.name}" if is_index else instrument.name
    return pl.DataFrame(columns, schema_overrides={"delivery_code": pl.String()}).with_columns(
        underlying_symbol=pl.lit(symbol), quote_date=pl.lit(late.session.session_date)
    )


def _floored(early: Snapshot) -> Floats:
    """The vendor states a floor where it finds no volatility, and nothing for what has expired."""
    return np.where(early.quoted.is_live, np.maximum(early.vendor_iv_frac, _IV_FLOOR_FRAC), 0.0)


def _size(quote: Floats, chance: Floats) -> object:
    return np.where(quote > 0.0, np.floor(1.0 + 120.0 * chance**2), 0.0).astype(np.int64)
