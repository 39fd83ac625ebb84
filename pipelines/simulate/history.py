"""The hidden history of one instrument: prices, volume and open interest session by session."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from models import synthetic
from models.conventions import SECONDS_PER_YEAR, Bools, Floats
from models.synthetic import Smile, ZeroCurve
from pipelines.calendar import us_sessions
from pipelines.markets import root_of
from pipelines.simulate.script import CURVE, DAY_BEFORE, FIRST_CURVE, SESSIONS, SMILE, SPOT_VOLATILITY_FRAC, Instrument


def draws(seed: int, stream: str, shape: tuple[int, ...]) -> Floats:
    """Uniform numbers in (0, 1) of a named stream, so that a new stream leaves the others as they were."""
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(stream.encode())]))
    return np.maximum(generator.random(shape), 2.0**-53)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The listed chain as columns, in the order of a page: expiry date, strike, root, calls before puts."""

    contract_id: npt.NDArray[np.str_]  # OSI without padding
    root: npt.NDArray[np.str_]
    expiry_date: npt.NDArray[np.datetime64]
    expiry_ts: npt.NDArray[np.datetime64]
    last_session: npt.NDArray[np.datetime64]  # AM series trade until the session before their expiry
    strike: Floats
    is_call: Bools
    is_european: Bools
    interest_scale: Floats
    volume_scale: Floats


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it ended. Arrays run over all contracts, listed or gone."""

    session_date: date
    spot: float
    spot_before: float
    curve: ZeroCurve
    curve_date: date
    smile: Smile
    shares: int
    volume: Floats
    interest_before: Floats
    interest_after: Floats


@dataclass(frozen=True, slots=True)
class History:
    instrument: Instrument
    contracts: Contracts
    sessions: dict[date, Session]


def curves(seed: int) -> dict[date, ZeroCurve]:
    """The zero curve of every session from the first of the file to the last of the market."""
    days = us_sessions().between(FIRST_CURVE, SESSIONS[-1])
    return {day: synthetic.curve_shifted(CURVE, draws(seed, f"curve {day}", (2,))) for day in days}


def list_contracts(instrument: Instrument) -> Contracts:
    calendar = us_sessions()
    rows: list[dict[str, object]] = []
    for listing in instrument.listings:
        rule = root_of(listing.root)
        for expiry in listing.dates:
            is_am = rule.settlement == "am"
            series = {
                "root": listing.root,
                "expiry_date": expiry,
                "expiry_ts": calendar.expiry_instant(expiry, rule.settlement),
                "last_session": calendar.before(expiry) if is_am else calendar.last_on_or_before(expiry),
                "is_european": rule.exercise == "european",
                "interest_scale": listing.interest_scale,
                "volume_scale": listing.volume_scale,
            }
            for strike in _strikes(instrument, is_far=(expiry - DAY_BEFORE).days > 60):
                for is_call in (True, False):
                    symbol = f"{listing.root}{expiry:%y%m%d}{'C' if is_call else 'P'}{round(strike * 1000):08d}"
                    rows.append({**series, "contract_id": symbol, "strike": strike, "is_call": is_call})
    table = pl.DataFrame(rows).sort("expiry_date", "strike", "root", "is_call", descending=[False, False, False, True])
    columns = {name: table[name].to_numpy() for name in table.columns}
    texts = {name: columns[name].astype(np.str_) for name in ("contract_id", "root")}
    return Contracts(**{**columns, **texts})


def _strikes(instrument: Instrument, *, is_far: bool) -> list[float]:
    """Dense near the money, thinner in the wings; far expiries are listed coarser and wider."""
    step = instrument.strike_step
    bands = ((2.5, 0.10), (10.0, 0.35)) if is_far else ((1.0, 0.03), (2.5, 0.075), (10.0, 0.22))
    strikes: set[float] = set()
    for multiple, reach in bands:
        # Whole steps of the listed grid: 2.5 x 1 USD would list half dollars, which ETFs do not.
        spacing = max(round(step * multiple), 1)
        low, high = instrument.start * (1 - reach), instrument.start * (1 + reach)
        strikes |= {float(k) for k in range(-int(-low // spacing) * spacing, int(high) + 1, spacing)}
    return sorted(strikes)


def years_to(expiry_ts: npt.NDArray[np.datetime64], instant: datetime) -> Floats:
    seconds = (expiry_ts - np.datetime64(instant, "us")) / np.timedelta64(1, "s")
    return np.asarray(seconds / SECONDS_PER_YEAR, dtype=np.float64)


def simulate(instrument: Instrument, seed: int) -> History:
    """All sessions of one instrument. Every instrument follows the one path of the market."""
    calendar, contracts, all_curves = us_sessions(), list_contracts(instrument), curves(seed)
    closes = synthetic.spot_path(instrument.start, SPOT_VOLATILITY_FRAC, draws(seed, "spot", (len(SESSIONS),)))
    count = contracts.strike.size
    far_enough = np.maximum(years_to(contracts.expiry_ts, calendar.close_of(DAY_BEFORE)), 1 / 365)
    weight = _weight(instrument, contracts, instrument.start, far_enough)
    interest = synthetic.opening_interest(
        weight, contracts.interest_scale, draws(seed, f"{instrument.name} held", (count,))
    )
    spot_before, smile = instrument.start, SMILE
    sessions: dict[date, Session] = {}
    for day, close in zip(SESSIONS, closes.tolist(), strict=True):
        smile = synthetic.smile_after(smile, close / spot_before - 1.0)
        t_years = np.maximum(years_to(contracts.expiry_ts, calendar.open_of(day)), 1 / 365)
        volume, after = synthetic.turnover(
            _weight(instrument, contracts, close, t_years), contracts.volume_scale, interest,
            draws(seed, f"{instrument.name} traded {day}", (3, count)),
        )  # fmt: skip
        is_traded = contracts.last_session >= np.datetime64(day)
        volume, after = np.where(is_traded, volume, 0.0), np.where(is_traded, after, interest)
        curve_date = calendar.before(day)  # a day's curve is published after its close
        shares = synthetic.shares_traded(
            instrument.usual_shares, float(draws(seed, f"{instrument.name} shares {day}", (1,))[0])
        )
        sessions[day] = Session(
            day, close, spot_before, all_curves[curve_date], curve_date, smile, shares, volume, interest, after
        )  # fmt: skip
        spot_before, interest = close, after
    return History(instrument, contracts, sessions)


def _weight(instrument: Instrument, contracts: Contracts, spot: float, t_years: Floats) -> Floats:
    return synthetic.interest_weight(contracts.is_call, contracts.strike, spot, t_years, 10 * instrument.strike_step)
