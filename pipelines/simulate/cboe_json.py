"""Snapshots in the dress of Cboe's delayed-quote JSON: 23 keys a contract, every number a float, 0.0 for none."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta

import numpy as np
import polars as pl

from models import synthetic
from models.conventions import Floats
from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.simulate.cboe_page import Header
from pipelines.simulate.declare import Instrument
from pipelines.simulate.draws import draw
from pipelines.simulate.snapshot import Snapshot

# An index is computed for a quarter of an hour after the close; its options are quoted as long.
_INDEX_STOPS_AFTER = timedelta(minutes=15, seconds=4)
_EXCHANGE_IDS = {"index": 0, "etf": 2, "stock": 2}
_TICKS = ("up", "down", "no_change")
_IV30_YEARS = 30 / 365


def response(
    instrument: Instrument, shown: Snapshot, interest: Floats, *, header: Header, pulled_at: datetime, seed: int
) -> bytes:
    """The file's bytes. `pulled_at`: UTC, the server's clock."""
    options = _options(shown, interest).write_json()
    stated = json.dumps(_underlying(instrument, shown, header, pulled_at, seed))
    symbol = f"_{instrument.name}" if instrument.security_type == "index" else instrument.name
    envelope = f'{{"timestamp": "{pulled_at:%Y-%m-%d %H:%M:%S}", "data": {{"options": '
    return f'{envelope}{options}, {stated[1:]}, "symbol": "{symbol}"}}'.encode()


def _underlying(
    instrument: Instrument, shown: Snapshot, header: Header, pulled_at: datetime, seed: int
) -> dict[str, object]:
    is_index = instrument.security_type == "index"
    path, before = shown.session.path, shown.session.path.before
    opened, high, low = path.so_far(shown.snapshot_ts)
    is_close = shown.snapshot_ts == us_sessions().close_of(shown.session.session_date)
    traded = shown.snapshot_ts + (_INDEX_STOPS_AFTER if is_index and is_close else timedelta())
    iv30 = 100.0 * float(
        np.sqrt(synthetic.total_variance(np.array(0.0), np.array(_IV30_YEARS), path.smile) / _IV30_YEARS)
    )
    return {
        "symbol": f"^{instrument.name}" if is_index else instrument.name,
        "security_type": instrument.security_type,
        "exchange_id": _EXCHANGE_IDS[instrument.security_type],
        "current_price": header.last,
        "price_change": round(header.last - before, 4),
        "price_change_percent": round(100.0 * (header.last / before - 1.0), 4),
        "bid": 0.0 if is_index else header.bid,
        "ask": 0.0 if is_index else header.ask,
        "bid_size": 0 if is_index else 300,
        "ask_size": 0 if is_index else 200,
        "open": opened,
        "high": max(high, header.last),
        "low": min(low, header.last),
        "close": header.last,
        "prev_day_close": before,
        "volume": header.volume,
        "iv30": round(iv30, 3),
        "iv30_change": 0.0,
        "iv30_change_percent": 0.0,
        "seqno": int(1e10 * (1.0 + draw(seed, f"{instrument.name} seqno {pulled_at}"))),
        "last_trade_time": utc_to_new_york(traded).isoformat(),
        "tick": _TICKS[int(3.0 * draw(seed, f"{instrument.name} tick {pulled_at}"))],
    }


def _options(shown: Snapshot, interest: Floats) -> pl.DataFrame:
    value, quotes = shown.quoted.value, shown.quoted.quotes
    change = np.where(shown.mid_before > 0.0, shown.change, 0.0)
    is_live = shown.quoted.is_live
    return pl.DataFrame(
        {
            "option": shown.contracts.contract_id,
            "bid": quotes.bid,
            "bid_size": _size(quotes.bid, shown.chance),
            "ask": quotes.ask,
            "ask_size": _size(quotes.ask, 1.0 - shown.chance),
            "iv": shown.vendor_iv_frac,
            "open_interest": interest,
            "volume": shown.volume,
            "delta": shown.vendor(value.delta),
            "gamma": shown.vendor(value.gamma),
            "vega": shown.vendor(value.vega),
            "theta": shown.vendor(value.theta),
            "rho": shown.vendor(value.rho),
            "theo": np.where(is_live, np.round(value.price, 4), 0.0),
            "change": change,
            "open": shown.open,
            "high": shown.high,
            "low": shown.low,
            "tick": np.array(_TICKS)[(3.0 * shown.chance).astype(int)],
            "last_trade_price": shown.last,
            "last_trade_time": _last_trades(shown),
            "percent_change": np.round(100.0 * change / np.maximum(shown.mid_before, 0.01), 4),
            # The vendor keeps this one in 32 bits.
            "prev_day_close": shown.mid_before.astype(np.float32).astype(np.float64),
        }
    )


def _size(quote: Floats, chance: Floats) -> Floats:
    return np.where(quote > 0.0, np.floor(1.0 + 120.0 * chance**2), 0.0)


def _last_trades(shown: Snapshot) -> list[str | None]:
    """Inside the session where it traded in it, at some earlier one's noon where it did not, null if never."""
    opened = us_sessions().open_of(shown.session.session_date)
    seconds = ((shown.snapshot_ts - opened).total_seconds() * (0.4 + 0.6 * shown.chance)).astype(int).tolist()
    earlier = datetime.combine(us_sessions().before(shown.session.session_date), time(12, 4, 31)).isoformat()
    today = utc_to_new_york(opened)
    return [
        (today + timedelta(seconds=after)).isoformat() if volume else earlier if last else None
        for after, volume, last in zip(seconds, shown.volume.tolist(), shown.last.tolist(), strict=True)
    ]
