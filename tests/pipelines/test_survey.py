"""What a backfill finds out before it lands anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines.daily.backfill import planned
from pipelines.daily.gap_ledger import Gap
from pipelines.daily.survey import Found, batches, chain_sessions, survey, would_fill
from pipelines.lake.store import Lake, opened
from pipelines.load import load_files
from pipelines.settings import Paths
from pipelines.sources.page import NOTHING_DECLARED, Declared
from tests.archive_files import archive, archive_file

DAYS = [date(2024, 6, day) for day in (10, 11, 12, 13, 14)]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


def found(name: str, *days: date, source: str = "deltaneutral_eod") -> Found:
    return Found(Path(name), source=source, places=tuple(("us", "ABC", day) for day in days))


def look(lake: Lake, files: list[Path], declared: Declared = NOTHING_DECLARED) -> list[Found]:
    return list(survey(lake, files, declared))


def test_files_are_told_apart_by_what_they_hold(lake: Lake, tmp_path: Path) -> None:
    chain = archive_file(tmp_path, DAYS[:2], "any name.txt")
    junk = tmp_path / "junk.csv"
    junk.write_text("a,b\n1,2\n")
    seen = look(lake, [chain, junk])
    assert seen[0].sessions == DAYS[:2]
    assert seen[0].is_chain
    assert seen[1].reason is not None
    assert "layout" in seen[1].reason
    assert lake.catalogue.rows("select * from raw_objects") == []
    assert lake.catalogue.rows("select * from load_ledger") == []


def test_what_was_landed_is_known_by_its_bytes_and_not_read_again(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = archive(tmp_path, DAYS[:2])
    list(load_files(lake, files[:1], progress=lambda _: None))
    renamed = files[0].rename(tmp_path / "renamed")
    assert [one.is_landed for one in look(lake, [renamed, files[1]])] == [True, False]
    monkeypatch.setattr("pipelines.load._recognise", None)
    assert look(lake, [renamed])[0].is_landed


def test_a_file_that_is_declared_otherwise_now_is_read_again(lake: Lake, tmp_path: Path) -> None:
    files = archive(tmp_path, DAYS[:1])
    list(load_files(lake, files, progress=lambda _: None))
    assert not look(lake, files, Declared(underlying="XYZ"))[0].is_landed


def test_batches_follow_the_sessions_and_hold_no_more_than_asked() -> None:
    cut = batches([found(f"{day}", day) for day in reversed(DAYS)], 2)
    assert [chain_sessions(batch) for batch in cut] == [DAYS[:2], DAYS[2:4], DAYS[4:]]


def test_files_of_one_session_stay_together_and_curves_go_first() -> None:
    curves = found("curves", *DAYS, source="treasury_par_csv")
    cut = batches([found("b", DAYS[0]), found("a", DAYS[0]), curves, found("c", DAYS[1])], 1)
    assert [[one.name for one in batch] for batch in cut] == [["curves", "a", "b"], ["c"]]


def test_a_file_of_many_sessions_is_a_batch_of_its_own() -> None:
    cut = batches([found("year", *DAYS), found("later", date(2024, 6, 17))], 2)
    assert [len(batch) for batch in cut] == [1, 1]


def test_a_plan_leaves_out_what_lies_outside_the_range() -> None:
    plan = planned([found("a", DAYS[0]), found("b", DAYS[1], DAYS[3]), found("c", DAYS[4])], DAYS[1], DAYS[2])
    assert [one.name for one in plan.wanted] == ["b"]
    assert [one.name for one in plan.outside] == ["a", "c"]


def test_only_open_gaps_of_the_same_part_and_session_would_be_filled() -> None:
    due = datetime(2024, 7, 1)
    gaps = [
        Gap("cboe_delayed_json", "ABC", DAYS[0], due, "missing", None),
        Gap("cboe_delayed_json", "XYZ", DAYS[0], due, "missing", None),
        Gap("deltaneutral_eod", "ABC", DAYS[1], due, "filled", "by mapped_chain"),
    ]
    assert would_fill(gaps, [found("a", *DAYS)]) == gaps[:1]
