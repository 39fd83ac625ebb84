"""What the vendor would show of a chain at the stations of one session, and the truth behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from models import synthetic
from models.conventions import Bools, Floats, Ints
from models.synthetic import Positions, Quotes, Valuation
from pipelines.calendar import us_sessions
from pipelines.simulate.draws import draws
from pipelines.simulate.history import History, Session, years_to
from pipelines.simulate.listing import Contracts

_SHARE_OF_QUOTES_LEFT = 0.04  # on a page whose quotes the vendor has zeroed
_LEAST_YEARS = 1 / 365

Places = Ints  # of the contracts in question among all


@dataclass(frozen=True, slots=True)
class Quoted:
    """A chain priced and quoted at one instant, without any trade."""

    is_live: Bools
    t_years: Floats
    forward: Floats
    discount_factor: Floats
    value: Valuation
    price: Floats
    quotes: Quotes
    is_iv_missing: Bools


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Columns over the contracts that the session lists; prices of trades are the session's so far, 0 without any."""

    session: Session
    snapshot_ts: datetime
    spot: float
    contracts: Contracts
    quoted: Quoted
    before: Positions  # at the close before the session
    after: Positions  # at its close
    volume: Floats
    last: Floats  # of an earlier session where the contract has not traded in this one
    open: Floats
    high: Floats
    low: Floats
    mid_before: Floats  # at the close before; 0 where the contract is new
    chance: Floats  # a draw per contract, for what is of no consequence

    @property
    def change(self) -> Floats:
        """Of the last trade from the close before; 0 without a trade."""
        return np.where(self.volume > 0.0, np.round(self.last - self.mid_before, 2), 0.0)

    @property
    def vendor_iv_frac(self) -> Floats:
        return np.where(self.quoted.is_iv_missing, 0.0, np.round(self.quoted.value.iv_frac, 4))

    def vendor(self, greek: Floats) -> Floats:
        """A greek as vendors round it; none after expiry."""
        return np.where(self.quoted.is_live, np.round(greek, 4), 0.0) + 0.0  # no negative zero


def tape(history: History, session: Session, stations: Sequence[datetime], seed: int) -> dict[datetime, Snapshot]:
    """The chain at each of the stations (UTC, multiples of 15 minutes) and at the close."""
    calendar, name = us_sessions(), history.instrument.name
    opened, closed = calendar.open_of(session.session_date), calendar.close_of(session.session_date)
    places = np.flatnonzero(history.contracts.listed_on(session.session_date))
    contracts = history.contracts.at(places)
    older, chance = draws(seed, f"{name} older {session.session_date}", (2, places.size))
    first = _quote(history, session, places, opened, seed)
    last = np.where(older < 0.7, synthetic.trade_price(first.quotes, older / 0.7), 0.0)
    nothing = np.zeros(places.size)
    snapshot = Snapshot(
        session, opened, session.path.at(opened), contracts, first, _at(session.before, places),
        _at(session.after, places), nothing, last, nothing, nothing, nothing,
        _mid_before(history, session, places, seed), chance,
    )  # fmt: skip
    taken = {}
    for instant in sorted({*stations, closed}):
        volume = np.floor(session.volume[places] * ((instant - opened) / (closed - opened)))
        snapshot = _next(snapshot, instant, _quote(history, session, places, instant, seed), volume, seed, name)
        taken[instant] = snapshot
    return taken


def zeroed(shown: Snapshot, seed: int) -> Snapshot:
    """The same with nearly all quotes gone, as the vendor serves it late in the evening."""
    survivor = draws(seed, f"zeroed {shown.snapshot_ts}", (shown.volume.size,))
    is_left = survivor < _SHARE_OF_QUOTES_LEFT
    quotes = shown.quoted.quotes
    left = Quotes(np.where(is_left, quotes.bid, 0.0), np.where(is_left, quotes.ask, 0.0))
    return replace(shown, quoted=replace(shown.quoted, quotes=left))


def _next(before: Snapshot, instant: datetime, quoted: Quoted, volume: Floats, seed: int, name: str) -> Snapshot:
    """The station after `before`: contracts whose volume has grown have traded once more."""
    position = draws(seed, f"{name} trade {instant}", volume.shape)
    is_traded, is_first = volume > before.volume, before.volume == 0.0
    price = synthetic.trade_price(quoted.quotes, position)
    last = np.where(is_traded, price, before.last)
    return replace(
        before,
        snapshot_ts=instant,
        spot=before.session.path.at(instant),
        quoted=quoted,
        volume=volume,
        last=last,
        open=np.where(is_traded & is_first, price, before.open),
        high=np.where(is_traded, np.maximum(before.high, price), before.high),
        low=np.where(is_traded, np.where(is_first, price, np.minimum(before.low, price)), before.low),
    )


def _quote(history: History, session: Session, places: Places, instant: datetime, seed: int) -> Quoted:
    instrument, spot = history.instrument, session.path.at(instant)
    contracts = history.contracts.at(places)
    t_years = years_to(contracts.expiry_ts, instant)
    is_live = t_years > 0.0
    priced = np.where(is_live, t_years, _LEAST_YEARS)
    delivered = spot * contracts.delivers
    value = synthetic.value_european(
        contracts.is_call,
        contracts.strike,
        priced,
        spot=delivered,
        carry_frac=instrument.carry_frac,
        curve=session.curve,
        smile=session.path.smile,
    )
    intrinsic = synthetic.intrinsic_value(contracts.is_call, contracts.strike, delivered)
    price = np.where(contracts.is_european, value.price, np.maximum(value.price, intrinsic))
    price = np.where(is_live, price, intrinsic)
    # Drawn for all contracts, so that the close looks the same from the next session, which lists others.
    width, gap = draws(seed, f"{instrument.name} quotes {instant}", (2, history.contracts.strike.size))[:, places]
    return Quoted(
        is_live=is_live,
        t_years=t_years,
        forward=synthetic.forward_price(delivered, instrument.carry_frac, priced, session.curve),
        discount_factor=synthetic.discount_factor(priced, session.curve),
        value=value,
        price=price,
        quotes=synthetic.quote_around(
            price, width, instrument.small_tick, instrument.large_tick, instrument.widest_option_quote_usd
        ),
        is_iv_missing=~is_live | synthetic.is_iv_missing(price, intrinsic, instrument.small_tick, gap),
    )


def _at(positions: Positions, places: Places) -> Positions:
    return Positions(positions.long[places], positions.short[places])


def _mid_before(history: History, session: Session, places: Places, seed: int) -> Floats:
    day = us_sessions().before(session.session_date)
    if day not in history.sessions:
        return np.zeros(places.size)
    quotes = _quote(history, history.sessions[day], places, us_sessions().close_of(day), seed).quotes
    return np.round(0.5 * (quotes.bid + quotes.ask), 3)
