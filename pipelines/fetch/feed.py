"""What a live feed is: whose terms it stands under, where its items lie, and what their bytes must look like."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from pipelines.fetch.address import LOOPBACK, is_safe, shown
from pipelines.fetch.client import Client, Fetched, FetchFailed
from pipelines.operator_settings import Follow, OperatorSettings
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable

_LONGEST_SAID = 100


class FeedError(Exception):
    """Something the operator can mend; shown as one line."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The vendor's terms in our words. A new `version` asks for a new acceptance."""

    version: int
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyFeed:
    """What every feed has."""

    name: str
    summary: str
    item_name: str  # what its items are
    example: str
    terms: Terms
    base_url: str
    item_of: Callable[[str], str]  # what was typed -> the item; FeedError
    items_now: Callable[[Follow, datetime], Sequence[str]]  # where none are named, at a UTC instant
    spelled_out: Callable[[str], Sequence[str]] = lambda typed: (typed,)  # a short form of several items

    def items_of(self, typed: str) -> list[str]:
        """FeedError for what is no item."""
        return [self.item_of(one) for one in self.spelled_out(typed)]


def _as_it_lies(asking: Asking, item: str) -> Fetched:
    return asking.get(asking.feed.path_of(item))


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed(AnyFeed):
    """A feed of files: each item is one, asked for and landed on its own.

    An item that takes several requests has an `ask` of its own, which brings one body of all answers or none.
    """

    largest_bytes: int
    path_of: Callable[[str], str]
    check: Callable[[bytes, str], None]  # Unreadable when these bytes cannot be that item
    declared_of: Callable[[str], Declared] = lambda _: NOTHING_DECLARED
    ask: Callable[[Asking, str], Fetched] = _as_it_lies  # FetchFailed
    headers_of: Callable[[OperatorSettings], Mapping[str, str]] = lambda _: {}  # FeedError where one is missing
    absent: Callable[[str, int], FetchFailed | None] = lambda _item, _status: None  # what HTTP 403 and 404 say of one
    check_after: Callable[[bytes, bytes], None] | None = None  # as `check`, beside the body that the item landed last

    def url_of(self, item: str) -> str:
        return base_url(self.name, self.base_url) + self.path_of(item)


@dataclass(frozen=True, slots=True)
class Asking:
    """A feed, and by whom it is asked."""

    client: Client
    feed: Feed
    headers: Mapping[str, str]  # beside the client's own

    def now(self) -> datetime:
        return self.client.now()

    def get(self, path: str) -> Fetched:
        return self.client.get(self._url(path), largest_bytes=self.feed.largest_bytes, headers=self.headers)

    def post_json(self, path: str, question: object) -> Fetched:
        largest_bytes = self.feed.largest_bytes
        return self.client.post_json(self._url(path), question, largest_bytes=largest_bytes, headers=self.headers)

    def _url(self, path: str) -> str:
        return base_url(self.feed.name, self.feed.base_url) + path


def base_url(name: str, default: str) -> str:
    """The vendor's site, or a stand-in of it on this machine (`DEALERFLOW_VENDOR_URLS`: JSON, name -> base url)."""
    try:
        stand_ins = json.loads(os.environ.get("DEALERFLOW_VENDOR_URLS") or "{}")
        url = stand_ins.get(name)
    except (ValueError, AttributeError):
        raise FeedError("DEALERFLOW_VENDOR_URLS is not a JSON object of feed names and urls") from None
    if url is None:
        return default
    if not is_safe(str(url)) or httpx.URL(str(url)).host not in LOOPBACK:
        raise FeedError(f"DEALERFLOW_VENDOR_URLS: {shown(str(url))} is not on this machine")
    return str(url).rstrip("/")


def require_data(data: bytes) -> None:
    """Sites under maintenance answer 200 and a page for people, or nothing."""
    start = data[:64].lstrip()
    if not start:
        raise Unreadable("the vendor sent nothing")
    if start.startswith(b"<"):
        raise Unreadable("the vendor sent a web page instead of data")


def said(data: bytes) -> str:
    """The first line of an answer that is no data, for a message."""
    text = data[:1000].decode("utf-8", "replace").strip().partition("\n")[0]
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_LONGEST_SAID]
