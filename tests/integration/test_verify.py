"""What was changed, lost or forged is found and named; what killed runs leave behind is no fault."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.lake.store import Lake
from pipelines.upkeep.verify import Fault, verify


def flip(path: Path, place: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def a_page(lake: Lake) -> tuple[str, Path]:
    """The name of a landed page and its object."""
    row = lake.catalogue.rows("select * from raw_objects where original_name like '%2024-06-17%'")[0]
    return row["original_name"], lake.paths.raw / row["sha256"][:2] / row["sha256"]


def a_partition(lake: Lake, table: str = "key_levels") -> Path:
    return lake.paths.lake / table / "market=us" / "session_date=2024-06-17" / "part=SPY" / "v=1.parquet"


def test_a_whole_lake_is_found_whole(kept: Lake) -> None:
    seen: list[tuple[int, int]] = []
    done = verify(kept, lambda *progress: seen.append(progress))
    assert (done.faults, done.notes, done.leftovers, done.pruned) == ((), (), (), 0)
    assert done.raw_objects == len(kept.catalogue.rows("select * from raw_objects"))
    assert done.partitions == len(kept.catalogue.versions_of_all_tables())
    assert seen[-1] == (done.raw_objects + done.partitions,) * 2


def test_a_flipped_byte_is_found_and_named_wherever_it_is(kept: Lake) -> None:
    name, page = a_page(kept)
    flip(page)
    flip(a_partition(kept))
    changed, other = verify(kept).faults
    assert (changed.wrong, other.wrong) == ("changed", "changed")
    assert changed.what == f"raw object of {name} (cboe_quotedata_csv)"
    assert changed.path == f"raw/{page.name[:2]}/{page.name}"
    assert other.what == "key_levels us 2024-06-17 SPY v1"
    assert other.path == "lake/key_levels/market=us/session_date=2024-06-17/part=SPY/v=1.parquet"


def test_missing_files_are_named(kept: Lake) -> None:
    name, page = a_page(kept)
    page.unlink()
    a_partition(kept, "chains").unlink()
    page.with_suffix(".json").unlink()
    told = [(fault.wrong, fault.what) for fault in verify(kept).faults]
    assert told == [
        ("missing", f"raw object of {name} (cboe_quotedata_csv)"),
        ("missing", f"sidecar of the raw object of {name} (cboe_quotedata_csv)"),
        ("missing", "chains us 2024-06-17 SPY v1"),
    ]


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda text: text.replace("simulated", "forged"), "changed"),
        (lambda text: text[:20], "unreadable"),
        (lambda text: '{"an": "other"}', "unreadable"),
    ],
)
def test_a_sidecar_says_what_the_catalogue_says(kept: Lake, spoil: Callable[[str], str], wrong: str) -> None:
    name, page = a_page(kept)
    sidecar = page.with_suffix(".json")
    sidecar.write_text(spoil(sidecar.read_text()))
    (fault,) = verify(kept).faults
    assert fault == Fault(
        wrong, f"sidecar of the raw object of {name} (cboe_quotedata_csv)", f"raw/{page.name[:2]}/{page.name}.json"
    )


def test_files_that_no_row_knows_are_listed_and_are_no_fault(kept: Lake) -> None:
    place = a_partition(kept)
    (place.parent / "v=9.parquet").write_bytes(b"never committed")
    (place.parent / ".v=10.parquet.tmp").write_bytes(b"torn")
    unlanded = "ab" * 32
    folder = kept.paths.raw / "ab"
    folder.mkdir(exist_ok=True)
    (folder / unlanded).write_bytes(b"refused")
    (folder / f"{unlanded}.json").write_text("{}")
    done = verify(kept)
    assert done.faults == ()
    part = place.parent.relative_to(kept.paths.root)
    assert done.leftovers == (f"{part}/.v=10.parquet.tmp", f"{part}/v=9.parquet", f"raw/ab/{unlanded}")


def test_a_lost_mapping_is_missed(kept: Lake) -> None:
    with sqlite3.connect(kept.paths.catalogue) as other:
        other.execute("update sightings set detail = json_set(detail, '$.mapping', ?)", ["cd" * 32])
    told = {(fault.wrong, fault.path) for fault in verify(kept).faults}
    assert told == {("missing", f"raw/cd/{'cd' * 32}"), ("missing", f"raw/cd/{'cd' * 32}.json")}


def test_a_row_added_to_the_served_file_is_found(kept: Lake) -> None:
    with duckdb.connect(str(kept.paths.warehouse)) as connection:
        connection.execute("insert into key_levels select * from key_levels limit 1")
    (fault,) = verify(kept).faults
    assert fault.what.startswith("the served file's rows of key_levels us 2024-06-1")
    assert fault.path == "warehouse/dealerflow.duckdb"


def test_a_served_file_that_cannot_be_opened_is_named(kept: Lake) -> None:
    kept.paths.warehouse.write_bytes(b"no database")
    (fault,) = verify(kept).faults
    assert (fault.wrong, fault.path) == ("unreadable", "warehouse/dealerflow.duckdb")


def test_a_forged_export_is_found_and_one_that_lags_is_only_noted(kept: Lake) -> None:
    export = kept.paths.exports / "partition_versions.parquet"
    rows = pl.read_parquet(export)
    rows.head(5).write_parquet(export)
    lagging = verify(kept)
    assert lagging.faults == ()
    assert [note.split(":")[0] for note in lagging.notes] == [
        "the exports are behind the catalogue, as after a killed run", "the served file is behind the lake",
    ]  # fmt: skip
    rows.with_columns(output_sha256=pl.lit("forged")).write_parquet(export)
    assert len(verify(kept).faults) == rows.height


def test_while_another_process_writes_what_it_has_not_finished_is_not_judged(kept: Lake) -> None:
    (kept.paths.exports / "partition_versions.parquet").unlink()
    with kept.writing():
        done = verify(kept)
    assert done.faults == ()
    assert "another process is writing" in done.notes[0]


def test_the_command_exits_1_when_something_is_wrong(kept: Lake) -> None:
    environment = {"DEALERFLOW_DATA": str(kept.paths.root)}
    clean = CliRunner().invoke(app, ["verify"], env=environment)
    assert clean.exit_code == 0, clean.output
    assert "all as the catalogue says" in clean.output
    flip(a_partition(kept))
    wrong = CliRunner().invoke(app, ["verify"], env=environment)
    assert wrong.exit_code == 1
    assert "key_levels us 2024-06-17 SPY v1" in wrong.output
    as_json = CliRunner().invoke(app, ["verify", "--format", "json"], env=environment)
    assert json.loads(as_json.output)["faults"][0]["wrong"] == "changed"
