"""Addresses that may be asked, how they are shown, and how long their owner wants to be left in peace."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta

import httpx

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_safe(url: str) -> bool:
    """Encrypted, or on this machine; and without credentials in it."""
    parsed = httpx.URL(url)
    return not parsed.userinfo and (parsed.scheme == "https" or (parsed.scheme == "http" and parsed.host in LOOPBACK))


def shown(url: str) -> str:
    """For messages: neither credentials nor parameters."""
    return str(httpx.URL(url).copy_with(userinfo=b"", query=None))


def seconds_asked(text: str | None, now: datetime) -> float:
    """Seconds from either form of the header; 0 where it says nothing readable."""
    if text is None:
        return 0.0
    if text.strip().isdecimal():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (until - now) / timedelta(seconds=1))
