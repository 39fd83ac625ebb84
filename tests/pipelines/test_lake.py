"""The lake's laws on a toy stage: numbers in raw objects, their sum as the partition."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.lake import derive, partitions
from pipelines.lake.catalogue import PartitionKey, Refusal, Sighting
from pipelines.lake.crew import Crew
from pipelines.lake.derive import Replay
from pipelines.lake.gates import GateRefused, check_conservation, check_frame
from pipelines.lake.raw import RawStore, Sidecar
from pipelines.lake.stage import Earlier, Inputs, Output, Stage
from pipelines.lake.store import Lake, opened
from pipelines.lake.turn import LakeBusy
from pipelines.settings import Paths
from pipelines.tables.declare import DAY, NUMBER, TEXT, Column, Table

MONDAY, TUESDAY, WEDNESDAY = date(2024, 6, 17), date(2024, 6, 18), date(2024, 6, 20)
EARLY, LATE, LATER = datetime(2024, 6, 17, 21), datetime(2024, 6, 18, 12), datetime(2024, 6, 19, 12)


def table(name: str) -> Table:
    columns = (Column("name", TEXT, "", ""), Column("amount", NUMBER, "", ""))
    return Table(name, "toy", "name", "", ("name",), columns, frozenset())


@pytest.fixture(autouse=True)
def toy_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (derive, partitions):
        monkeypatch.setattr(module, "TABLES", {name: table(name) for name in ("sums", "running", "before")})


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path)) as opened_lake:
        yield opened_lake


def see(lake: Lake, content: str, known_at: datetime, session: date = MONDAY, part: str = "ABC", **other: str) -> None:
    sha256 = lake.raw.put(content.encode(), Sidecar("toy", f"{content}.txt"))
    with lake.catalogue.transaction():
        if not lake.catalogue.has_raw(sha256):
            lake.catalogue.add_raw(sha256, {"source": "toy", "original_name": content, "size_bytes": len(content)})
        key = PartitionKey("us", session, part)
        identity = other.get("identity", content)
        lake.catalogue.add_sighting(Sighting("toy", key, identity, sha256, known_at, "header_clock", "{}"))


def frame(amount: float) -> pl.DataFrame:
    return pl.DataFrame({"name": ["all"], "amount": [amount]}, schema=table("sums").schema())


def sum_up(inputs: Inputs) -> Output:
    """The newest object's number stands."""
    text = inputs.lake.raw.get(inputs.sightings[-1].raw_sha256).decode().partition(":")[0]
    if text == "bad":
        raise GateRefused("toy_gate", "bad number")
    return Output({"sums": frame(float(text))}, {"rows": {"in": 1, "out": 1}})


def run_on(inputs: Inputs) -> Output:
    """This date's sum plus the running total of the date before."""
    before = [inputs.lake.read(v)["amount"][0] for v in inputs.earlier["running"]]
    return Output({"running": frame(inputs.read("sums")["amount"][0] + sum(before))})


def look_back(inputs: Inputs) -> Output:
    """The number that the date before was last seen with."""
    texts = [inputs.lake.raw.get(sighting.raw_sha256).decode() for sighting in inputs.earlier_sightings]
    return Output({"before": frame(float(texts[-1]) if texts else 0.0)})


SUMS = Stage("sums", "1", ("sums",), sum_up, sources=("toy",))
RUNNING = Stage("running", "1", ("running",), run_on, same=("sums",), earlier=(Earlier("running", 1),))
LOOKING_BACK = Stage("looking_back", "1", ("before",), look_back, sources=("toy",), earlier_sighting_dates=1)


def run(lake: Lake, *stages: Stage) -> list[derive.StageReport]:
    reports = []
    with Crew(2) as crew:
        for stage in stages:
            replay = Replay(lake, stage, "us")
            reports.append(replay.run(replay.partitions(), crew, lambda: None))
    return reports


def as_known(lake: Lake, table_name: str, known_at: datetime, session: date = MONDAY) -> float | None:
    versions = [
        v for v in lake.catalogue.versions([table_name]) if v.key.session_date == session and v.known_at <= known_at
    ]
    newest = max(versions, key=lambda v: v.rank, default=None)
    return None if newest is None or not newest.row_count else lake.read(newest)["amount"][0]


