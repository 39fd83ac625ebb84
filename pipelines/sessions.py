"""To which session and snapshot a vendor's page belongs, and to which date its open interest (METHODS 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time

from pipelines.calendar import SessionCalendar, new_york_to_utc, utc_to_new_york
from pipelines.sources.page import QUOTE_DELAY, OpenInterestRule

OPEN_INTEREST_PUBLISHED = time(6, 30)  # New York


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a page stands in market time."""

    session_date: date
    snapshot_ts: datetime
    session_basis: str
    known_at: datetime
    known_at_basis: str


@dataclass(frozen=True, slots=True)
class OpenInterestDate:
    """The session to whose close a page's open interest belongs; null when its clock cannot tell."""

    session_date: date | None
    basis: str


def place_by_header_clock(header_ts: datetime, first_expiry: date, calendar: SessionCalendar) -> Placement:
    """The ladder for a page that shows only its reader's clock (`header_ts`, UTC)."""
    quote_ts = header_ts - QUOTE_DELAY
    day = utc_to_new_york(quote_ts).date()
    if calendar.is_session(day) and quote_ts >= calendar.close_of(day):
        session, snapshot, basis = day, calendar.close_of(day), "header_after_close"
    elif calendar.is_session(day) and quote_ts >= calendar.open_of(day):
        session, snapshot, basis = day, quote_ts, "header_in_session"
    else:
        session = calendar.before(day)
        snapshot, basis = calendar.close_of(session), "header_before_open"
    capped = calendar.last_on_or_before(first_expiry)
    if session > capped:
        session, snapshot, basis = capped, calendar.close_of(capped), "first_expiry_cap"
    return Placement(session, snapshot, basis, max(header_ts, snapshot), "header_clock")


def place_by_quote_time(
    quote_ts: datetime, header_ts: datetime | None, captured_at: datetime | None, calendar: SessionCalendar
) -> Placement:
    """A page that states its vendor's own time of the quotes (`quote_ts`, UTC).

    Known when it was fetched, else at the page's own clock, else at the opening after its session.
    """
    day = utc_to_new_york(quote_ts).date()
    is_begun = calendar.is_session(day) and quote_ts >= calendar.open_of(day)
    session = day if is_begun else calendar.before(day)
    snapshot = min(quote_ts, calendar.close_of(session))
    if captured_at is not None:
        known_at, basis = max(captured_at, quote_ts), "captured_live"
    elif header_ts is not None:
        known_at, basis = max(header_ts, quote_ts), "header_clock"
    else:
        known_at, basis = calendar.open_of(calendar.after(session)), "vendor_schedule"
    return Placement(session, snapshot, "vendor_quote_time", known_at, basis)


def known_with_its_open_interest(placement: Placement, rule: OpenInterestRule, calendar: SessionCalendar) -> Placement:
    """Nobody knows a session's closing open interest before it is published in the morning after."""
    published = new_york_to_utc(calendar.after(placement.session_date), OPEN_INTEREST_PUBLISHED)
    if rule != "session_end" or placement.known_at >= published:
        return placement
    return replace(placement, known_at=published, known_at_basis="vendor_schedule")


def place_as_declared(session: date, header_ts: datetime | None, calendar: SessionCalendar) -> Placement:
    """The owner's word for the session. Without a readable clock the page counts as known at the next opening."""
    snapshot = calendar.close_of(session)
    if header_ts is None:
        return Placement(session, snapshot, "declared", calendar.open_of(calendar.after(session)), "vendor_schedule")
    quote_ts = header_ts - QUOTE_DELAY
    if calendar.open_of(session) <= quote_ts < snapshot:
        snapshot = quote_ts
    return Placement(session, snapshot, "declared", max(header_ts, snapshot), "header_clock")


def date_open_interest(
    rule: OpenInterestRule, placement: Placement, header_ts: datetime | None, calendar: SessionCalendar
) -> OpenInterestDate:
    """By the vendor's word, else by the pull clock; a page that has neither is dated only by what it repeats."""
    if rule == "session_start":
        return OpenInterestDate(calendar.before(placement.session_date), "vendor_session_start")
    if rule == "session_end":
        return OpenInterestDate(placement.session_date, "vendor_session_end")
    is_placed_against_clock = placement.session_basis in {"first_expiry_cap", "declared"}
    if rule == "unknown" or header_ts is None or is_placed_against_clock:
        return OpenInterestDate(None, "undated")
    clock = utc_to_new_york(header_ts)
    is_weekday = clock.weekday() < 5
    is_before_open = not calendar.is_session(clock.date()) or header_ts < calendar.open_of(clock.date())
    if is_weekday and clock.time() >= OPEN_INTEREST_PUBLISHED and is_before_open:
        return OpenInterestDate(placement.session_date, "pulled_before_open")
    return OpenInterestDate(calendar.before(placement.session_date), "pulled_otherwise")
