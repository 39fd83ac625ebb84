"""Files too large to be held: what they reduce to is written down once and never believed when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from pipelines import load, sources, streamed
from pipelines.lake import files
from pipelines.lake.raw import Sidecar
from pipelines.lake.store import Lake, LakeFiles, opened
from pipelines.load import Loaded, load_files, look
from pipelines.settings import Paths
from pipelines.sources import tardis_chain
from pipelines.sources.coin_file import COVERAGE_SCHEMA, CoinFile
from pipelines.sources.page import NOTHING_DECLARED, Declared
from pipelines.stages import parsed
from tests.pipelines.tardis_files import DAY, chain_csv, packed, trade, trades_csv, update

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


# --- loading


def day() -> bytes:
    """Two options every five minutes, from before a midnight until after it."""
    clocks = [DAY + timedelta(hours=23, minutes=5 * k) for k in range(1, 24)]
    return chain_csv(*(update(clock, f"BTC-3FEB26-{strike}-C") for clock in clocks for strike in (80000, 85000)))


def loaded(lake: Lake, *paths: Path, declared: Declared = NOTHING_DECLARED) -> list[Loaded]:
    return list(load_files(lake, paths, declared=declared, progress=lambda _: None))


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as lake:
        yield lake


def test_a_packed_file_lands_as_it_came_and_stands_on_each_of_its_days(whole: Lake, tmp_path: Path) -> None:
    path = tmp_path / "OPTIONS.csv.gz"
    path.write_bytes(packed(day()))
    (first,) = loaded(whole, path)
    assert (first.fate, first.source, first.part) == ("landed", "tardis_chain", "BTC")
    assert first.raw_sha256 is not None and whole.raw.get(first.raw_sha256) == path.read_bytes()
    assert whole.raw.sidecar(first.raw_sha256).original_name == "OPTIONS.csv.gz"
    sightings = whole.catalogue.sightings_of(first.raw_sha256)
    assert [str(sighting.key.session_date) for sighting in sightings] == ["2026-02-01", "2026-02-02"]
    file = parsed.coin_file(whole, "tardis_chain", first.raw_sha256, None, None)
    assert file.chains.equals(tardis_chain.coin_file(day(), NOTHING_DECLARED).chains)
    assert (first.rows_in, first.rows_landed) == (file.rows_in, file.chains.height)


def test_the_same_file_again_is_told_by_its_bytes_and_is_not_reduced_again(
    whole: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(day())
    (tmp_path / "b").write_bytes(day())
    loaded(whole, tmp_path / "a.csv")
    monkeypatch.setattr(tardis_chain, "coin_file_of", lambda _path: pytest.fail("read again"))
    assert [one.fate for one in loaded(whole, tmp_path / "b")] == ["duplicate_bytes"]


def test_trades_go_the_same_way(whole: Lake, tmp_path: Path) -> None:
    rows = [trade(DAY + timedelta(minutes=k), k, ("BTC-3FEB26-80000-C", "BTC-3FEB26-80000-P")[k % 2]) for k in range(9)]
    (tmp_path / "trades.csv.gz").write_bytes(packed(trades_csv(*rows)))
    (one,) = loaded(whole, tmp_path / "trades.csv.gz")
    assert (one.fate, one.source, one.rows_landed) == ("landed", "tardis_trades", 9)


def test_what_cannot_be_read_is_refused_with_a_line_and_leaves_the_others_unharmed(
    whole: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cut.csv.gz").write_bytes(packed(day())[:-9])
    (tmp_path / "good.csv").write_bytes(day())
    cut, good = loaded(whole, tmp_path / "cut.csv.gz", tmp_path / "good.csv")
    assert (cut.fate, cut.reason, good.fate) == ("refused", "the gzip file is cut off", "landed")
    monkeypatch.setattr(tardis_chain, "LARGEST_BYTES", 100)
    (large,) = loaded(whole, tmp_path / "good.csv")
    assert large.fate == "refused" and large.reason is not None and large.reason.startswith("larger than")


def test_a_file_that_changes_while_it_is_kept_is_asked_again_and_leaves_nothing(
    whole: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(day())
    monkeypatch.setattr("pipelines.lake.raw.sha256_of_file", lambda _path: "0" * 64)
    (one,) = loaded(whole, tmp_path / "a.csv")
    assert (one.fate, one.is_unread) == ("refused", True)
    assert not [path for path in whole.paths.raw.rglob("*") if path.is_file()]


def test_a_look_keeps_nothing_and_knows_files_by_their_hash(whole: Lake, tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(packed(day()))
    seen = look(path, NOTHING_DECLARED, lambda _: False)
    assert seen is not None and len(seen.sightings) == 2
    assert not whole.paths.raw.exists() and not whole.paths.reduced.exists()
    assert look(path, NOTHING_DECLARED, lambda sha256: sha256 == files.sha256_of_file(path)) is None


def test_a_mapping_goes_before_what_the_layout_shows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(day())
    assert load._streamed_source(path, Declared(mapping="kind = 'trades'")) is None
    assert load._streamed_source(tmp_path, NOTHING_DECLARED) is None
