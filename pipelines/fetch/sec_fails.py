"""The SEC's fails to deliver: a zip archive for each half of a month, some weeks later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pipelines.fetch.client import FetchFailed, VendorRefuses
from pipelines.fetch.feed import Feed, FeedError, Terms, require_data
from pipelines.operator_settings import Follow, OperatorSettings
from pipelines.report_periods import end_of_half, half_name, periods_due
from pipelines.sources.page import Unreadable
from pipelines.sources.reports import sec_fails

NEWEST = 2  # halves
LISTING = "https://www.sec.gov/data-research/sec-markets-data/fails-deliver-data"
TERMS = Terms(
    version=1,
    text=(
        "The SEC publishes this for the public, at no charge. Its rules of fair access ask programs to say in every "
        "request who they are, with an e-mail address, and to ask ten times a second at most; who does not is shut "
        "out. The contact of your dealerflow.toml is sent to it."
    ),
    url="https://www.sec.gov/os/accessing-edgar-data",
)


def item_of(typed: str) -> str:
    try:
        return half_name(end_of_half(typed.strip().lower()))
    except ValueError:
        raise FeedError(f"{typed!r} is not a half of a month, such as 2026-03a or 2026-03b") from None


def path_of(item: str) -> str:
    return f"/files/data/fails-deliver-data/cnsfails{item.replace('-', '')}.zip"


def headers_of(settings: OperatorSettings) -> Mapping[str, str]:
    if settings.contact is None:
        raise FeedError(
            "the SEC wants to know who asks: dealerflow.toml, [fetch], "
            'contact = "Name name@example.org" (yours, sent with each request)'
        )
    return {"User-Agent": settings.contact}


def check(data: bytes, item: str) -> None:
    require_data(data)
    if not data.startswith(b"PK\x03\x04"):
        raise Unreadable(f"the vendor sent something else than the archive of {item}")


def absent(_item: str, status: int) -> FetchFailed:
    if status == 403:
        return VendorRefuses("the SEC refuses (HTTP 403): a contact that it does not accept, or asked too often")
    return FetchFailed(f"no file of that half at its usual address; {LISTING} lists them")


def items_now(follow: Follow, now: datetime) -> list[str]:
    if not follow.sec_fails:
        return []
    return [half_name(day) for day, _ in periods_due("fails_to_deliver", now, newest=NEWEST)]


FEED = Feed(
    name="sec-fails",
    summary="fails to deliver of every share, twice a month",
    item_name="halves of months",
    example="2026-03a 2026-03b",
    terms=TERMS,
    base_url="https://www.sec.gov",
    largest_bytes=sec_fails.LARGEST_BYTES,
    item_of=item_of,
    path_of=path_of,
    check=check,
    items_now=items_now,
    headers_of=headers_of,
    absent=absent,
)
