"""Any file of lines comes through in pieces as it is, packed or not; damaged ones say so."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources import line_chunks as module
from pipelines.sources.line_chunks import line_chunks, plain_head
from pipelines.sources.page import Unreadable

TEXT = b"".join(b"row %d of a file\n" % number for number in range(20_000))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 5_000)
    monkeypatch.setattr(module, "LONGEST_LINE", 1_000)
    monkeypatch.setattr(module, "_READ_BYTES", 700)


def pieces(data: bytes) -> list[bytes]:
    return list(line_chunks(io.BytesIO(data)))


@given(st.lists(st.binary(max_size=300).map(lambda line: line.replace(b"\n", b"")), max_size=80), st.booleans())
def test_pieces_are_whole_lines_and_together_the_file(lines: list[bytes], is_ended: bool) -> None:
    data = b"\n".join([b"header", *lines]) + (b"\n" if is_ended else b"")
    found = pieces(data)
    assert b"".join(found) == (data if data.endswith(b"\n") else data + b"\n")
    assert all(piece.endswith(b"\n") for piece in found)
    assert pieces(gzip.compress(data)) == found or b"".join(pieces(gzip.compress(data))) == b"".join(found)


def test_members_one_after_the_other_are_one_file_and_padding_is_none() -> None:
    half = TEXT.index(b"\n", len(TEXT) // 2) - 3
    packed = gzip.compress(TEXT[:half]) + gzip.compress(b"") + gzip.compress(TEXT[half:]) + b"\0" * 5_000
    assert b"".join(pieces(packed)) == TEXT
    assert max(map(len, pieces(packed))) <= 5_000 + 5_000 + 1_000


@pytest.mark.parametrize("kept", [20, 200, 5_000, -1, -8])
def test_a_packed_file_that_was_cut_off_is_refused(kept: int) -> None:
    with pytest.raises(Unreadable, match="cut off"):
        pieces(gzip.compress(TEXT)[:kept])


def test_a_packed_file_with_a_changed_byte_is_refused() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1  # of the checksum
    with pytest.raises(Unreadable, match="damaged gzip"):
        pieces(bytes(packed))
    with pytest.raises(Unreadable, match="damaged gzip"):
        pieces(gzip.compress(TEXT) + b"and more" * 9)


def test_a_line_that_does_not_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(Unreadable, match="a line is longer"):
        pieces(TEXT + b"x" * 20_000)
    with pytest.raises(Unreadable, match="a line is longer"):
        pieces(gzip.compress(TEXT + b"x" * 2_000_000))


def test_what_unpacks_to_more_than_a_file_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_UNPACKED", len(TEXT) - 1)
    with pytest.raises(Unreadable, match="larger than"):
        pieces(gzip.compress(TEXT))


def test_the_head_of_a_file_is_text_whether_it_is_packed_or_not() -> None:
    assert plain_head(TEXT)[:50] == plain_head(gzip.compress(TEXT)[:500])[:50] == TEXT[:50]
    assert plain_head(b"\x1f\x8bno gzip at all") == b""
