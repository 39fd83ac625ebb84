"""OCC's open interest of every series of an underlying, as it stands now, with the day that it belongs to.

The series do not say of which day they are, and they change some time before or after the clearing house dates its
newest day. Hence they are only taken while that day is the newest session that has ended, before and after.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime

from pipelines.calendar import us_sessions, utc_to_new_york
from pipelines.fetch import occ
from pipelines.fetch.bundle import bundled, check, page, text_of
from pipelines.fetch.client import Fetched, FetchFailed
from pipelines.fetch.feed import Asking, Feed, FeedError, require_data, said
from pipelines.sources.chain_rows import plain_symbol
from pipelines.sources.page import Unreadable
from pipelines.sources.reports import occ_series
from pipelines.sources.reports.occ_text import newest_day

_SYMBOL = re.compile(r"[\^_]?[A-Z][A-Z0-9]{0,11}(\.[A-Z]{1,2})?")


def item_of(typed: str) -> str:
    symbol = typed.strip().upper()
    if not _SYMBOL.fullmatch(symbol):
        raise FeedError(f"{typed!r} is not a symbol; name underlyings such as SPX or SPY")
    return plain_symbol(symbol)


def path_of(symbol: str) -> str:
    return f"/series-search?symbolType=U&symbol={symbol}"


def dates_path(today: date) -> str:
    return f"/mdapi/open-interest?report_date={today:%m/%d/%Y}"


def ask(asking: Asking, symbol: str) -> Fetched:
    now = asking.now()
    asked_for = dates_path(utc_to_new_york(now).date())
    before = _dated(asking.get(asked_for))
    if before != (ended := last_ended(now)):
        raise FetchFailed(f"the newest open interest is dated {before}, and {ended} has ended: ask again later")
    series = asking.get(path_of(symbol))
    require_series(series.data, symbol)
    dates = asking.get(asked_for)
    if (after := _dated(dates)) != before:
        raise FetchFailed(f"the date moved from {before} to {after} while the series were read: ask again")
    return bundled(occ_series.NAME, {"symbol": symbol}, [page(series), page(dates)], dates, asking.feed.largest_bytes)


def last_ended(now: datetime) -> date:
    """The newest session that has closed at `now` (UTC)."""
    calendar = us_sessions()
    day = calendar.last_on_or_before(utc_to_new_york(now).date())
    return day if calendar.close_of(day) <= now else calendar.before(day)


def require_series(data: bytes, symbol: str) -> None:
    try:
        require_data(data)
        if b"\t" not in data:
            occ.refuse(data, f"the series of {symbol}")
    except Unreadable as error:
        raise FetchFailed(str(error)) from None


def check_after(data: bytes, before: bytes) -> None:
    """The very series of an earlier day are those of that day, whatever the date beside them says."""
    (series, dates), (series_before, dates_before) = _bodies(data), _bodies(before)
    if series == series_before and (earlier := _day_in(dates_before)) != (day := _day_in(dates)):
        raise Unreadable(f"dated {day}, but to the letter the series of {earlier}: not renewed yet; ask again later")


def _bodies(bundle: bytes) -> tuple[str, str]:
    series, dates = json.loads(bundle)["pages"]
    return series["body"], dates["body"]


def _dated(fetched: Fetched) -> date:
    """The day of the newest open interest."""
    day = _day_in(text_of(fetched))
    if day is None:
        raise FetchFailed(f"the vendor does not date its open interest: {said(fetched.data)}")
    return day


def _day_in(text: str) -> date | None:
    try:
        return newest_day(json.loads(text))
    except (ValueError, RecursionError):
        return None


FEED = Feed(
    name="occ-open-interest",
    summary="open interest of every option series, by the clearing house",
    item_name="underlyings",
    example="SPX SPY",
    terms=occ.TERMS,
    base_url=occ.BASE_URL,
    largest_bytes=occ_series.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=lambda follow, _: follow.occ_open_interest,
    ask=ask,
    check_after=check_after,
)
