"""The parts of which a simulated market is made: draws, listings, ways through a day, declarations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise

import numpy as np
import pytest

from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.simulate import full, small
from pipelines.simulate.draws import draw, draws
from pipelines.simulate.history import simulate
from pipelines.simulate.index_history import index_history
from pipelines.simulate.instruments import EVE, etf, index, single_names
from pipelines.simulate.listing import Contracts, list_contracts
from pipelines.simulate.paths import DayPath, day_paths
from pipelines.simulate.snapshot import tape, zeroed

DAYS = tuple(us_sessions().between(date(2024, 6, 3), date(2024, 7, 3)))


def listed(name: str, history_sessions: int = 20) -> Contracts:
    scenario = full(history_sessions)
    instrument = next(one for one in scenario.instruments if one.name == name)
    days = (*scenario.history, *scenario.sessions)
    return list_contracts(instrument, scenario, dict.fromkeys(days, instrument.start))


@pytest.fixture(scope="module")
def spx_paths() -> dict[date, DayPath]:
    return day_paths(index(), DAYS, seed=2)


def test_a_stream_is_told_by_its_name_and_its_beginning_by_no_length() -> None:
    assert np.array_equal(draws(2, "a", (5,)), draws(2, "a", (9,))[:5])
    assert draw(2, "a") == draws(2, "a", (1,))[0] != draw(2, "b") != draw(3, "b")
    many = draws(2, "many", (10_000,))
    assert many.min() > 0.0 and many.max() < 1.0


def test_the_eve_closes_where_the_market_starts_whatever_came_before(spx_paths: dict[date, DayPath]) -> None:
    assert spx_paths[EVE].close == index().start
    shorter = day_paths(index(), DAYS[-13:], seed=2)
    assert [path.close for path in shorter.values()] == [spx_paths[day].close for day in DAYS[-13:]]


def test_each_session_starts_from_the_close_before_and_stays_between_its_extremes(
    spx_paths: dict[date, DayPath],
) -> None:
    closes = [path.close for path in spx_paths.values()]
    assert [path.before for path in list(spx_paths.values())[1:]] == closes[:-1]
    for day, path in spx_paths.items():
        assert path.instants[0] == us_sessions().open_of(day) and path.instants[-1] == us_sessions().close_of(day)
        opened, high, low = path.so_far(path.instants[-1])
        assert low <= min(opened, path.close) <= max(opened, path.close) <= high
        assert path.so_far(path.instants[0]) == (opened, opened, opened)
        assert abs(path.close / path.before - 1) < 0.011  # 1.65 daily deviations


def test_an_early_close_has_fewer_stops_on_its_way(spx_paths: dict[date, DayPath]) -> None:
    assert len(spx_paths[date(2024, 7, 2)].instants) == 27
    assert len(spx_paths[date(2024, 7, 3)].instants) == 15


def test_the_etf_goes_with_the_index_at_every_hour_and_single_names_do_not(spx_paths: dict[date, DayPath]) -> None:
    ratio = index().start / etf().start
    for day, path in day_paths(etf(), DAYS, seed=2).items():
        np.testing.assert_allclose(path.spots * ratio, spx_paths[day].spots, rtol=1e-4)
    moves = {}
    for instrument in (index(), *single_names()):
        closes = np.array([path.close for path in day_paths(instrument, DAYS, seed=2).values()])
        moves[instrument.name] = np.diff(np.log(closes))
    for name in ("AAPL", "AMZN", "NVDA", "TSLA"):
        assert moves[name].std() > moves["SPX"].std()
        assert np.corrcoef(moves[name], moves["SPX"])[0, 1] < 0.95


def test_volatility_rises_when_the_market_falls(spx_paths: dict[date, DayPath]) -> None:
    paths = list(spx_paths.values())
    returns = [np.log(path.close / path.before) for path in paths[1:]]
    rises = [np.log(b.smile.short_variance / a.smile.short_variance) for a, b in pairwise(paths)]
    assert np.corrcoef(returns, rises)[0, 1] < -0.9


@pytest.mark.parametrize("name", ["SPX", "SPY", "AAPL", "TSLA"])
def test_contracts_are_listed_once_in_pairs_and_in_the_order_of_a_page(name: str) -> None:
    contracts = listed(name)
    assert np.unique(contracts.contract_id).size == contracts.contract_id.size
    calls, puts = contracts.at(np.flatnonzero(contracts.is_call)), contracts.at(np.flatnonzero(~contracts.is_call))
    for column in ("expiry_date", "strike", "root", "listed_from"):
        assert np.array_equal(getattr(calls, column), getattr(puts, column))
    assert np.all(contracts.is_call[::2]) and not np.any(contracts.is_call[1::2])
    assert np.all(np.diff(contracts.expiry_date).astype(int) >= 0)
    assert np.all(contracts.listed_from <= contracts.expiry_date)


def test_a_daily_expiry_is_listed_five_sessions_ahead_and_stays_to_its_last() -> None:
    contracts = listed("SPX")
    expiry = date(2024, 7, 2)
    is_daily = (contracts.root == "SPXW") & (contracts.expiry_date == np.datetime64(expiry))
    assert set(contracts.listed_from[is_daily].tolist()) == {date(2024, 6, 25)}
    for day, is_shown in (
        (date(2024, 6, 24), False),
        (date(2024, 6, 25), True),
        (expiry, True),
        (date(2024, 7, 3), False),
    ):
        assert contracts.listed_on(day)[is_daily].all() == is_shown, day


def test_strikes_of_thin_files_follow_the_spot() -> None:
    scenario = full(40)
    days = (*scenario.history, *scenario.sessions)
    rising = {day: 5000.0 + 10.0 * place for place, day in enumerate(days)}
    contracts = list_contracts(index(), scenario, rising)
    for day in scenario.history:
        shown = contracts.at(
            np.flatnonzero(contracts.listed_on(day) & (contracts.listed_from < np.datetime64("2024-06-17")))
        )
        assert shown.strike.min() < 0.94 * rising[day] and shown.strike.max() > 1.06 * rising[day]
        assert np.all(shown.strike % 50.0 == 0.0)
    highest = contracts.strike[contracts.listed_from == np.datetime64(scenario.history[0])].max()
    assert highest < 1.081 * rising[scenario.history[0]]


def test_a_weekly_whose_friday_is_a_holiday_expires_on_the_thursday() -> None:
    contracts = listed("SPY", 80)
    expiries = set(contracts.expiry_date.tolist())
    assert date(2024, 3, 28) in expiries and date(2024, 3, 29) not in expiries


def test_what_is_listed_later_starts_from_nothing_and_what_was_held_is_carried_on() -> None:
    scenario = full(20)
    history = simulate(index(), scenario, seed=2)
    contracts, days = history.contracts, list(history.sessions)
    for before, after in pairwise(days):
        assert np.array_equal(history.sessions[before].after.long, history.sessions[after].before.long)
    first_days = {scenario.history[0], scenario.sessions[0]}
    for day in days:
        is_new = (contracts.listed_from == np.datetime64(day)) & (day not in first_days)
        assert not history.sessions[day].before.open_interest[is_new].any()
    held = history.sessions[scenario.sessions[0]].before.open_interest
    assert held[contracts.listed_from == np.datetime64(scenario.sessions[0])].sum() > 1e5


def test_nothing_trades_before_it_is_listed_or_after_its_last_session() -> None:
    history = simulate(index(), full(20), seed=2)
    contracts = history.contracts
    for day, session in history.sessions.items():
        is_open = contracts.listed_on(day) & (contracts.last_session >= np.datetime64(day))
        assert not session.volume[~is_open].any()
        assert session.volume[is_open].any()


def test_a_zeroed_page_loses_its_quotes_and_nothing_else() -> None:
    history = simulate(etf(), small(), seed=2)
    day = date(2024, 6, 20)
    close = us_sessions().close_of(day)
    shown = tape(history, history.sessions[day], [], seed=2)[close]
    gone = zeroed(shown, seed=2)
    assert 0.9 < float((gone.quoted.quotes.ask == 0.0).mean()) < 1.0
    for name in ("volume", "last", "vendor_iv_frac"):
        assert np.array_equal(getattr(gone, name), getattr(shown, name))


def test_a_tape_without_stations_shows_the_close_as_a_tape_with_them_does_but_for_its_trades() -> None:
    history = simulate(etf(), small(), seed=2)
    day = date(2024, 6, 24)
    close = us_sessions().close_of(day)
    noon = close - timedelta(hours=4)
    alone = tape(history, history.sessions[day], [], seed=2)[close]
    stations = tape(history, history.sessions[day], [noon], seed=2)
    assert list(stations) == [noon, close]
    assert np.array_equal(alone.quoted.quotes.bid, stations[close].quoted.quotes.bid)
    assert np.array_equal(alone.volume, stations[close].volume)
    assert np.all(stations[noon].volume <= stations[close].volume)


def test_bars_of_the_index_are_the_extremes_of_its_way() -> None:
    history = simulate(index(), small(), seed=2)
    lines = index_history(history).decode().splitlines()
    assert lines[0] == "DATE,OPEN,HIGH,LOW,CLOSE" and len(lines) == 1 + len(history.sessions)
    for line, (day, session) in zip(lines[1:], history.sessions.items(), strict=True):
        stamp, *prices = line.split(",")
        opened, high, low, close = map(float, prices)
        assert stamp == f"{day:%m/%d/%Y}" and close == session.path.close
        assert low <= min(opened, close) <= max(opened, close) <= high


def test_every_instrument_declares_odds_that_add_up() -> None:
    for instrument in full().instruments:
        for customers in (instrument.calls, instrument.puts):
            assert sum(customers.odds) == pytest.approx(1.0)
            assert 0.0 < customers.dealers_long < 1.0
        assert instrument.title.startswith("SIMULATED ")


def test_no_two_files_of_a_scenario_share_a_name() -> None:
    scenario = full(300)
    names = [one.file_name for one in (*scenario.pulls, *scenario.day_files)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("simulated_") for name in names)


def test_whatever_is_pulled_inside_a_session_lies_inside_it() -> None:
    for pull in full().pulls:
        if pull.quoted_at is not None:
            close = utc_to_new_york(us_sessions().close_of(pull.session_date)).time()
            assert time(9, 30) < pull.quoted_at < close
        assert pull.pulled_at.date() >= pull.session_date


def test_the_small_market_is_part_of_the_full_one() -> None:
    assert set(small().pulls) <= set(full().pulls)
    assert small().sessions == full().sessions[:6]
    assert replace(full(0), instruments=small().instruments).history == ()
