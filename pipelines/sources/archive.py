"""A file that comes in a zip archive, as vendors of daily files send them.

Archives are hostile. No name inside one is used, no size that one states is believed, and whatever it holds is
unpacked piece by piece up to a bound.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.sources.page import Unreadable

LARGEST_CONTENT = 256 * 2**20
DEEPEST = 2  # an archive may hold an archive, as sample files of exchanges do, and no more than that
_MOST_ENTRIES = 1000
_PIECE = 2**20
_FILE, _LISTED, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_FILE_HEADER = struct.Struct("<4s2xHH16xHH")  # flags, method; lengths of the name and of what follows it
_LISTED_HEADER = struct.Struct("<4s4xHH4xIIIHHH8xI")
_END_HEADER = struct.Struct("<4sHHHHIIH")
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED = 0x2041  # a password, strong encryption, a hidden list
_STORED, _DEFLATED = 0, 8
_PACKED_NOTHING = 2  # bytes of nothing, deflated


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    crc32: int
    packed_bytes: int
    size_bytes: int
    start: int

    @property
    def is_file(self) -> bool:
        """Not a folder, nor what a Mac notes of one's files beside them."""
        is_folder = self.name.endswith(b"/") and self.size_bytes == 0 and self.packed_bytes <= _PACKED_NOTHING
        return not is_folder and not self.name.startswith(b"__MACOSX/")


def is_archive(data: bytes) -> bool:
    return data[:4] in (_FILE, _END)


def content(data: bytes, *, largest: int = LARGEST_CONTENT) -> bytes:
    """The bytes themselves, unless they are an archive: then those of the one file in it. Raises Unreadable."""
    for _ in range(DEEPEST):
        if not is_archive(data):
            return data
        data = _unpacked(data, largest)
    if is_archive(data):
        raise Unreadable("an archive in an archive in an archive; unpack it and load the file inside")
    return data


def _unpacked(data: bytes, largest: int) -> bytes:
    try:
        listed, listed_from = _listed(data)
        files = [entry for entry in listed if entry.is_file]
        if len(files) != 1:
            held = f"{len(files)} files" if files else "no file"
            raise Unreadable(f"a zip archive of {held}; one is expected: unpack it and load the files inside")
        return _content_of(files[0], memoryview(data)[:listed_from], largest)
    except (struct.error, zlib.error) as error:
        raise Unreadable(f"a damaged zip archive: {error}") from None


def _listed(data: bytes) -> tuple[list[_Entry], int]:
    """What the archive lists of itself, and where its list begins."""
    end = data.rfind(_END, max(0, len(data) - _END_HEADER.size - _LONGEST_COMMENT))
    if end < 0:
        raise Unreadable("a zip archive that is cut off: its list is missing")
    _, disk, first_disk, here, count, size, start, comment = _END_HEADER.unpack_from(data, end)
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (size, start):
        raise Unreadable("a zip64 archive; unpack it and load the file inside")
    if end + _END_HEADER.size + comment != len(data):
        raise Unreadable("a damaged zip archive: something follows its end")
    if disk or first_disk or here != count or start + size != end:
        raise Unreadable("a damaged zip archive: its list is not where it should be")
    if count > _MOST_ENTRIES:
        raise Unreadable(f"a zip archive of {count} files; one is expected")
    entries = list(_entries(data[start:end], count))
    return entries, start


def _entries(listing: bytes, count: int) -> Iterator[_Entry]:
    at = 0
    for _ in range(count):
        signature, flags, method, crc32, packed, size, name, extra, comment, start = _LISTED_HEADER.unpack_from(
            listing, at
        )
        at += _LISTED_HEADER.size
        if signature != _LISTED or at + name + extra + comment > len(listing):
            raise Unreadable("a damaged zip archive: its list is broken")
        if 0xFFFFFFFF in (packed, size, start):
            raise Unreadable("a zip64 archive; unpack it and load the file inside")
        yield _Entry(listing[at : at + name], flags, method, crc32, packed, size, start)
        at += name + extra + comment
    if at != len(listing):
        raise Unreadable("a damaged zip archive: its list is broken")


def _content_of(entry: _Entry, data: memoryview, largest: int) -> bytes:
    """`data`: the archive up to its list."""
    signature, flags, method, name, extra = _FILE_HEADER.unpack_from(data, entry.start)
    start = entry.start + _FILE_HEADER.size + name + extra
    packed = data[start : start + entry.packed_bytes]
    if signature != _FILE or method != entry.method or len(packed) != entry.packed_bytes:
        raise Unreadable("a damaged zip archive: the file is not where its list says")
    if (flags | entry.flags) & _ENCRYPTED:
        raise Unreadable("a zip archive with a password; unpack it and load the file inside")
    if method == _STORED:
        _check_size(len(packed), largest)
        found = bytes(packed)
    elif method == _DEFLATED:
        found = _inflated(packed, largest)
    else:
        raise Unreadable(f"a zip archive packed by method {method}; unpack it and load the file inside")
    if len(found) != entry.size_bytes or zlib.crc32(found) != entry.crc32:
        raise Unreadable("a damaged zip archive: the file inside is not what its list says")
    return found


def _inflated(packed: memoryview, largest: int) -> bytes:
    """Of the size that really comes out: what an archive states of it is checked later and never believed."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    out = io.BytesIO()
    at = 0
    while not unpacker.eof:
        piece: bytes | memoryview = unpacker.unconsumed_tail
        if not piece:
            piece = packed[at : at + _PIECE]
            at += len(piece)
        found = unpacker.decompress(piece, _PIECE)
        if not found and not piece:
            raise Unreadable("a damaged zip archive: the file inside is cut off")
        out.write(found)
        _check_size(out.tell(), largest)
    if unpacker.unused_data or at < len(packed):
        raise Unreadable("a damaged zip archive: something follows the file inside")
    return out.getvalue()


def _check_size(size_bytes: int, largest: int) -> None:
    if size_bytes > largest:
        raise Unreadable(f"the file inside the archive is larger than {largest >> 20} MiB; unpack it and load that")
