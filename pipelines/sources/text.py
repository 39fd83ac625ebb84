"""Bytes of a vendor's file as text."""

from __future__ import annotations

from pipelines.sources.page import Unreadable


def decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4096]:
        raise Unreadable("the text is UTF-16 or binary; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the text is not UTF-8 (byte {error.start})") from None
