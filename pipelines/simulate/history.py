"""The hidden history of one instrument: prices, trades and positions session by session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from models import synthetic
from models.conventions import SECONDS_PER_YEAR, Floats
from models.synthetic import Positions, Traded, ZeroCurve
from pipelines.calendar import us_sessions
from pipelines.simulate.declare import Instrument, Scenario
from pipelines.simulate.draws import draw, draws
from pipelines.simulate.instruments import CURVE, EVE
from pipelines.simulate.listing import Contracts, list_contracts
from pipelines.simulate.paths import DayPath, day_paths

_LEAST_YEARS = 1 / 365


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it ended. Arrays run over all contracts, listed or not."""

    session_date: date
    path: DayPath
    curve: ZeroCurve
    curve_date: date
    shares: int
    traded: Traded
    before: Positions
    after: Positions

    @property
    def volume(self) -> Floats:
        return self.traded.volume


@dataclass(frozen=True, slots=True)
class History:
    instrument: Instrument
    contracts: Contracts
    sessions: dict[date, Session]


def curves(scenario: Scenario, seed: int) -> dict[date, ZeroCurve]:
    """The zero curve of every session from the first of the Treasury's file to the last of the market."""
    days = us_sessions().between(scenario.first_curve, scenario.sessions[-1])
    return {day: synthetic.curve_shifted(CURVE, draws(seed, f"curve {day}", (2,))) for day in days}


def years_to(expiry_ts: npt.NDArray[np.datetime64], instant: datetime) -> Floats:
    seconds = (expiry_ts - np.datetime64(instant, "us")) / np.timedelta64(1, "s")
    return np.asarray(seconds / SECONDS_PER_YEAR, dtype=np.float64)


def simulate(instrument: Instrument, scenario: Scenario, seed: int) -> History:
    """All sessions of one instrument. The eve of the market is simulated even where no file shows it."""
    calendar, all_curves = us_sessions(), curves(scenario, seed)
    days = (*(scenario.history or (EVE,)), *scenario.sessions)
    paths = day_paths(instrument, days, seed)
    contracts = list_contracts(instrument, scenario, {day: path.before for day, path in paths.items()})
    positions = _opening_positions(instrument, contracts, scenario, paths, seed)
    sessions: dict[date, Session] = {}
    for day, path in paths.items():
        traded = _traded(instrument, contracts, day, path, positions, seed)
        after = traded.after(positions)
        curve_date = calendar.before(day)  # a day's curve is published after its close
        shares = synthetic.shares_traded(instrument.usual_shares, draw(seed, f"{instrument.name} shares {day}"))
        sessions[day] = Session(day, path, all_curves[curve_date], curve_date, shares, traded, positions, after)
        positions = after
    return History(instrument, contracts, sessions)


def _opening_positions(
    instrument: Instrument, contracts: Contracts, scenario: Scenario, paths: dict[date, DayPath], seed: int
) -> Positions:
    """What is held before a contract is first shown, for those that had been listed before anybody kept a file.

    A contract that is listed later starts from nothing.
    """
    first_days = np.array([next(iter(paths)), scenario.sessions[0]], dtype="datetime64[D]")
    odds = np.where(contracts.is_call, instrument.calls.dealers_long, instrument.puts.dealers_long)
    uniform = draws(seed, f"{instrument.name} held", (3, contracts.strike.size))
    long, short = np.zeros_like(odds), np.zeros_like(odds)
    for day in first_days:
        path = paths[day.item()]
        weight = _weight(instrument, contracts, day.item(), path.before)
        held = synthetic.opening_positions(weight, contracts.interest_scale, odds, uniform)
        is_first = contracts.listed_from == day
        long, short = np.where(is_first, held.long, long), np.where(is_first, held.short, short)
    return Positions(long, short)


def _traded(
    instrument: Instrument, contracts: Contracts, day: date, path: DayPath, before: Positions, seed: int
) -> Traded:
    odds = np.where(
        contracts.is_call, np.array(instrument.calls.odds)[:, None], np.array(instrument.puts.odds)[:, None]
    )
    uniform = draws(seed, f"{instrument.name} traded {day}", (6, contracts.strike.size))
    is_traded = contracts.listed_on(day) & (contracts.last_session >= np.datetime64(day))
    weight = np.where(is_traded, _weight(instrument, contracts, day, path.close), 0.0)
    return synthetic.trade(weight, contracts.volume_scale, before, odds, uniform)


def _weight(instrument: Instrument, contracts: Contracts, day: date, spot: float) -> Floats:
    t_years = np.maximum(years_to(contracts.expiry_ts, us_sessions().open_of(day)), _LEAST_YEARS)
    return synthetic.interest_weight(
        contracts.is_call,
        contracts.strike,
        spot * contracts.delivers,
        t_years,
        round_step=instrument.round_step,
        breadth=instrument.breadth,
    )
