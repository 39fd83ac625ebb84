"""Lines of tables are of a length that a table can have."""

from __future__ import annotations

import pytest

from pipelines.sources.page import Unreadable
from pipelines.sources.text import refuse_endless_line

MEBIBYTE = 2**20


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_file_of_many_megabytes_in_lines_is_taken(end: bytes) -> None:
    refuse_endless_line((b"1" * (MEBIBYTE // 3) + end) * 12)
    refuse_endless_line(b"")


@pytest.mark.parametrize(
    "data", [b"1" * (3 * MEBIBYTE), b"header\n" + b"," * (3 * MEBIBYTE), (b"a\n" * MEBIBYTE) + b"1" * (2 * MEBIBYTE)]
)
def test_a_line_without_an_end_is_refused_wherever_it_stands(data: bytes) -> None:
    with pytest.raises(Unreadable, match="a line is longer than 1 MiB"):
        refuse_endless_line(data)
