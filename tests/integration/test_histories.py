"""Whatever came out late, twice, restated or out of order: replayed as it came out, or loaded at once in any order, the
lake says the same, and says of every moment what it said then."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths
from pipelines.tables import PUBLISHED_TABLES
from pipelines.upkeep.look_ahead import walk
from pipelines.upkeep.look_ahead_rows import walk_rows
from pipelines.upkeep.rebuild import rebuild
from pipelines.warehouse.publish import publish
from tests.integration.coin_lakes import assert_same
from tests.integration.histories import Publication, derive, exported, history, land, shown, shown_as_known

RANDOMS = st.randoms(use_true_random=False)


def replayed(lake: Lake, publications: list[Publication], *, has_chains: bool) -> list[dict[str, pl.DataFrame]]:
    """What the lake showed after each of them; nothing that it said of the past may change by it."""
    told: list[dict[str, pl.DataFrame]] = []
    before: set[str] = set()
    for place, publication in enumerate(publications):
        land(lake, [publication])
        derive(lake, has_chains=has_chains)
        versions = lake.catalogue.versions_of_all_tables()
        assert {v.known_at for v in versions if v.path not in before} <= {publication.at}, publication.name
        before = {v.path for v in versions}
        told.append(shown(lake))
        assert_same(shown(lake, publication.at), told[place])
    return told


def in_any_order(lake: Lake, publications: list[Publication], random: Random, *, has_chains: bool) -> None:
    """At once, or in instalments. Equal bytes were fetched when they were fetched first."""
    first: dict[bytes, Publication] = {}
    for publication in publications:
        first.setdefault(publication.data, publication)
    shuffled = [first[publication.data] for publication in random.sample(publications, len(publications))]
    cuts = sorted(random.sample(range(1, len(shuffled)), min(len(shuffled) - 1, random.randint(0, 2))))
    for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True):
        land(lake, shuffled[start:end])
        derive(lake, has_chains=has_chains)


def check(random: Random, *, has_chains: bool) -> None:
    publications = history(random, has_chains=has_chains)
    with TemporaryDirectory() as folder, opened(Paths(Path(folder) / "a")) as a, opened(Paths(Path(folder) / "b")) as b:
        told = replayed(a, publications, has_chains=has_chains)
        in_any_order(b, publications, random, has_chains=has_chains)
        assert_same(shown(b), shown(a))
        exported(b)
        last_at: dict[datetime, dict[str, pl.DataFrame]] = {
            publication.at: what for publication, what in zip(publications, told, strict=True)
        }
        for at, what in last_at.items():
            assert_same(shown(b, at), what)
            assert_same(shown_as_known(b, at), what)
        for lake in (a, b):
            assert [str(leak) for leak in walk(lake).leaks] == []
            assert [str(leak) for leak in walk_rows(lake, lake.catalogue.versions_of_all_tables())] == []


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RANDOMS)
def test_reports_and_curves_say_the_same_in_any_order_and_of_every_moment_what_they_said_then(random: Random) -> None:
    check(random, has_chains=False)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RANDOMS)
def test_so_do_many_more_histories(random: Random) -> None:
    check(random, has_chains=False)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RANDOMS)
def test_so_do_chains_beside_them_with_all_that_is_computed_of_them(random: Random) -> None:
    check(random, has_chains=True)


@pytest.mark.slow
def test_a_warehouse_rebuilt_as_known_is_the_one_that_was_published_then(lake: Lake, tmp_path: Path) -> None:
    publications = history(Random(5), has_chains=True)
    ends = [
        place
        for place in range(len(publications) - 1)
        if publications[place].at < publications[place + 1].at
    ]  # fmt: skip
    places = (ends[len(ends) // 3], ends[2 * len(ends) // 3])
    for place, publication in enumerate(publications):
        land(lake, [publication])
        derive(lake, has_chains=True)
        if place in places:
            exported(lake)
            publish(lake.paths)
            shutil.copyfile(lake.paths.warehouse, tmp_path / f"{place}.duckdb")
    exported(lake)
    for place in places:
        again = rebuild(lake, tmp_path / f"again {place}.duckdb", as_known=publications[place].at).file
        then = told_by(tmp_path / f"{place}.duckdb")
        assert told_by(again) == then
        assert len(then["option_snapshots"]) > 0 or place == places[0]


def told_by(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every table but the one that says when files were loaded."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return {
            name: sorted(connection.execute(f"from {name}").fetchall(), key=repr)
            for name in PUBLISHED_TABLES
            if name != "load_ledger"
        }
