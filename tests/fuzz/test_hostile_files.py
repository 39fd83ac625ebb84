"""Files that were made to do harm: each is refused with one line, in bounded memory and time, and the others land."""

from __future__ import annotations

import io
import os
import stat
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.settings import PROJECT
from pipelines.sources.mapping import read_mapping
from pipelines.sources.page import Unreadable
from tests.fuzz.parsers import SEEDS

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="nothing tells how much memory was taken"
)

MB = 2**20
GOOD = (SEEDS / "treasury_par_csv" / "old.csv").read_bytes()
HELD = 256 * MB  # what a file may have, and what one in an archive may
PROGRAM = 300 * MB  # what the program takes for itself
_LOAD = """
import atexit, os, pathlib, re
def tell():
    (peak,) = re.findall(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())
    pathlib.Path(os.environ["PEAK"]).write_text(peak)
atexit.register(tell)
from pipelines.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Told:
    code: int
    lines: list[str]
    errors: list[str]
    peak_bytes: int
    seconds: float


def load(folder: Path, *words: str | Path) -> Told:
    """`dealerflow load` by itself, into a lake in the folder."""
    environment = os.environ | {"DEALERFLOW_DATA": str(folder / "data"), "PEAK": str(folder / "peak")}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, "load", "--land-only", *map(str, words)],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    peak = 1024 * int((folder / "peak").read_text())
    return Told(
        done.returncode, done.stdout.split("\n")[:-1], done.stderr.splitlines(), peak, time.monotonic() - started
    )


def refused(folder: Path, *hostile: Path, most_bytes: int = PROGRAM) -> list[str]:
    """What is told of each file. They are loaded before a good one, which lands; nothing is written but in the lake."""
    good = folder / "good.csv"
    good.write_bytes(GOOD)
    there = {path for path in folder.rglob("*") if folder / "data" not in path.parents}
    told = load(folder, *hostile, good)
    for path in hostile:
        if path.is_file() and path.stat().st_size > 100 * MB:
            path.unlink()  # else they stay as long as pytest keeps folders
            there.discard(path)
    assert (told.code, told.errors) == (1, [])
    assert told.peak_bytes < most_bytes, f"{told.peak_bytes >> 20} MiB"
    assert told.seconds < 30 * (1 + len(hostile))
    now = {path for path in folder.rglob("*") if folder / "data" not in path.parents}
    assert now - there <= {folder / "data", folder / "peak"}
    heading, *lines, landed, count = told.lines
    assert heading.split()[:2] == ["file", "fate"] and landed.split()[:2] == ["good.csv", "landed"]
    assert count == f"Files: {len(lines)} refused, 1 landed."
    assert all(line.isprintable() and "refused" in line and "error:" not in line for line in lines)
    return lines


def written(folder: Path, **files: bytes) -> list[Path]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def bomb(pieces: int) -> bytes:
    """An archive of one line of so many times 64 MiB, which claims to hold ten bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = packer.compress(b"1" * (64 * MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    inside, name = piece * pieces + packer.flush(), b"a"
    sizes = struct.pack("<III", 0, len(inside), 10)
    head = struct.pack("<4s5H", b"PK\3\4", 20, 0, 8, 0, 0) + sizes + struct.pack("<2H", 1, 0) + name
    listed = (
        struct.pack("<4s6H", b"PK\1\2", 20, 20, 0, 8, 0, 0) + sizes + struct.pack("<5H2I", 1, 0, 0, 0, 0, 0, 0) + name
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(listed), len(head) + len(inside), 0)
    return head + inside + listed + end


def test_ten_gigabytes_on_disk_are_refused_by_their_size_and_not_read(tmp_path: Path) -> None:
    heads = [b"", (SEEDS / "tardis_chain" / "chain.csv").read_bytes(), b"PK\3\4", b'{"data": {"options": [', b"PAR1"]
    paths = written(tmp_path, **{f"hostile{place}": head for place, head in enumerate(heads)})
    for path in paths:
        os.truncate(path, 10 * 2**30)
    lines = refused(tmp_path, *paths)
    assert all("larger than" in line for line in lines) and len(lines) == len(paths)


def test_ten_gigabytes_in_an_archive_are_refused_once_they_are_too_many(tmp_path: Path) -> None:
    data = bomb(160)
    paths = written(tmp_path, plain=data, nested=zipped(("inner.zip", data)))
    assert all("larger than 256 MiB" in line for line in refused(tmp_path, *paths, most_bytes=PROGRAM + 2 * HELD))


def test_no_name_in_an_archive_touches_the_disk_and_no_link_in_one_is_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.csv")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    away = Path(tempfile.gettempdir()) / f"escaped-{os.getpid()}.csv"
    names = ["../../escaped.csv", str(away), "..\\escaped.csv", "a/../../escaped.csv", "\x1b[2J\n"]
    nested = GOOD
    for _ in range(40):
        nested = zipped(("a", nested))
    one = {f"one{place}": zipped((name, b"no layout\n")) for place, name in enumerate(names)}
    two = {f"two{place}": zipped((name, GOOD), ("other", GOOD)) for place, name in enumerate(names)}
    paths = written(tmp_path, **one, **two, link=zipped((link, b"/etc/passwd")), nested=nested)
    lines = refused(tmp_path, *paths)
    assert ["not the layout" in line for line in lines] == [True] * 5 + [False] * 5 + [True, False]
    assert all("a zip archive of 2 files" in line for line in lines[5:10])
    assert "an archive in an archive in an archive" in lines[-1]
    assert not away.exists()


def test_what_is_no_regular_file_is_not_read_and_a_name_is_shown_without_its_codes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    name = "a\nlanded\x1b[2J\x1b]0;x\x07\u202efdp.\r[red]b\x85"
    (folder / name).write_bytes(b"no layout\n")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(tmp_path / "gone")
    (folder / "zero").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    odd = [folder / "pipe", folder / "zero", Path("/dev/full")]
    named, *lines = refused(tmp_path, folder, *odd)  # of a folder only regular files
    assert named.startswith(r"a\nlanded\x1b[2J\x1b]0;x\x07\u202efdp.\r[red]b\x85")
    assert [line.split()[0] for line in lines] == ["pipe", "zero", "full"]
    assert all("not a regular file" in line for line in lines)


def beginning(data: bytes) -> bytes:
    header, end, _ = data.partition(b"\n")
    return header + end if end else data[:-1]


# How files of each layout begin, up to a cell or a text that does not end.
_HEADS = {
    "text": b"",
    "json of a chain": b'{"timestamp": "2024-06-17 18:45:00", "data": {"symbol": "ABC", "options": [',
    "json in lines": b'{"format": "deribit_responses", "version": 1}\n{"body": "',
    **{folder.name: beginning(sorted(folder.iterdir())[0].read_bytes()) for folder in sorted(SEEDS.glob("[!m]*"))},
}


@pytest.mark.slow
@pytest.mark.parametrize("head", _HEADS)
def test_a_line_of_200_megabytes_is_refused_in_bounded_memory(tmp_path: Path, head: str) -> None:
    letters = (b"1", b"[")
    paths = written(tmp_path, **{f"hostile{n}": _HEADS[head] + one * (200 * MB) for n, one in enumerate(letters)})
    refused(tmp_path, *paths, most_bytes=PROGRAM + 4 * HELD)


def test_a_line_of_200_megabytes_is_refused_whatever_it_pretends_to_be(tmp_path: Path) -> None:
    heads = ("text", "deltaneutral_eod", "json in lines", "json of a chain")
    paths = written(
        tmp_path, **{f"hostile{place}": _HEADS[head] + b"1" * (200 * MB) for place, head in enumerate(heads)}
    )
    refused(tmp_path, *paths, most_bytes=PROGRAM + 4 * HELD)


def test_a_mapping_without_an_end_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    (large,) = written(tmp_path, large=b"")
    os.truncate(large, 10 * 2**30)
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (large, "65536 bytes"),
        (tmp_path / "pipe", "regular file"),
        (Path("/dev/zero"), "regular file"),
    ):
        told = load(tmp_path, tmp_path, "--mapping", path)
        assert (told.code, told.lines) == (1, []) and told.peak_bytes < PROGRAM
        (line,) = told.errors
        assert reason in line


_BOMBS = [
    "a = " + "[" * 30_000, "a = " + "[\n" * 30_000, "a = " + "{a=" * 20_000, "a." * 30_000 + "a = 1",
    "[a" + ".a" * 30_000 + "]", "x = " + "9" * 60_000, "\n".join(f"[x{n}{'.a' * 490}]" for n in range(65)),
    "[[a]]\n" * 10_000, "x = '''" + "\n" * 60_000, '"' + "\\u0041" * 10_000 + '" = 1',
]  # fmt: skip


@pytest.mark.parametrize("body", _BOMBS, ids=range(len(_BOMBS)))
def test_a_mapping_that_is_a_bomb_is_refused_at_once(body: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(Unreadable, match=r"^mapping: "):
        read_mapping(f'kind = "bars"\n{body}')
    assert tracemalloc.get_traced_memory()[1] < 100 * MB
    tracemalloc.stop()
    assert time.process_time() - started < 10


def test_a_mapping_that_is_a_bomb_refuses_each_file_with_one_line(tmp_path: Path) -> None:
    good, mapping = written(tmp_path, good=GOOD, bomb=f'kind = "bars"\n{_BOMBS[0]}'.encode())
    told = load(tmp_path, good, "--mapping", mapping)
    assert (told.code, told.errors) == (1, []) and told.peak_bytes < PROGRAM
    assert "mapping: a line has more than" in told.lines[1] and told.lines[2] == "Files: 1 refused."
