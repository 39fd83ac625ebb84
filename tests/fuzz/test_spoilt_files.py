"""Spoilt files of every parser: those that once broke something, and some new ones each time the parser changes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipelines import sources
from pipelines.sources import archive
from tests.fuzz.parsers import CORPUS, NAMES, READER_OF_MAPPINGS, SEEDS, Case, cases, examples, outcome

_DECLARED_LAYOUTS = {*(name for name in NAMES if name.startswith("mapped_")), READER_OF_MAPPINGS}


def broken(name: str, numbers: range) -> list[tuple[int, str]]:
    """The examples that fail, by their number."""
    found = zip(numbers, (outcome(name, case) for case in examples(name, numbers)), strict=False)
    return [(number, one.failure) for number, one in found if one.failure is not None]


@pytest.mark.parametrize("name", NAMES)
def test_every_parser_has_seeds_and_reads_them(name: str) -> None:
    seeds = cases(SEEDS / name)
    assert seeds, f"put a small made-up file that {name} reads into tests/fuzz/seeds/{name}/"
    for seed in seeds:
        assert (outcome(name, seed).is_read, outcome(name, seed).failure) == (True, None)
        if name not in _DECLARED_LAYOUTS:
            found = sources.recognise(archive.content(seed.data))
            assert found is not None and name == found.NAME


def test_nothing_lies_there_for_a_parser_that_is_gone() -> None:
    there = {folder.name for root in (SEEDS, CORPUS) for folder in root.iterdir()}
    assert there <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_once_broke_a_parser_breaks_it_no_more(name: str) -> None:
    assert [one.failure for case in cases(CORPUS / name) if (one := outcome(name, case)).failure] == []


@pytest.mark.parametrize("name", NAMES)
def test_spoilt_files_are_refused_or_accounted_for(name: str) -> None:
    assert broken(name, range(100)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_five_hundred_more_are_refused_or_accounted_for(name: str) -> None:
    assert broken(name, range(100, 600)) == []


def test_the_same_number_makes_the_same_file_and_another_one_another() -> None:
    first, again, other = (
        list(examples("treasury_par_csv", numbers)) for numbers in (range(50), range(50), range(50, 100))
    )
    assert first == again and first != other
    assert len({case.data for case in first}) > 40


def test_a_fault_of_a_parser_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The net itself: rows that are lost, and errors that nobody foresaw."""
    seed = cases(SEEDS / "cboe_index_csv")[0]
    module = next(source for source in sources.BAR_SOURCES if source.NAME == "cboe_index_csv")
    whole = module.bars

    def lossy(data: bytes, declared: object) -> object:
        found = whole(data, declared)
        return type(found)(found.bars.head(1), found.rejected, found.rows_in, found.rows_duplicate)

    monkeypatch.setattr(module, "bars", lossy)
    assert outcome("cboe_index_csv", seed).failure == "Broken: rows are lost or counted twice"
    monkeypatch.setattr(module, "bars", lambda data, declared: {}[data])
    failure = outcome("cboe_index_csv", Case(b"")).failure
    assert failure is not None and failure.startswith("KeyError")


_PEAK = """
import resource
from tests.fuzz.parsers import NAMES, examples, outcome
def read(numbers):
    for name in NAMES:
        for case in examples(name, numbers):
            outcome(name, case)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = read(range(20))
print(read(range(20, 80)) - before)
"""


def test_thousands_of_small_files_take_no_more_memory_than_hundreds() -> None:
    told = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, text=True, check=True, timeout=300)
    assert int(told.stdout) < 150 * 2**20
