"""Which contracts are listed from when: a fixed ladder for the market, one that follows the spot for thin files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from models.conventions import Bools, Floats
from pipelines.calendar import us_sessions
from pipelines.markets import root_of
from pipelines.simulate.declare import Instrument, Ladder, Scenario, Series

_FRIDAY = 4
_Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts as columns, in the order of a page: expiry date, strike, root, calls before puts."""

    contract_id: npt.NDArray[np.str_]  # OSI without padding
    root: npt.NDArray[np.str_]
    expiry_date: npt.NDArray[np.datetime64]
    expiry_ts: npt.NDArray[np.datetime64]
    listed_from: npt.NDArray[np.datetime64]  # the first session that shows it
    last_session: npt.NDArray[np.datetime64]  # AM series trade until the session before their expiry
    strike: Floats
    is_call: Bools
    is_european: Bools
    delivers: Floats
    interest_scale: Floats
    volume_scale: Floats

    def at(self, places: npt.NDArray[np.int64]) -> Contracts:
        return Contracts(**{field.name: getattr(self, field.name)[places] for field in fields(self)})

    def listed_on(self, day: date) -> Bools:
        now = np.datetime64(day)
        return np.asarray((self.listed_from <= now) & (self.expiry_date >= now))


def list_contracts(instrument: Instrument, scenario: Scenario, closes_before: Mapping[date, float]) -> Contracts:
    """All contracts that any file of the scenario shows. `closes_before`: by session, the close of the one before."""
    rows = [*_of_the_market(instrument, scenario.sessions), *_of_thin_files(instrument, scenario, closes_before)]
    series = pl.DataFrame(rows)
    earliest = series.group_by("contract_id").agg(pl.col("listed_from").min())
    # The market's own rows come first: they say how much a contract is held.
    table = series.drop("listed_from").unique("contract_id", keep="first", maintain_order=True)
    table = table.join(earliest, on="contract_id", how="left", maintain_order="left")
    table = table.sort("expiry_date", "strike", "root", "is_call", descending=[False, False, False, True])
    columns = {name: table[name].to_numpy() for name in table.columns}
    texts = {name: columns[name].astype(np.str_) for name in ("contract_id", "root")}
    return Contracts(**{**columns, **texts})


def _of_the_market(instrument: Instrument, sessions: Sequence[date]) -> Iterator[_Row]:
    for series in instrument.series:
        strikes = _strikes(series.ladder, instrument.start * series.delivers)
        for expiry in series.dates:
            ahead = series.sessions_ahead
            listed_from = sessions[0] if ahead is None else max(sessions[0], _sessions_before(expiry, ahead))
            if listed_from <= sessions[-1]:
                yield from _contracts(series, expiry, dict.fromkeys(strikes, listed_from))


def _of_thin_files(instrument: Instrument, scenario: Scenario, closes_before: Mapping[date, float]) -> Iterator[_Row]:
    thin, history = instrument.thin, scenario.history
    if thin is None or not history:
        return
    usual = {series.root: series for series in reversed(instrument.series)}
    for friday in _fridays(history[0], history[-1] + timedelta(days=100)):
        expiry = us_sessions().last_on_or_before(friday)
        is_monthly = 15 <= friday.day <= 21
        kinds = [(thin.weekly_root, thin.near_ladder, thin.weeklies_ahead)]
        if is_monthly:
            kinds.append((thin.monthly_root, thin.far_ladder, thin.monthlies_ahead))
        for root, ladder, ahead in kinds:
            first_day = _sessions_before(expiry, ahead)
            window = [day for day in history if first_day <= day <= expiry]
            listed: dict[float, date] = {}
            for day in window:
                listed = dict.fromkeys(_strikes(ladder, closes_before[day]), day) | listed
            yield from _contracts(usual[root], expiry, listed)


def _contracts(series: Series, expiry: date, listed: Mapping[float, date]) -> Iterator[_Row]:
    calendar, rule = us_sessions(), root_of(series.root)
    is_am = rule.settlement == "am"
    common = {
        "root": series.root,
        "expiry_date": expiry,
        "expiry_ts": calendar.expiry_instant(expiry, rule.settlement),
        "last_session": calendar.before(expiry) if is_am else calendar.last_on_or_before(expiry),
        "is_european": rule.exercise == "european",
        "delivers": series.delivers,
        "interest_scale": series.interest_scale,
        "volume_scale": series.volume_scale,
    }
    for strike, listed_from in listed.items():
        for is_call in (True, False):
            symbol = f"{series.root}{expiry:%y%m%d}{'C' if is_call else 'P'}{round(strike * 1000):08d}"
            yield {
                **common, "contract_id": symbol, "strike": strike, "is_call": is_call, "listed_from": listed_from,
            }  # fmt: skip


def _strikes(ladder: Ladder, spot: float) -> list[float]:
    """Dense near the money, thinner in the wings."""
    strikes: set[float] = set()
    for step, reach in ladder:
        first, last = int(np.ceil(spot * (1 - reach) / step)), int(np.floor(spot * (1 + reach) / step))
        strikes |= {step * multiple for multiple in range(first, last + 1)}
    return sorted(strikes)


def _sessions_before(day: date, count: int) -> date:
    calendar = us_sessions()
    earlier = calendar.between(day - timedelta(days=2 * count + 10), calendar.last_on_or_before(day))
    return earlier[-1 - count]


def _fridays(first: date, last: date) -> Iterator[date]:
    day = first + timedelta(days=(_FRIDAY - first.weekday()) % 7)
    while day <= last:
        yield day
        day += timedelta(days=7)
