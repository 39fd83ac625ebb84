"""Files too large to be held: what they reduce to is written down once and never believed when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from pipelines import sources, streamed
from pipelines.lake.raw import Sidecar
from pipelines.lake.store import LakeFiles
from pipelines.settings import Paths
from pipelines.sources.coin_file import COVERAGE_SCHEMA, CoinFile
from pipelines.stages import parsed

_NOON = datetime(2026, 1, 14, 12)


class _Toy(ModuleType):
    """A source that counts how often it reads; the raw bytes are the name of the underlying."""

    NAME, IS_STREAMED, REDUCTION = "toy", True, 1

    def __init__(self) -> None:
        super().__init__("toy")
        self.reads = 0

    def coin_file_of(self, path: Path) -> CoinFile:
        self.reads += 1
        row = (path.read_text(), datetime(2026, 1, 14), _NOON, _NOON)
        return CoinFile(coverage=pl.DataFrame([row], schema=COVERAGE_SCHEMA, orient="row"), rows_in=3, rows_passed=3)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Toy]:
    source = _Toy()
    monkeypatch.setattr(sources, "COIN_SOURCES", (source,))
    parsed.forget()
    yield source
    parsed.forget()


@pytest.fixture
def lake(tmp_path: Path) -> LakeFiles:
    return LakeFiles(Paths(tmp_path))


def test_a_streamed_file_is_reduced_once_and_read_back_as_it_was(lake: LakeFiles, toy: _Toy) -> None:
    sha256 = lake.raw.put(b"BTC", Sidecar("toy", "btc.csv"))
    first = streamed.reduced(lake, toy, sha256)
    again = streamed.reduced(lake, toy, sha256)
    assert toy.reads == 1
    assert again.coverage.equals(first.coverage) and again.coverage["underlying"].to_list() == ["BTC"]
    assert (again.rows_in, again.rows_passed, again.rows_duplicate) == (3, 3, 0)
    assert again.chains.schema == first.chains.schema


def test_a_reduction_of_another_number_is_not_used(lake: LakeFiles, toy: _Toy) -> None:
    sha256 = lake.raw.put(b"BTC", Sidecar("toy", "btc.csv"))
    streamed.reduced(lake, toy, sha256)
    toy.REDUCTION = 2
    streamed.reduced(lake, toy, sha256)
    assert toy.reads == 2


@pytest.mark.parametrize("damage", ["contents.json", "coverage.parquet", "chains.parquet"])
@pytest.mark.parametrize("how", ["gone", "torn", "other"])
def test_a_damaged_reduction_is_made_again(lake: LakeFiles, toy: _Toy, damage: str, how: str) -> None:
    sha256 = lake.raw.put(b"BTC", Sidecar("toy", "btc.csv"))
    first = streamed.reduced(lake, toy, sha256)
    (path,) = lake.paths.reduced.glob(f"??/*/{damage}")
    if how == "gone":
        path.unlink()
    elif how == "torn":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_bytes(b'{"frames": []}')
    assert streamed.reduced(lake, toy, sha256).coverage.equals(first.coverage)
    assert toy.reads == 2
    streamed.reduced(lake, toy, sha256)
    assert toy.reads == 2


def test_stages_read_a_streamed_file_as_any_other_and_once_while_they_need_it(lake: LakeFiles, toy: _Toy) -> None:
    sha256 = lake.raw.put(b"ETH", Sidecar("toy", "eth.csv"))
    first = parsed.coin_file(lake, "toy", sha256, None, None)
    assert first.coverage["underlying"].to_list() == ["ETH"]
    assert parsed.coin_file(lake, "toy", sha256, None, None) is first
    assert toy.reads == 1
