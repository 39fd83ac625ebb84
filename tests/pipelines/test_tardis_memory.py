"""A day of option updates never stands in memory: what its reduction takes does not grow with the file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.tardis_day import DAY, block, instruments, reduce_apart

MB = 1_000_000
START = round(DAY.timestamp()) * MB


@pytest.fixture(scope="module")
def blocks() -> tuple[bytes, bytes]:
    """The header with a first row, and some 10 MB of an hour's updates of two hundred options, packed."""
    options = instruments().head(200)
    first = block(options, 1, START, START + 1, seed=0).write_csv()
    hour = block(options, 45_000, START, START + 3_600 * MB, seed=1).write_csv(include_header=False)
    assert 9 * MB < len(hour) < 12 * MB
    return gzip.compress(first.encode(), 1), gzip.compress(hour.encode(), 1)


def peak(folder: Path, blocks: tuple[bytes, bytes], times: int) -> float:
    header, hour = blocks
    path = folder / f"{times}.csv.gz"
    path.write_bytes(header + hour * times)
    found = reduce_apart(path, chunk_bytes=4 * MB)
    assert (found["snapshots"], found["rows_in"]) == (6, 1 + 45_000 * times + found["rows"] - found["rows_standing"])
    assert found["rejected"] == 0
    return found["peak_bytes"]


def test_a_file_five_times_as_large_takes_no_more_memory(tmp_path: Path, blocks: tuple[bytes, bytes]) -> None:
    small, large = peak(tmp_path, blocks, 3), peak(tmp_path, blocks, 15)
    assert large < small + 70 * MB  # 120 MB more, if the file were held
    assert large < 330 * MB