def test_a_second_run_makes_no_version_and_computes_nothing(lake: Lake) -> None:
    see(lake, "1", EARLY)
    assert len(run(lake, SUMS)[0].written) == 1
    again = run(lake, SUMS)[0]
    assert (again.written, again.unchanged) == ([], 0)


def test_each_moment_of_knowledge_is_one_version_and_older_knowledge_stays_readable(lake: Lake) -> None:
    see(lake, "1", EARLY)
    see(lake, "2", LATE)
    run(lake, SUMS)
    assert [as_known(lake, "sums", at) for at in (datetime(2024, 1, 1), EARLY, LATE)] == [None, 1.0, 2.0]


@pytest.mark.parametrize("order", list(permutations([("1", EARLY), ("2", LATE), ("3", LATER)])))
def test_the_order_of_loading_does_not_change_what_was_known_when(lake: Lake, order: tuple[Any, ...]) -> None:
    for content, known_at in order:
        see(lake, content, known_at)
        run(lake, SUMS, RUNNING)
    for name in ("sums", "running"):
        assert [as_known(lake, name, at) for at in (EARLY, LATE, LATER)] == [1.0, 2.0, 3.0]


def test_the_same_content_under_two_clocks_counts_once_at_the_earliest(lake: Lake) -> None:
    see(lake, "7:late copy", LATE, identity="seven")
    run(lake, SUMS)
    see(lake, "7:first copy", EARLY, identity="seven")
    run(lake, SUMS)
    assert as_known(lake, "sums", EARLY) == 7.0
    assert len(lake.catalogue.sightings(["toy"], "us")) == 1


def test_content_that_moves_to_another_session_leaves_an_empty_version_behind(lake: Lake) -> None:
    see(lake, "7:late copy", LATE, TUESDAY, identity="seven")
    run(lake, SUMS, RUNNING)
    see(lake, "7:first copy", EARLY, MONDAY, identity="seven")
    run(lake, SUMS, RUNNING)
    assert [as_known(lake, name, LATER, TUESDAY) for name in ("sums", "running")] == [None, None]
    assert as_known(lake, "running", LATER, MONDAY) == 7.0


def test_a_restatement_is_carried_through_later_sessions_as_of_when_it_was_known(lake: Lake) -> None:
    for content, session, known_at in (("1", MONDAY, EARLY), ("10", TUESDAY, LATE), ("100", WEDNESDAY, LATER)):
        see(lake, content, known_at, session)
    run(lake, SUMS, RUNNING)
    see(lake, "2", datetime(2024, 6, 25), MONDAY)
    run(lake, SUMS, RUNNING)
    assert as_known(lake, "running", datetime(2024, 6, 24), WEDNESDAY) == 111.0
    assert as_known(lake, "running", datetime(2024, 6, 26), WEDNESDAY) == 112.0


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_session_found_late_leaves_what_was_known_before_it_as_if_it_came_in_time(
    lake: Lake, order: tuple[int, ...]
) -> None:
    """While Tuesday is not known Wednesday rests on Monday, also on what Monday is restated to meanwhile."""
    moments = [datetime(2024, 6, day, 12) for day in (18, 21, 22, 23)]
    seen = [("1", MONDAY), ("100", WEDNESDAY), ("2", MONDAY), ("10", TUESDAY)]
    for place in order:
        content, session = seen[place]
        see(lake, content, moments[place], session)
        run(lake, SUMS, RUNNING, LOOKING_BACK)
    assert [as_known(lake, "running", at, WEDNESDAY) for at in moments] == [None, 101.0, 102.0, 112.0]
    assert [as_known(lake, "before", at, WEDNESDAY) for at in moments] == [None, 1.0, 2.0, 10.0]


def test_a_changed_method_reruns_but_an_identical_result_makes_no_version(lake: Lake) -> None:
    see(lake, "1", EARLY)
    run(lake, SUMS)
    report = run(lake, Stage("sums", "2", ("sums",), sum_up, sources=("toy",)))[0]
    assert (report.written, report.unchanged) == ([], 1)


def test_a_refused_partition_is_recorded_and_the_others_go_on(lake: Lake) -> None:
    see(lake, "bad", EARLY)
    see(lake, "5", EARLY, part="XYZ")
    report = run(lake, SUMS)[0]
    assert [(key.part, refusal) for key, refusal in report.refused] == [("ABC", Refusal("toy_gate", "bad number"))]
    assert len(report.written) == 1
    assert lake.catalogue.rows("select part, gate from refusals") == [{"part": "ABC", "gate": "toy_gate"}]
    assert run(lake, SUMS)[0].refused == []  # the same inputs are not tried again


