"""Bytes of a vendor's file as text."""

from __future__ import annotations

from pipelines.sources.page import Unreadable

_LONGEST_LINE = 2**20  # bytes; no table has a row of a mebibyte


def decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4096]:
        raise Unreadable("the text is UTF-16 or binary; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the text is not UTF-8 (byte {error.start})") from None


def refuse_endless_line(data: bytes) -> None:
    """Readers of tables hold a line many times over before they find that it is none."""
    start = 0
    while len(data) - start > _LONGEST_LINE:
        stop = start + _LONGEST_LINE
        end = max(data.rfind(b"\n", start, stop), data.rfind(b"\r", start, stop))
        if end < 0:
            raise Unreadable(f"a line is longer than {_LONGEST_LINE >> 20} MiB; no table has such rows")
        start = end + 1
