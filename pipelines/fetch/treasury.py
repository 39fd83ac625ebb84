"""The Treasury's daily par yield curve: a file a year, which grows by a row every business day at about 18:00."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pipelines.calendar import PUBLISHED_AT, us_sessions, utc_to_new_york
from pipelines.fetch.feed import Feed, FeedError, Terms, require_data
from pipelines.operator_settings import Follow
from pipelines.sources import treasury_par_csv
from pipelines.sources.page import Unreadable

FIRST_YEAR, LAST_YEAR = 1990, 2045

TERMS = Terms(
    version=1,
    text="The Treasury publishes its yield curves for the public, at no charge. The policies of its site apply.",
    url="https://home.treasury.gov/subfooter/site-policies-and-notices",
)


def item_of(typed: str) -> str:
    if not (typed.isdecimal() and typed.isascii() and FIRST_YEAR <= int(typed) <= LAST_YEAR):
        raise FeedError(f"{typed!r} is not a year from {FIRST_YEAR} on")
    return str(int(typed))


def path_of(year: str) -> str:
    return (
        f"/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/{year}/all"
        f"?type=daily_treasury_yield_curve&field_tdr_date_value={year}&page&_format=csv"
    )


def check(data: bytes, year: str) -> None:
    require_data(data)
    if not treasury_par_csv.recognise(data):
        raise Unreadable(f"the vendor sent something else than the yield curves of {year}")


def items_now(_: Follow, now: datetime) -> list[str]:
    """The year of the newest curve, and the year before for as long as a week may span both."""
    newest = _newest_curve(now)
    return [str(year) for year in sorted({(newest - timedelta(days=7)).year, newest.year})]


def _newest_curve(now: datetime) -> date:
    published = utc_to_new_york(now) - timedelta(hours=PUBLISHED_AT.hour)
    return us_sessions().last_on_or_before(published.date())


FEED = Feed(
    name="treasury",
    summary="daily par yield curves",
    item_name="years",
    example="2026",
    terms=TERMS,
    base_url="https://home.treasury.gov",
    largest_bytes=treasury_par_csv.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=items_now,
)
