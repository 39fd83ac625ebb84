"""Every layout is recognised by its own reader and by no other, and a file in an archive is read as it is outside."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import sources
from pipelines.lake.files import sha256_of
from pipelines.lake.store import Lake, opened
from pipelines.load import Loaded, load_files, look
from pipelines.settings import Paths
from pipelines.sources import archive
from pipelines.sources.page import NOTHING_DECLARED, Unreadable
from pipelines.stages import parsed
from tests.fuzz.parsers import SEEDS, cases
from tests.pipelines.tardis_files import TRADE_COLUMNS

_NAMES = sorted({source.NAME for source in sources.SOURCES if not source.NAME.startswith("mapped_")})


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


def seeds(name: str) -> list[bytes]:
    return [archive.content(case.data) for case in cases(SEEDS / name)]


def claimed_by(data: bytes) -> list[str]:
    return [source.NAME for source in sources.SOURCES if source.recognise(data)]


@pytest.mark.parametrize("name", _NAMES)
def test_a_layout_is_recognised_by_its_own_reader_alone(name: str) -> None:
    assert seeds(name)
    assert [claimed_by(data) for data in seeds(name)] == [[name]] * len(seeds(name))


@pytest.mark.parametrize("name", _NAMES)
def test_a_file_is_recognised_behind_a_byte_order_mark_or_by_nobody_else(name: str) -> None:
    for data in seeds(name):
        assert set(claimed_by(b"\xef\xbb\xbf" + data)) <= {name}


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n", b"{}", b'{"entity": {}}', b'{"dealerflow_bundle": "other", "pages": []}', b"<html></html>",
        b"quantity,price\n", b"index,symbol\n", b"Daily report\n", b"Symbol,Price\n", b"SETTLEMENT DATE|CUSIP\n",
        b"symbol,index,effective_date,weight\n", b"Report\n", b"Series of results\n", b"\0" * 64, b"PK",
    ],
)  # fmt: skip
def test_what_only_resembles_a_layout_is_recognised_by_nobody(data: bytes) -> None:
    assert claimed_by(data) == []


def zipped(data: bytes, name: str = "../../day.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def load(lake: Lake, path: Path) -> Loaded:
    [loaded] = load_files(lake, [path], progress=lambda _: None)
    return loaded


@pytest.mark.parametrize("name", ["deltaneutral_eod", "treasury_par_csv", "finra_short_volume", "index_members_csv"])
def test_a_file_in_an_archive_lands_as_it_does_outside_and_the_archive_is_kept(
    lake: Lake, tmp_path: Path, name: str
) -> None:
    plain = seeds(name)[0]
    paths = {"plain": tmp_path / "day.csv", "packed": tmp_path / "day.zip"}
    paths["plain"].write_bytes(plain)
    paths["packed"].write_bytes(zipped(plain))
    expected = look(paths["plain"], NOTHING_DECLARED, lambda _: False)
    found = look(paths["packed"], NOTHING_DECLARED, lambda _: False)
    assert expected is not None and found is not None
    assert (found.rows_in, found.rows_landed, found.session_date) == (
        expected.rows_in, expected.rows_landed, expected.session_date)  # fmt: skip
    loaded = load(lake, paths["packed"])
    assert (loaded.fate, loaded.source, loaded.rows_landed) == ("landed", name, expected.rows_landed)
    assert loaded.raw_sha256 == sha256_of(zipped(plain))
    assert lake.raw.get(loaded.raw_sha256) == zipped(plain)
    assert again(lake, name, loaded.raw_sha256) == expected.rows_landed
    assert load(lake, paths["packed"]).fate == "duplicate_bytes"
    assert load(lake, paths["plain"]).fate in ("landed", "duplicate_body")
    assert [path.name for path in tmp_path.parent.iterdir() if path.name == "day.csv"] == []


def again(lake: Lake, name: str, sha256: str) -> int:
    """The rows that a stage reads of the object."""
    if name == "treasury_par_csv":
        return len(parsed.treasury_file(lake, sha256).curves)
    if name == "deltaneutral_eod":
        return sum(page.rows.height for page in parsed.chain_pages(lake, name, sha256, None, None))
    return parsed.report_file(lake, name, sha256, None, None, None, None).rows.height


def test_archives_that_cannot_be_read_are_refused_in_one_line(lake: Lake, tmp_path: Path) -> None:
    plain = seeds("finra_short_volume")[0]
    bad = {
        "damaged": zipped(plain)[:-30],
        "unknown": zipped(b"a,b\n1,2\n"),
        "empty": zipped(b"\n"),
        "large": zipped(f"{TRADE_COLUMNS}\nderibit,BTC-PERPETUAL,1,1,1,buy,1,1\n".encode()),
    }
    reasons = {}
    for name, data in bad.items():
        (tmp_path / f"{name}.zip").write_bytes(data)
        loaded = load(lake, tmp_path / f"{name}.zip")
        assert loaded.fate == "refused" and loaded.reason
        reasons[name] = loaded.reason
        with pytest.raises(Unreadable):
            look(tmp_path / f"{name}.zip", NOTHING_DECLARED, lambda _: False)
    assert "its list is missing" in reasons["damaged"]
    assert "not the layout of any known source" in reasons["unknown"]
    assert reasons["empty"] == "the file is empty"
    assert "unpack it and load the file inside" in reasons["large"]
