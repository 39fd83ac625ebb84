"""The container of saved Deribit responses: one JSON text a line, plain or gzip'ed.

The first line is a header. Then comes a line a response, which holds the body verbatim, or a claim: every public trade
of some underlyings with from <= timestamp < until (ms) is in this bundle. Lines are in order of capture. Bundles may be
joined end to end, also as gzip files.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pipelines.sources.page import Unreadable

FORMAT = "deribit_responses"
VERSION = 1
LARGEST_UNPACKED = 2**30  # of a whole bundle; a day of five currencies' chains is a third of it
LARGEST_LINE = 64 * 2**20  # the longest response of a visit, a mixed book, is 2 MB
_LEVEL = 6
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 2**20
_EPOCH = datetime(1970, 1, 1)


def header_line(note: str = "") -> str:
    return _line({"format": FORMAT, "version": VERSION, "note": note})


def response_line(captured_at: datetime, method: str, params: Mapping[str, object], body: str) -> str:
    """`captured_at`: when the body was complete, UTC without a zone. `method` as in public/get_instruments."""
    return _line({"captured_at": _clock(captured_at), "method": method, "params": dict(params), "body": body})


def claim_line(
    captured_at: datetime,
    underlyings: Sequence[str],
    from_ts: datetime,
    until_ts: datetime,
    holes: Iterable[tuple[str, int, int]] = (),
) -> str:
    """That every trade of the underlyings with from_ts <= trade_ts < until_ts is in this bundle, but for `holes`:
    an instrument, and the first and the last of the `trade_seq` that nobody could get. `holes` are there for people:
    no reader takes them up, for the lake tells its holes by the `trade_seq` of the trades alone."""
    claim: dict[str, object] = {
        "captured_at": _clock(captured_at),
        "claim": "trades_complete",
        "underlyings": sorted(underlyings),
        "from": math.ceil(_milliseconds(from_ts)),  # what lies between two milliseconds is not claimed
        "until": math.floor(_milliseconds(until_ts)),
    }
    named = [{"instrument": name, "from_seq": first, "to_seq": last} for name, first, last in holes]
    return _line({**claim, "holes": named} if named else claim)


def pack(lines: Iterable[str], note: str = "") -> bytes:
    """The bundle of the lines, header first: the same bytes for the same lines, whenever it is made."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", _LEVEL, buffer, mtime=0) as packed:
        for line in (header_line(note), *lines):
            packed.write(line.encode("ascii") + b"\n")
    return buffer.getvalue()


def unpack(
    data: bytes, *, largest_unpacked: int = LARGEST_UNPACKED, largest_line: int = LARGEST_LINE
) -> Iterator[bytes]:
    """The lines of a bundle, without their ends and without empty ones; never more than one chunk ahead in memory."""
    rest: list[bytes] = []
    held = total = 0
    for chunk in _chunks(data):
        total += len(chunk)
        if total > largest_unpacked:
            raise Unreadable(f"the file unpacks to more than {largest_unpacked} bytes")
        first, *others = chunk.split(b"\n")
        rest.append(first)
        held += len(first)
        if held > largest_line or any(len(line) > largest_line for line in others):
            raise Unreadable(f"a line is longer than {largest_line} bytes")
        if others:
            yield from _filled([b"".join(rest), *others[:-1]])
            rest, held = [others[-1]], len(others[-1])
    yield from _filled([b"".join(rest)])


def is_packed(data: bytes) -> bool:
    return data[:2] == _GZIP_MAGIC


def head(data: bytes, length: int) -> bytes:
    """The first bytes, unpacked as far as they can be."""
    if not is_packed(data):
        return data[:length]
    try:
        return zlib.decompressobj(wbits=31).decompress(data[: 4 * length + 1024], length)
    except zlib.error:
        return b""


def _filled(lines: list[bytes]) -> Iterator[bytes]:
    return (stripped for line in lines if (stripped := line.strip()))


def _chunks(data: bytes) -> Iterator[bytes]:
    """The text piece by piece: no file, however packed, takes more memory than one piece here."""
    if not is_packed(data):
        for start in range(0, len(data), _CHUNK):
            yield data[start : start + _CHUNK]
        return
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            while piece := packed.read(_CHUNK):
                yield piece
    except (zlib.error, OSError, EOFError) as error:
        raise Unreadable(f"the gzip file is damaged or cut off: {error}") from None


def _line(content: dict[str, object]) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _clock(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds") + "Z"


def _milliseconds(instant: datetime) -> float:
    return (instant - _EPOCH) / timedelta(milliseconds=1)
