"""Two scenarios: the sample market in full, and the six sessions of two underlyings that most tests need."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.simulate.declare import DayFile, Pull, Scenario
from pipelines.simulate.instruments import EVE, etf, index, single_names

HISTORY_SESSIONS = 80
_CURVES_BEFORE = 10  # sessions
_DELAY = timedelta(minutes=15)
_INTRADAY = (time(10), time(12, 45), time(15, 45))
_AFTER_CLOSE, _IN_SESSION, _BEFORE_OPEN = "header_after_close", "header_in_session", "header_before_open"


def _pull(instrument: str, clock: str, layout: str, session: str, basis: str, **rest: object) -> Pull:
    """`clock`: month, day and New York time; `session`: month and day."""
    pulled_at = datetime.strptime(f"2024-{clock}", "%Y-%m-%d %H:%M")
    return Pull(instrument, pulled_at, layout, date.fromisoformat(f"2024-{session}"), basis, **rest)  # type: ignore[arg-type]


_FRIDAY_EVENING = _pull("SPX", "06-21 18:31", "day_first", "06-21", _AFTER_CLOSE)

# Around the holiday of 19 June and the monthly expiry of 21 June.
_SIX_SESSIONS = (
    _pull("SPX", "06-17 16:31", "american", "06-17", _AFTER_CLOSE),
    _pull("SPX", "06-18 19:12", "day_first", "06-18", _AFTER_CLOSE),
    _pull("SPX", "06-20 22:23", "french", "06-20", _AFTER_CLOSE, is_zeroed=True),
    _pull("SPX", "06-21 12:45", "american", "06-21", _IN_SESSION, quoted_at=time(12, 30)),
    _FRIDAY_EVENING,
    _pull("SPX", "06-23 22:59", "day_first", "06-21", _BEFORE_OPEN, repeats=_FRIDAY_EVENING.file_name),
    _pull("SPX", "06-24 20:51", "day_first", "06-24", _AFTER_CLOSE),
    _pull("SPX", "06-25 16:40", "american", "06-25", _AFTER_CLOSE),
    _pull("SPY", "06-17 20:35", "american", "06-17", _AFTER_CLOSE),
    _pull("SPY", "06-18 08:28", "american", "06-17", _BEFORE_OPEN, has_new_interest=True),
    _pull("SPY", "06-18 19:15", "day_first", "06-18", _AFTER_CLOSE),
    _pull("SPY", "06-19 10:15", "day_first_american", "06-18", _BEFORE_OPEN, has_new_interest=True),
    _pull("SPY", "06-20 21:40", "french", "06-20", _AFTER_CLOSE),
    _pull("SPY", "06-21 18:34", "spanish", "06-21", _AFTER_CLOSE),
    _pull("SPY", "06-24 18:47", "american", "06-24", _AFTER_CLOSE),
    _pull("SPY", "06-25 16:49", "stray_quote", "06-25", _AFTER_CLOSE),
)
# To the early close of 3 July. A few closes are kept as JSON, one of them in both layouts, one after midnight in UTC.
_SIX_MORE = (
    _pull("SPX", "06-24 16:50", "json", "06-24", "vendor_quote_time"),
    _pull("SPX", "06-26 17:05", "spanish", "06-26", _AFTER_CLOSE),
    _pull("SPX", "06-27 23:17", "json", "06-27", "vendor_quote_time"),
    _pull("SPX", "06-28 16:33", "american", "06-28", _AFTER_CLOSE),
    _pull("SPX", "07-01 18:20", "day_first_american", "07-01", _AFTER_CLOSE),
    _pull("SPX", "07-02 16:45", "stray_quote", "07-02", _AFTER_CLOSE),
    _pull("SPX", "07-03 13:40", "american", "07-03", _AFTER_CLOSE),
    _pull("SPY", "06-26 16:38", "day_first", "06-26", _AFTER_CLOSE),
    _pull("SPY", "06-27 19:02", "french", "06-27", _AFTER_CLOSE),
    _pull("SPY", "06-28 16:36", "json", "06-28", "vendor_quote_time"),
    _pull("SPY", "07-01 16:35", "american", "07-01", _AFTER_CLOSE),
    _pull("SPY", "07-02 16:35", "json", "07-02", "vendor_quote_time"),
    _pull("SPY", "07-03 08:10", "json", "07-02", "vendor_quote_time", has_new_interest=True),
    _pull("SPY", "07-03 13:44", "american", "07-03", _AFTER_CLOSE),
)


@lru_cache(maxsize=1)
def small() -> Scenario:
    """Six sessions of the index and the ETF as saved pages, with the Treasury's file."""
    return Scenario(
        instruments=(index(), etf()),
        history=(),
        sessions=tuple(us_sessions().between(date(2024, 6, 17), date(2024, 6, 25))),
        pulls=_SIX_SESSIONS,
        day_files=(),
        first_curve=date(2024, 6, 3),
        index_history=None,
    )


def full(history_sessions: int = HISTORY_SESSIONS) -> Scenario:
    """Twelve sessions of six underlyings, four snapshots a session, after a history of thin end-of-day chains."""
    calendar = us_sessions()
    sessions = tuple(calendar.between(date(2024, 6, 17), date(2024, 7, 3)))
    names = single_names()
    earlier = calendar.between(calendar.sessions[0], EVE)
    history = tuple(earlier[len(earlier) - history_sessions :])
    day_files = [
        *(DayFile(day, ("SPX",), "Quotes") for day in history),
        *(DayFile(day, tuple(name.name for name in names), "Calcs") for day in sessions),
    ]
    return replace(
        small(),
        instruments=(index(), etf(), *names),
        history=history,
        sessions=sessions,
        pulls=(*_SIX_SESSIONS, *_SIX_MORE, *_intraday(sessions)),
        day_files=tuple(day_files),
        first_curve=earlier[len(earlier) - history_sessions - _CURVES_BEFORE],
        index_history="SPX",
    )


def _intraday(sessions: tuple[date, ...]) -> list[Pull]:
    return [
        Pull(name, datetime.combine(day, at) + _DELAY, "json", day, "vendor_quote_time", quoted_at=at)
        for day in sessions
        for name in ("SPX", "SPY")
        for at in _INTRADAY
        if at < utc_to_new_york(us_sessions().close_of(day)).time()
    ]
