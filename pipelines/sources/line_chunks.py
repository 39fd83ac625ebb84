"""Text files of any size, gzip'ed or plain, in chunks that end where a line ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from pipelines.sources.page import Unreadable

CHUNK_BYTES = 32 * 2**20
HEAD_BYTES = 2**16
LONGEST_LINE = 2**20
LARGEST_UNPACKED = 64 * 2**30
_READ_BYTES = 2**20
_GZIP = b"\x1f\x8b"
_WINDOW = 31  # of a gzip member, header and checksum included


def plain_head(data: bytes) -> bytes:
    """The beginning of a file unpacked, if it is packed; nothing where it cannot be."""
    if data[:2] != _GZIP:
        return data[:HEAD_BYTES]
    try:
        return isal_zlib.decompressobj(_WINDOW).decompress(data[:HEAD_BYTES], HEAD_BYTES)
    except IsalError:  # type: ignore[misc]  # its stub calls it an instance
        return b""


def line_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, some `CHUNK_BYTES` at a time; the last line is ended if it was not. Raises Unreadable."""
    parts: list[bytes] = []
    held = total = 0
    for block in _blocks(file):
        total += len(block)
        if total > LARGEST_UNPACKED:
            raise Unreadable(f"unpacked it is larger than {LARGEST_UNPACKED >> 30} GiB")
        end = block.rfind(b"\n") + 1
        held += len(block)
        if held < CHUNK_BYTES or not end:
            if held > CHUNK_BYTES + LONGEST_LINE:
                raise Unreadable(f"a line is longer than {LONGEST_LINE} bytes")
            parts.append(block)
            continue
        yield b"".join((*parts, block[:end]))
        parts = [block[end:]]
        held = len(parts[0])
    if held:
        data = b"".join(parts)
        yield data if data.endswith(b"\n") else data + b"\n"


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    data = file.read(_READ_BYTES)
    if data[:2] == _GZIP:
        yield from _unpacked(iter(lambda: file.read(_READ_BYTES), b""), data)
        return
    while data:
        yield data
        data = file.read(_READ_BYTES)


def _unpacked(reads: Iterator[bytes], data: bytes) -> Iterator[bytes]:
    """Every member of a gzip file, each with its checksum; a block may be small, never huge."""
    member = isal_zlib.decompressobj(_WINDOW)
    try:
        while True:
            if member.eof:
                data = data.lstrip(b"\0")  # tapes pad the end
                if data:
                    member = isal_zlib.decompressobj(_WINDOW)
            if data:
                yield member.decompress(data, CHUNK_BYTES)
                data = member.unused_data if member.eof else member.unconsumed_tail
            if not data:
                data = next(reads, b"")
                if not data:
                    break
        while not member.eof:
            block = member.decompress(b"", CHUNK_BYTES)
            if not block and not member.eof:
                raise Unreadable("the gzip file is cut off")
            yield block
    except IsalError as error:  # type: ignore[misc]
        raise Unreadable(f"a damaged gzip file: {error}") from None
