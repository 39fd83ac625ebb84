"""Zip archives: the one file inside is read, and nothing that an archive states is believed."""

from __future__ import annotations

import contextlib
import io
import random
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.archive import content
from pipelines.sources.page import Unreadable

TEXT = b"a,b\n1,2\n" * 500
MB = 2**20


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name)  # without a clock: the names of tests show its bytes
            entry.compress_type = method
            archive.writestr(entry, data)
    return buffer.getvalue()


WHOLE = packed(("day.csv", TEXT))
LISTED_FROM = WHOLE.index(b"PK\x01\x02")
END = WHOLE.index(b"PK\x05\x06")


def with_bytes(at: int, value: bytes, data: bytes = WHOLE) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize("data", [b"", b"PK", b"Date|Symbol\n", b"PK\x01\x02 of no archive", b"PAR1"])
def test_what_is_no_archive_passes_as_it_is(data: bytes) -> None:
    assert content(data) is data


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["day.csv", "../../etc/passwd", "/etc/passwd", "C:\\x", "a" * 60000, "ü/день"])
def test_the_one_file_is_read_whatever_it_is_called(name: str, method: int) -> None:
    assert content(packed((name, TEXT), method=method)) == TEXT


@given(st.binary(max_size=5000), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_what_was_packed_comes_out(data: bytes, method: int) -> None:
    whole = packed(("x", data), method=method)
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return
    assert content(whole) == data


def test_a_writer_that_cannot_go_back_states_sizes_behind_the_file() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.parts: list[bytes] = []

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.parts.append(bytes(data))  # type: ignore[call-overload]
            return len(self.parts[-1])

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("day.csv", "w") as file:
        file.write(TEXT)
    assert content(b"".join(pipe.parts)) == TEXT


def test_folders_and_what_a_mac_leaves_beside_a_file_are_passed_over() -> None:
    assert content(packed(("day/", b""), ("day/day.csv", TEXT), ("__MACOSX/day/._day.csv", b"\0\5\x16\7"))) == TEXT


def test_an_archive_in_an_archive_is_read_and_no_deeper_one() -> None:
    twice = packed(("inner.zip", WHOLE))
    assert content(twice) == TEXT
    with pytest.raises(Unreadable, match="an archive in an archive in an archive"):
        content(packed(("outer.zip", twice)))


def same_name_twice() -> bytes:
    other = packed(("day.txt", TEXT), ("day.csv", b"other"))
    return other.replace(b"day.txt", b"day.csv")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packed(), "of no file"),
        (packed(("folder/", b"")), "of no file"),
        (packed(("a", b"1"), ("b", b"2")), "of 2 files; one is expected"),
        (same_name_twice(), "of 2 files"),
        (packed(("folder/", b"not empty"), ("b", b"2")), "of 2 files"),
        (packed(*((str(place), b"") for place in range(1001))), "of 1001 files"),
        (packed(("a", TEXT), method=zipfile.ZIP_BZIP2), "packed by method 12"),
        (packed(("a", TEXT), method=zipfile.ZIP_LZMA), "packed by method 14"),
        (WHOLE[:40], "its list is missing"),
        (WHOLE[:LISTED_FROM], "its list is missing"),
        (WHOLE[:-1], "damaged|missing"),
        (WHOLE + b"\n", "something follows its end"),
        (WHOLE + b"PK\x05\x06", "damaged"),
        (with_bytes(LISTED_FROM, b"PK\x01\x03"), "its list is broken"),
        (with_bytes(LISTED_FROM + 8, b"\x01"), "a password"),
        (with_bytes(6, b"\x01"), "a password"),
        (with_bytes(LISTED_FROM + 16, b"\0\0\0\0"), "not what its list says"),  # the checksum
        (with_bytes(LISTED_FROM + 24, struct.pack("<I", 7)), "not what its list says"),  # a smaller size
        (with_bytes(LISTED_FROM + 24, struct.pack("<i", -7)), "not what its list says"),
        (with_bytes(LISTED_FROM + 24, b"\xff" * 4), "zip64"),
        (with_bytes(LISTED_FROM + 20, struct.pack("<I", 5)), "cut off"),
        (with_bytes(LISTED_FROM + 20, struct.pack("<i", -5)), "not where its list says"),
        (with_bytes(LISTED_FROM + 42, struct.pack("<I", 5)), "not where its list says"),
        (with_bytes(LISTED_FROM + 42, struct.pack("<i", -5)), "damaged"),
        (with_bytes(LISTED_FROM + 28, b"\xff\xfe"), "its list is broken"),
        (with_bytes(END + 8, b"\x02\0\x02\0"), "damaged"),
        (with_bytes(END + 8, b"\x00\0\x00\0"), "damaged"),
        (with_bytes(END + 12, struct.pack("<I", 1)), "not where it should be"),
        (with_bytes(END + 16, struct.pack("<I", 1)), "not where it should be"),
        (with_bytes(END + 16, b"\xff" * 4), "zip64"),
        (with_bytes(END + 4, b"\x01\0"), "not where it should be"),
        (b"PK\x03\x04" + b"\0" * 100, "its list is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_broken_or_more_than_one_file_is_refused_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as refused:
        content(data)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_what_stands_behind_the_file_inside_is_not_dropped_in_silence() -> None:
    tail = packed(("day.csv", TEXT + b"more"), method=zipfile.ZIP_STORED)
    at = tail.index(b"PK\x01\x02")
    shorter = with_bytes(at + 20, struct.pack("<I", len(TEXT)), with_bytes(at + 24, struct.pack("<I", len(TEXT)), tail))
    with pytest.raises(Unreadable, match="not what its list says"):
        content(shorter)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_comes_out_is_bounded_whatever_the_archive_states_and_however_well_it_is_packed(method: int) -> None:
    whole = packed(("a", bytes(3 * MB)), method=method)
    assert len(content(whole, largest=3 * MB)) == 3 * MB
    with pytest.raises(Unreadable, match="larger than 2 MiB"):
        content(whole, largest=2 * MB)
    at = whole.index(b"PK\x01\x02", 3 * MB if method == zipfile.ZIP_STORED else 0)
    with pytest.raises(Unreadable, match="larger than 2 MiB"):
        content(with_bytes(at + 24, struct.pack("<I", 10), whole), largest=2 * MB)


def test_no_damage_does_more_than_refuse() -> None:
    draw = random.Random(7)
    for _ in range(3000):
        data = bytearray(WHOLE)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(4, len(data))] = draw.choice((0, 1, 0x7F, 0xFF, draw.randrange(256)))
        with contextlib.suppress(Unreadable):
            assert content(bytes(data)) == TEXT  # names and clocks are nobody's business


_BOMB = """
import resource, sys
from pipelines.sources.archive import content
from pipelines.sources.page import Unreadable
data = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    content(data)
except Unreadable as refused:
    print(refused)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_of_zeros_takes_no_more_memory_than_the_largest_file(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(16 * MB)
    inside = b"".join(packer.compress(zeros) for _ in range(40)) + packer.flush()  # 640 MiB
    name = b"bomb"
    listed = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(inside), 10, 4, 0, 0, 0, 0, 0, 0) + name
    head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(inside), 10, 4, 0) + name
    start = len(head) + len(inside)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(listed), start, 0)
    path = tmp_path / "bomb.zip"
    path.write_bytes(head + inside + listed + end)
    told = subprocess.run([sys.executable, "-c", _BOMB, path], capture_output=True, text=True, check=True)
    reason, kilobytes = told.stdout.splitlines()
    assert re.search("larger than 256 MiB", reason)
    assert int(kilobytes) * 1024 < 330 * MB
