"""What a live feed is: whose terms it stands under, where its items lie, and what their bytes must look like."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from pipelines.fetch.client import LOOPBACK, is_safe, shown
from pipelines.operator_settings import Follow
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed(AnyFeed):
    """A feed of files: each item is one, asked for and landed on its own."""

    largest_bytes: int
    path_of: Callable[[str], str]
    check: Callable[[bytes, str], None]  # Unreadable when these bytes cannot be that item
    declared_of: Callable[[str], Declared] = lambda _: NOTHING_DECLARED

    def url_of(self, item: str) -> str:
        return base_url(self.name, self.base_url) + self.path_of(item)


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
