"""The operator asks for American quotes to be read as such: what is computed again, and what is not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from models.conventions import EARLY_EXERCISE_FROM_YEARS, METHOD_VERSIONS, de_americanised_version
from pipelines.lake.store import Lake
from pipelines.upkeep.health_of_feeds import old_methods
from pipelines.upkeep.lineage import lineage
from tests.integration.spine import NOW, current, derive, land, refusals

ASKED = '[surface]\namerican = "de_americanised"\n'
CHOSEN = {stage: de_americanised_version(stage) for stage in ("marks", "surface")}


@pytest.fixture
def two(lake: Lake, market: list[Path]) -> Lake:
    """A page of an index and one of its ETF, computed as they come."""
    land(lake, [p for p in market if "quotedata_2024-06-17" in p.name or "treasury" in p.name])
    assert refusals(derive(lake)) == []
    return lake


def ask(lake: Lake, text: str) -> None:
    (lake.paths.root / "dealerflow.toml").write_text(text)


def sources(lake: Lake) -> dict[str, set[str]]:
    options = current(lake, "option_snapshots")
    return {part: set(options.filter(pl.col("part") == part)["iv_source"]) for part in ("SPX", "SPY")}


def test_asking_computes_american_underlyings_again_and_no_others(two: Lake) -> None:
    assert "solved_mid" in sources(two)["SPY"]
    index_before = current(two, "option_snapshots").filter(pl.col("part") == "SPX")
    ask(two, ASKED)
    assert [finding.severity for finding in old_methods(two, NOW)] == ["wrong"]
    reports = derive(two)
    written = [version for report in reports for version in report.written]
    assert {version.key.part for version in written} == {"SPY"}
    assert {"snapshot_marks", "expiry_forwards", "option_snapshots", "key_levels"} <= {v.table for v in written}
    spy = current(two, "option_snapshots").filter(pl.col("part") == "SPY")
    is_far = pl.col("t_years") >= EARLY_EXERCISE_FROM_YEARS
    far, last_days = (set(spy.filter(chosen)["iv_source"]) for chosen in (is_far, ~is_far))
    assert "solved_american" in far and "solved_mid" not in far
    assert "solved_mid" in last_days and "solved_american" not in last_days
    assert "solved_american" not in sources(two)["SPX"]
    assert current(two, "option_snapshots").filter(pl.col("part") == "SPX").equals(index_before)
    assert list(old_methods(two, NOW)) == []
    assert all(report.written == [] for report in derive(two))


def test_every_version_says_by_which_method_it_was_made(two: Lake) -> None:
    ask(two, ASKED)
    derive(two)
    rows = two.catalogue.rows("select stage, part, v, method_version from partition_versions order by v")
    by_last = {(row["stage"], row["part"]): row["method_version"] for row in rows}
    for stage, version in CHOSEN.items():
        assert by_last[stage, "SPY"] == version
        assert by_last[stage, "SPX"] == METHOD_VERSIONS[stage]
    session = str(current(two, "option_snapshots")["session_date"][0])
    (version,) = lineage(two, "option_snapshots", ["SPY", session]).made_of
    assert version.facts["method_version"] == CHOSEN["surface"]


def test_taking_it_back_gives_the_same_bytes_as_before(two: Lake) -> None:
    before = {v.table: v.output_sha256 for v in two.catalogue.versions(["option_snapshots", "key_levels"])}
    ask(two, ASKED)
    derive(two)
    ask(two, "")
    derive(two)
    latest = {v.table: v.output_sha256 for v in two.catalogue.versions(["option_snapshots", "key_levels"])}
    assert latest == before
