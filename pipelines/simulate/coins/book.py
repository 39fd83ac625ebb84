"""The whole chain at many instants: quotes, marks, and what has been traded and is held by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from models.conventions import Floats
from pipelines.simulate.coins import quotes
from pipelines.simulate.coins.clock import DAY, Milliseconds
from pipelines.simulate.coins.declare import Coin
from pipelines.simulate.coins.ledger import Fill, Ledger
from pipelines.simulate.coins.listing import CoinContracts
from pipelines.simulate.coins.paths import CoinPath
from pipelines.simulate.coins.tape import Tape, coins_of
from pipelines.simulate.coins.valuation import Places, Valued, value

_BEYOND = 10**14  # above every instant in ms
_FAR = 4.5  # standard deviations from the forward at which nobody quotes
_DEEP_DELTA, _DEEP_YEARS = 0.93, 0.1  # options in the money that nobody offers
_ZERO_BID_EVERY = 7  # contract whose missing bid is written as 0


class _Traded:
    """What each contract has seen by any instant."""

    def __init__(self, coin: Coin, ledger: Ledger, fills: Sequence[Fill], tape: Tape) -> None:
        place, at, units, held = (
            np.array([getattr(fill, name) for fill in fills], dtype=np.int64)
            for name in ("place", "at", "units", "open_interest")
        )
        order = np.argsort(place, kind="stable")
        self._coin = coin
        self._keys = place[order] * _BEYOND + at[order]
        self._price = np.append(tape.prices[order], 1.0)
        self._held = np.append(held[order], 0)
        self._opening_interest = np.array(ledger.opening_interest, dtype=np.int64)
        per_coin = tape.index_prices if coin.is_inverse else np.ones_like(tape.prices)
        cents = np.rint(100.0 * (tape.prices * per_coin * units * coin.unit_coins)[order]).astype(np.int64)
        self._units_before = np.append(0, np.cumsum(units[order]))
        self._cents_before = np.append(0, np.cumsum(cents))

    def columns(self, at: Milliseconds, place: Places) -> dict[str, Floats]:
        """NaN where there is nothing to show."""
        first = np.searchsorted(self._keys, place * _BEYOND)
        begin = np.searchsorted(self._keys, place * _BEYOND + at - DAY, side="right")
        end = np.searchsorted(self._keys, place * _BEYOND + at, side="right")
        is_traded, is_recent = end > first, end > begin
        last = np.where(is_traded, self._price[end - 1], np.nan)
        change = np.round(100.0 * (last / self._price[begin] - 1.0), 4)
        held = np.where(is_traded, self._held[end - 1], self._opening_interest[place])
        return {
            "last": last,
            "high": np.where(is_recent, self._extreme(np.maximum, begin, end), np.nan),
            "low": np.where(is_recent, self._extreme(np.minimum, begin, end), np.nan),
            "price_change": np.where(is_recent, change, np.nan),
            "volume": coins_of(self._coin, self._units_before[end] - self._units_before[begin]),
            "volume_usd": np.round((self._cents_before[end] - self._cents_before[begin]) / 100.0, 2),
            "open_interest": coins_of(self._coin, held),
        }

    def _extreme(self, of: np.ufunc, begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> Floats:
        pairs = np.stack([begin, end], axis=1).ravel()
        return np.asarray(of.reduceat(self._price, pairs)[::2])


def book_summaries(
    coin: Coin, path: CoinPath, contracts: CoinContracts, ledger: Ledger, fills: Sequence[Fill], tape: Tape,
    snapshots: Milliseconds,
) -> Iterator[str]:  # fmt: skip
    """One JSON list for each instant, in order: every contract that is listed and has not expired."""
    alive = (contracts.listed_ms <= snapshots[:, None]) & (snapshots[:, None] < contracts.expiry_ms)
    rows, places = np.nonzero(alive)
    at = snapshots[rows]
    valued = value(path, contracts, at, places)
    frame = _frame(coin, contracts, places, at, valued, _Traded(coin, ledger, fills, tape).columns(at, places))
    ends = np.searchsorted(rows, np.arange(snapshots.size + 1))
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        yield frame.slice(begin, end - begin).write_json()


def _frame(
    coin: Coin, contracts: CoinContracts, places: Places, at: Milliseconds, valued: Valued, traded: dict[str, Floats]
) -> pl.DataFrame:
    marks = quotes.mark(coin, valued)
    bid, ask = _quoted(coin, contracts, places, valued, marks)
    count = len(contracts.names)
    rank = pl.Series(np.arange(count)[places])
    named = pl.DataFrame(
        {
            "instrument_name": pl.Series(contracts.names).gather(rank),
            "underlying_index": pl.Series(contracts.future_names).gather(rank),
        }
    )
    base = coin.root.split("_", maxsplit=1)[0]
    return named.select(
        "instrument_name",
        base_currency=pl.lit(base),
        quote_currency=pl.lit(coin.settled_in),
        interest_rate=pl.lit(0.0),
        creation_timestamp=pl.Series(at),
        estimated_delivery_price=pl.Series(valued.index),
        underlying_index=pl.col("underlying_index"),
        underlying_price=pl.Series(valued.forward),
        mark_price=pl.Series(marks),
        mark_iv=pl.Series(np.round(100.0 * valued.iv_frac, 2)),
        bid_price=_nullable(bid),
        ask_price=_nullable(ask),
        mid_price=_nullable(np.where(bid > 0.0, np.round(0.5 * (bid + ask), 6), np.nan)),
        last=_nullable(traded["last"]),
        high=_nullable(traded["high"]),
        low=_nullable(traded["low"]),
        price_change=_nullable(traded["price_change"]),
        volume=pl.Series(traded["volume"]),
        volume_usd=pl.Series(traded["volume_usd"]),
        open_interest=pl.Series(traded["open_interest"]),
    )


def _quoted(
    coin: Coin, contracts: CoinContracts, places: Places, valued: Valued, marks: Floats
) -> tuple[Floats, Floats]:
    """Bid and ask around the mark; NaN where there is none, and here and there 0 for a bid."""
    half = quotes.half_spread(coin, valued)
    tick = quotes.tick_at(coin, marks)
    bid, ask = quotes.down(np.maximum(marks - half, 0.0), tick), quotes.up(marks + half, tick)
    deviations = np.log(contracts.strike[places] / valued.forward) / (valued.iv_frac * np.sqrt(valued.t_years))
    is_far = np.abs(deviations) > _FAR
    is_deep = (np.abs(valued.delta) > _DEEP_DELTA) & (valued.t_years > _DEEP_YEARS)
    none = np.where(places % _ZERO_BID_EVERY == 0, 0.0, np.nan)
    return np.where(is_far | (bid <= 0.0), none, bid), np.where(is_far | is_deep, np.nan, ask)


def _nullable(values: Floats) -> pl.Series:
    return pl.Series(values).fill_nan(None)