def test_an_unforeseen_error_stops_one_partition_and_is_tried_again(lake: Lake) -> None:
    see(lake, "no number", EARLY)
    see(lake, "5", EARLY, part="XYZ")
    for _ in range(2):
        report = run(lake, SUMS)[0]
        assert [refusal.gate for _, refusal in report.refused] == ["error"]


def test_a_refusal_disappears_once_its_partition_is_mended(lake: Lake) -> None:
    see(lake, "bad", EARLY)
    run(lake, SUMS)
    assert len(lake.catalogue.rows("select * from refusals")) == 1
    mended = replace(SUMS, method_version="2", compute=lambda inputs: Output({"sums": frame(4.0)}))
    run(lake, mended)
    assert lake.catalogue.rows("select * from refusals") == []
    assert as_known(lake, "sums", EARLY) == 4.0


def test_files_are_the_same_bytes_wherever_they_are_made(tmp_path: Path) -> None:
    hashes = []
    for name in ("one", "two"):
        with opened(Paths(tmp_path / name)) as other:
            see(other, "1", EARLY)
            run(other, SUMS)
            paths = [other.paths.lake / version.path for version in other.catalogue.versions(["sums"])]
            hashes.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths})
    assert hashes[0] == hashes[1]


def test_an_old_file_reads_null_in_a_column_added_since(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    see(lake, "1", EARLY)
    run(lake, SUMS)
    old = table("sums")
    wider = Table(
        "sums",
        "toy",
        "name",
        "",
        ("name",),
        (*old.columns, Column("since_date", DAY, "", "")),
        frozenset({"since_date"}),
    )
    monkeypatch.setattr(partitions, "TABLES", {"sums": wider})
    assert lake.read(lake.catalogue.versions(["sums"])[0])["since_date"].to_list() == [None]


def test_only_one_writer_is_let_in(lake: Lake) -> None:
    with opened(lake.paths) as other, lake.writing(), pytest.raises(LakeBusy), other.writing(patience_seconds=0):
        pass


@pytest.mark.parametrize("part", ["../up", "a/b", "", "x" * 40, "a b", ".hidden"])
def test_no_name_from_a_file_becomes_a_path(part: str) -> None:
    with pytest.raises(ValueError, match="cannot name a partition"):
        partitions.relative_path("sums", PartitionKey("us", MONDAY, part), 1)


def test_the_first_sighting_of_the_same_bytes_keeps_its_sidecar(tmp_path: Path) -> None:
    store = RawStore(tmp_path)
    sha256 = store.put(b"bytes", Sidecar("toy", "first.csv"))
    assert store.put(b"bytes", Sidecar("toy", "second.csv")) == sha256
    assert store.sidecar(sha256).original_name == "first.csv"
    assert store.get(sha256) == b"bytes"


BROKEN: list[tuple[str, Callable[[pl.DataFrame], pl.DataFrame]]] = [
    ("schema", lambda f: f.with_columns(pl.col("amount").cast(pl.Float32))),
    ("schema", lambda f: f.with_columns(extra=pl.lit(1))),
    ("not_null", lambda f: f.with_columns(amount=pl.lit(None, dtype=pl.Float64))),
    ("finite", lambda f: f.with_columns(amount=pl.lit(float("nan")))),
    ("finite", lambda f: f.with_columns(amount=pl.lit(float("inf")))),
    ("key", lambda f: pl.concat([f, f])),
]


@pytest.mark.parametrize(("gate", "spoil"), BROKEN)
def test_every_kind_of_broken_frame_is_refused_by_its_gate(
    gate: str, spoil: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    check_frame(table("sums"), frame(1.0))
    with pytest.raises(GateRefused) as caught:
        check_frame(table("sums"), spoil(frame(1.0)))
    assert caught.value.gate == gate


def test_rows_that_vanish_are_refused() -> None:
    check_conservation({"rows": {"in": 3, "out": 2, "expired": 1}})
    with pytest.raises(GateRefused, match="rows do not balance: in 3, out 2"):
        check_conservation({"rows": {"in": 3, "out": 2}})
