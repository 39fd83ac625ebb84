"""Collecting what is followed: each feed is asked only for what it owes and has not brought, so a repeat is cheap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pipelines.calendar import PUBLISHED_AT, new_york_to_utc, us_sessions, utc_to_new_york
from pipelines.daily.cadence import DELAYED_JSON, TREASURY, is_bond_holiday
from pipelines.daily.gap_ledger import settle
from pipelines.daily.inbox import load_inbox
from pipelines.daily.report_owed import REPORT_FEEDS, is_followed, items_owed
from pipelines.daily.session_gaps import ended_sessions, newest_bars
from pipelines.fetch import FEEDS
from pipelines.fetch.acceptance import accepted_on
from pipelines.fetch.arrive import client_for, fetch_items
from pipelines.fetch.client import Client
from pipelines.fetch.feed import Feed, FeedError
from pipelines.lake.catalogue import PartitionKey, Sighting
from pipelines.lake.stage import Stage
from pipelines.lake.store import Lake
from pipelines.load import Loaded
from pipelines.markets import US
from pipelines.operator_settings import Follow, operator_settings
from pipelines.sources.chain_rows import plain_symbol

QUOTES_ARE_LATE = timedelta(minutes=20)  # delayed by fifteen
Tell = Callable[[str], None]


@dataclass(slots=True)
class Collected:
    """What one collection brought."""

    loaded: list[Loaded] = field(default_factory=list)
    open_gaps: int = 0

    def count(self, *fates: str) -> int:
        return sum(one.fate in fates for one in self.loaded)


def collect(
    lake: Lake, tell: Tell, client: Client | None = None, feeds: Collection[str] = frozenset(FEEDS)
) -> Collected:
    """Fetch what followed feeds owe, load what is new in the inboxes, bring the ledger of gaps up to date."""
    settings = operator_settings(lake.paths)
    collected = Collected()
    with client or client_for(lake.paths) as asking:
        now = asking.now()
        for feed in (feed for name, feed in FEEDS.items() if name in feeds):
            try:
                collected.loaded += _collect(lake, feed, settings.follow, asking, tell)
            except FeedError as error:  # the other feeds, the inboxes and the gaps go on
                collected.loaded.append(Loaded(feed.name, "refused", str(error)))
                tell(told(collected.loaded[-1]))
        with lake.writing():
            arrived = load_inbox(lake, settings.inbox, now, tell)
            collected.open_gaps = len(settle(lake, now))
    for one in arrived:
        tell(told(one))
    collected.loaded += arrived
    return collected


def _collect(lake: Lake, feed: Feed, follow: Follow, client: Client, tell: Tell) -> list[Loaded]:
    now = client.now()
    followed = _followed_items(feed, follow, now)
    if not followed and not is_followed(feed.name, follow):
        return []
    if accepted_on(lake.paths, feed) is None:
        tell(f"{feed.name} is followed, but its terms are not accepted: dealerflow fetch {feed.name}")
        return []
    if feed.name in REPORT_FEEDS:
        items = items_owed(lake, feed.name, follow, now)
    else:
        items = still_owed(lake, feed.name, [feed.item_of(one) for one in followed], now)
    return fetch_items(lake, feed, items, client, lambda one: tell(told(one))) if items else []


def _followed_items(feed: Feed, follow: Follow, now: datetime) -> Sequence[str]:
    """Of a feed that is asked for the newest of each of its items; reports are asked for period by period."""
    is_one = feed.name not in REPORT_FEEDS and (feed.name != "treasury" or follow.treasury)
    return feed.items_now(follow, now) if is_one else ()


def told(one: Loaded) -> str:
    return f"{one.name}: {one.fate}" + (f" ({one.reason})" if one.reason else "")


def still_owed(lake: Lake, feed: str, items: Sequence[str], now: datetime) -> list[str]:
    """The items of a feed of chains, curves or bars that have something new at `now` (UTC) which is not in the lake."""
    if feed == "cboe":
        session = shown_session(now)
        held = ended_sessions(lake, [DELAYED_JSON])
        return [] if session is None else [one for one in items if (plain_symbol(one), session) not in held]
    if feed == "treasury":
        days = {sighting.key.session_date for sighting in lake.catalogue.sightings([TREASURY], US.name)}
        return [] if newest_curve(now) in days else list(items)
    bars = newest_bars(lake)
    return [item for item in items if bars.get(plain_symbol(item), date.min) < newest_bar(now)]


def shown_session(now: datetime) -> date | None:
    """The session whose end the delayed quotes show at `now`; None while one goes on."""
    calendar = us_sessions()
    day = calendar.last_on_or_before(utc_to_new_york(now).date())
    if now >= calendar.close_of(day) + QUOTES_ARE_LATE:
        return day
    return calendar.before(day) if now < calendar.open_of(day) else None


def newest_curve(now: datetime) -> date:
    """The day of the newest curve that is out at `now`."""
    calendar = us_sessions()
    day = calendar.last_on_or_before(utc_to_new_york(now).date())
    while is_bond_holiday(day) or now < new_york_to_utc(day, PUBLISHED_AT):
        day = calendar.before(day)
    return day


def newest_bar(now: datetime) -> date:
    """The session of the newest bar of an index that may be out at `now`."""
    calendar = us_sessions()
    day = calendar.last_on_or_before(utc_to_new_york(now).date())
    return day if now >= new_york_to_utc(day, PUBLISHED_AT) else calendar.before(day)


def last_close(now: datetime) -> datetime:
    calendar = us_sessions()
    day = calendar.last_on_or_before(utc_to_new_york(now).date())
    return calendar.close_of(day if now >= calendar.close_of(day) else calendar.before(day))


def owed_from(lake: Lake, stage: Stage) -> date | None:
    """The earliest session of which something came that the stage has not looked at yet."""
    concluded = lake.catalogue.derivations(stage.name, US.name)
    groups: dict[PartitionKey, list[Sighting]] = {}
    for sighting in lake.catalogue.sightings(stage.sources, US.name):
        groups.setdefault(sighting.key, []).append(sighting)
    waiting = (
        key.session_date
        for key, group in groups.items()
        if any((key, sighting.known_at) not in concluded for sighting in stage.resolve(group))
    )
    return min(waiting, default=None)
