"""What the vendor would show of a chain at one instant, and the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from models import synthetic
from models.conventions import Bools, Floats
from models.synthetic import Quotes
from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.simulate.history import History, Session, draws, years_to
from pipelines.simulate.script import SPOT_VOLATILITY_FRAC

SHARE_OF_QUOTES_LEFT = 0.04  # on a page whose quotes the vendor has zeroed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Columns over all contracts; `is_listed` says which of them the page shows."""

    snapshot_ts: datetime
    spot: float
    is_listed: Bools
    is_live: Bools
    t_years: Floats
    forward: Floats
    discount_factor: Floats
    price: Floats
    iv_frac: Floats
    quotes: Quotes
    last: Floats
    net: Floats
    volume: Floats
    vendor_iv_frac: Floats
    vendor_delta: Floats
    vendor_gamma: Floats


def take(history: History, session: Session, instant: datetime | None, seed: int, *, is_zeroed: bool) -> Snapshot:
    """The chain at `instant` (UTC) inside a session, or at its close."""
    calendar, instrument, contracts = us_sessions(), history.instrument, history.contracts
    opened, closed = calendar.open_of(session.session_date), calendar.close_of(session.session_date)
    snapshot_ts, share = (closed, 1.0) if instant is None else (instant, (instant - opened) / (closed - opened))
    # Every instrument takes the same step, as both follow one market.
    step = float(draws(seed, f"spot {snapshot_ts}", (1,))[0])
    spot = (
        session.spot
        if instant is None
        else synthetic.spot_between(session.spot_before, session.spot, share, SPOT_VOLATILITY_FRAC, step)
    )
    width, position, gap, survivor, earlier = draws(
        seed, f"{instrument.name} {snapshot_ts}", (5, contracts.strike.size)
    )
    t_years = years_to(contracts.expiry_ts, snapshot_ts)
    is_live = t_years > 0.0
    priced = np.where(is_live, t_years, 1 / 365)
    fair = synthetic.value_european(
        contracts.is_call,
        contracts.strike,
        priced,
        spot=spot,
        carry_frac=instrument.carry_frac,
        curve=session.curve,
        smile=session.smile,
    )
    intrinsic = synthetic.intrinsic_value(contracts.is_call, contracts.strike, spot)
    price = np.where(contracts.is_european, fair.price, np.maximum(fair.price, intrinsic))
    price = np.where(is_live, price, intrinsic)
    quotes = synthetic.quote_around(
        price, width, instrument.small_tick, instrument.large_tick, instrument.widest_option_quote_usd
    )
    volume = np.floor(session.volume * share)
    last = synthetic.trade_price(quotes, position)
    net = np.where(volume > 0.0, np.round(last - synthetic.trade_price(quotes, earlier), 2), 0.0)
    is_missing = ~is_live | synthetic.is_iv_missing(price, intrinsic, instrument.small_tick, gap)
    if is_zeroed:
        is_left = survivor < SHARE_OF_QUOTES_LEFT
        quotes = Quotes(np.where(is_left, quotes.bid, 0.0), np.where(is_left, quotes.ask, 0.0))
    return Snapshot(
        snapshot_ts=snapshot_ts,
        spot=spot,
        is_listed=contracts.expiry_date >= np.datetime64(utc_to_new_york(snapshot_ts).date()),
        is_live=is_live,
        t_years=t_years,
        forward=synthetic.forward_price(spot, instrument.carry_frac, priced, session.curve),
        discount_factor=synthetic.discount_factor(priced, session.curve),
        price=price,
        iv_frac=fair.iv_frac,
        quotes=quotes,
        last=np.where((volume > 0.0) | (earlier < 0.7), last, 0.0),
        net=net,
        volume=volume,
        vendor_iv_frac=np.where(is_missing, 0.0, np.round(fair.iv_frac, 4)),
        vendor_delta=np.where(is_live, np.round(fair.delta, 4), 0.0),
        vendor_gamma=np.where(is_live, np.round(fair.gamma, 4), 0.0),
    )
