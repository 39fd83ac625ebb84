"""Bundles of a coin venue give the same tables in whatever order, number of files and instalments they come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths
from tests.integration.coin_lakes import (
    all_lines,
    assert_same,
    bundles,
    derive_coins,
    facts,
    load_coins,
    tiny_market,
)

MARKET = tiny_market(days=3, visit_minutes=720)
MOMENTS = (
    datetime(2024, 6, 27, 13), datetime(2024, 6, 28, 0, 30), datetime(2024, 6, 29, 13), datetime(9999, 1, 1)
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return bundles(tmp_path_factory.mktemp("hours"), all_lines(MARKET))


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory, files: list[Path]) -> Iterator[Lake]:
    with opened(Paths(tmp_path_factory.mktemp("in order") / "data")) as lake:
        load_coins(lake, files)
        derive_coins(lake)
        yield lake


@pytest.mark.parametrize("seed", range(2))
def test_whatever_the_order_and_the_instalments_every_moment_looks_the_same(
    lake: Lake, files: list[Path], in_order: Lake, seed: int
) -> None:
    shuffled = random.Random(seed).sample(files, len(files))
    for instalment in range(2):
        load_coins(lake, shuffled[instalment::2])
        derive_coins(lake)
    for moment in MOMENTS:
        assert_same(facts(lake, moment), facts(in_order, moment))


def test_files_that_come_twice_add_nothing(in_order: Lake, files: list[Path]) -> None:
    assert {one.fate for one in load_coins(in_order, files)} == {"duplicate_bytes"}
    assert derive_coins(in_order) == 0


def test_one_archive_says_what_its_pieces_say_and_nothing_more_beside_them(
    lake: Lake, files: list[Path], in_order: Lake, tmp_path: Path
) -> None:
    load_coins(lake, bundles(tmp_path / "all", all_lines(MARKET), "%Y"))
    derive_coins(lake)
    assert_same(facts(lake), facts(in_order))
    load_coins(lake, [*files[::2], *bundles(tmp_path / "days", all_lines(MARKET), "%Y-%m-%d")])
    derive_coins(lake)
    assert_same(facts(lake), facts(in_order))


def test_what_lies_ahead_is_left_and_made_up_for_later(lake: Lake, files: list[Path], in_order: Lake) -> None:
    until = datetime(2024, 6, 28, 13)
    load_coins(lake, files)
    derive_coins(lake, until)
    assert_same(facts(lake), facts(in_order, until))
    assert max(version.known_at for version in lake.catalogue.versions(["chains"])) <= until
    derive_coins(lake)
    assert_same(facts(lake), facts(in_order))
