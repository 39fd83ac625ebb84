"""All reports of a simulated market: which periods somebody kept of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.calendar import us_sessions
from pipelines.simulate.declare import Scenario
from pipelines.simulate.market import DEFAULT_SEED, Studio
from pipelines.simulate.reports import (
    finra_daily,
    finra_short_interest,
    finra_weekly,
    index_members,
    occ_series,
    occ_totals,
    occ_volume,
    open_close,
    sec_fails,
)
from pipelines.simulate.reports.off_exchange import traded_shares
from pipelines.simulate.reports.securities import Security, securities
from pipelines.simulate.reports.sides import Sides, sides_of
from pipelines.simulate.scenarios import small

_ON_THE_EXCHANGE = ("SPX", "NVDA")  # in the open-close files
_OF_FACILITIES = (date(2024, 6, 17), date(2024, 6, 18))
_OF_EXCHANGES = date(2024, 6, 20)
_SERIES = {
    **dict.fromkeys(
        ("SPX", "SPY", "NVDA"), (date(2024, 6, 18), date(2024, 6, 21), date(2024, 6, 24), date(2024, 6, 27))
    ),
    "TSLA": (date(2024, 6, 24), date(2024, 6, 27)),
}
_MONDAYS = (date(2024, 6, 17), date(2024, 6, 24))
_FRIDAY = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class SimulatedReports:
    """`files`: bytes by name. `shares`: what is true of them, as `traded_shares` gives it."""

    files: dict[str, bytes]
    shares: pl.DataFrame


def simulate_reports(seed: int = DEFAULT_SEED, scenario: Scenario | None = None) -> SimulatedReports:
    """Reports of the market of the same seed and scenario, which they agree with."""
    scenario = scenario or small()
    studio = Studio(scenario, seed)
    known = securities(scenario.instruments, seed)
    shares = traded_shares(known, studio.histories, scenario.sessions, seed)
    sides = {
        (name, day): sides_of(history, day, seed)
        for day in scenario.sessions
        for name, history in studio.histories.items()
    }
    files = {
        **_of_clearing(studio, scenario, sides),
        **_of_finra(studio, scenario, known, shares),
        **_of_fails(studio, known),
        **{open_close.file_name(day): _booked(studio, day, sides) for day in scenario.sessions},
        index_members.FILE_NAME: index_members.members_file(),
    }
    return SimulatedReports(files, shares)


def write_reports(folder: Path, seed: int = DEFAULT_SEED, scenario: Scenario | None = None) -> list[Path]:
    """Write the files into `folder`; returns their paths in order of name."""
    folder.mkdir(parents=True, exist_ok=True)
    reports = simulate_reports(seed, scenario)
    for name, data in reports.files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in sorted(reports.files)]


def declared_exchange(file_name: str) -> str | None:
    """What the owner of a file must say of it, because it does not."""
    return open_close.EXCHANGE if file_name.startswith(f"simulated_{open_close.EXCHANGE}OpenClose_") else None


def _booked(studio: Studio, day: date, sides: dict[tuple[str, date], Sides]) -> bytes:
    booked = []
    for name in _ON_THE_EXCHANGE:
        if name in studio.histories:
            places = np.flatnonzero(studio.histories[name].contracts.listed_on(day))
            booked.append(open_close.Booked(name, studio.snapshot(name, day, None), places, sides[name, day]))
    return open_close.open_close_file(day, booked)


def _of_clearing(studio: Studio, scenario: Scenario, sides: dict[tuple[str, date], Sides]) -> dict[str, bytes]:
    histories = studio.histories
    files = {occ_totals.FILE_NAME: occ_totals.totals_file(studio.seed)}
    for place, day in enumerate(scenario.sessions):
        underlyings = [(histories[name], sides[name, day]) for name in sorted(histories)]
        data = occ_volume.volume_file(day, underlyings, has_trailing_commas=place % 3 == 1)
        files[occ_volume.file_name(day)] = data
    for name, days in _SERIES.items():
        for day in days:
            if name in histories and day in scenario.sessions:
                files[occ_series.file_name(name, day)] = occ_series.series_file(histories[name], day)
    return files


def _of_finra(
    studio: Studio, scenario: Scenario, known: tuple[Security, ...], shares: pl.DataFrame
) -> dict[str, bytes]:
    of_day = {day: shares.filter(pl.col("session_date") == day) for day in scenario.sessions}
    files = {finra_daily.file_name("CNMS", day): finra_daily.consolidated(day, rows) for day, rows in of_day.items()}
    for day in _OF_FACILITIES:
        for facility in finra_daily.SHARE_OF:
            files[finra_daily.file_name(facility, day)] = finra_daily.of_facility(facility, day, of_day[day])
    for exchange in finra_daily.EXCHANGE_SHARE:
        rows = of_day[_OF_EXCHANGES]
        files[finra_daily.file_name(exchange, _OF_EXCHANGES)] = finra_daily.of_exchange(exchange, _OF_EXCHANGES, rows)
    for query in _queries(scenario):
        week = us_sessions().between(query.monday, query.monday + _FRIDAY)
        prices = _prices(studio, known, week[-1])
        rows = shares.filter(pl.col("session_date").is_in(week))
        files[query.file_name] = finra_weekly.weekly_file(query, known, rows, prices, studio.seed)
    for settlement in finra_short_interest.SETTLEMENTS[1:]:
        data = finra_short_interest.short_interest_file(settlement, known, studio.seed)
        files[finra_short_interest.file_name(settlement)] = data
    return files


def _of_fails(studio: Studio, known: tuple[Security, ...]) -> dict[str, bytes]:
    return {
        sec_fails.file_name(half): sec_fails.fails_file(half, known, studio.histories, studio.seed)
        for half in sec_fails.HALVES
    }


def _queries(scenario: Scenario) -> list[finra_weekly.Query]:
    """Of the weeks that the market has whole; the first is asked for a second time, once some rows were restated."""
    whole = [
        monday
        for monday in _MONDAYS
        if set(us_sessions().between(monday, monday + _FRIDAY)).issubset(scenario.sessions)
    ]
    queries = [
        finra_weekly.Query(monday, tier, summary_type)
        for monday in whole
        for tier in finra_weekly.PUBLISHED_AFTER
        for summary_type in finra_weekly.SUMMARY_TYPES
    ]
    again = [finra_weekly.Query(monday, "T1", "ATS_W_SMBL", is_restated=True) for monday in whole[:1]]
    return [*queries, *again]


def _prices(studio: Studio, known: tuple[Security, ...], day: date) -> dict[str, float]:
    histories = studio.histories
    return {
        one.symbol: histories[one.symbol].sessions[day].path.close if one.symbol in histories else one.start
        for one in known
    }
