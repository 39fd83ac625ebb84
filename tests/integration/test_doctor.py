"""One page that says what is wrong and what to do."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.daily.gap_ledger import settle
from pipelines.lake.store import Lake
from pipelines.settings import Paths
from pipelines.upkeep import doctor, health_of_machine, health_of_snapshots
from pipelines.upkeep.doctor import examine
from pipelines.upkeep.findings import Finding, some
from tests.integration.spine import derive, land

EVENING = datetime(2024, 6, 18, 21)  # after the close of the newest session in the lake, before anything else is due


def told(lake: Lake, severity: str, now: datetime = EVENING) -> list[str]:
    return [finding.what for finding in examine(lake.paths, now) if finding.severity == severity]


def of(findings: list[Finding], words: str) -> Finding:
    (found,) = [finding for finding in findings if words in finding.what]
    return found


def test_nothing_needs_the_operator_of_a_lake_that_is_up_to_date(kept: Lake) -> None:
    found = examine(kept.paths, EVENING)
    assert [finding for finding in found if finding.severity == "wrong"] == []
    assert "newest session 2024-06-18 of SPY" in of(found, "cboe_quotedata_csv").what
    assert "python 3." in of(found, "polars").what
    assert "lake " in of(found, " free").what


def test_a_feed_that_is_followed_and_did_not_come_is_late_and_a_gap(kept: Lake) -> None:
    (kept.paths.root / "dealerflow.toml").write_text("[follow]\ntreasury = true\n")
    days = timedelta(days=20)
    found = examine(kept.paths, EVENING + days)
    assert of(found, "missing: treasury_par_csv").do == "dealerflow fetch treasury 2024"
    assert "dealerflow fetch" in of(found, "followed and late").do
    assert not any("treasury" in what for what in told(kept, "wrong"))


def test_what_is_not_followed_only_ages(kept: Lake) -> None:
    aged = told(kept, "watch", EVENING + timedelta(days=14))
    assert any("cboe_quotedata_csv: newest session 2024-06-18 of SPY, 9 sessions ago" in what for what in aged)


def test_what_was_landed_and_not_computed_waits_for_a_run(lake: Lake, market: list[Path]) -> None:
    land(lake, [path for path in market if "spy_quotedata_2024-06-17" in path.name])
    found = examine(lake.paths, EVENING)
    assert of(found, "landed and not computed").what.endswith("from 2024-06-17")
    assert of(found, "landed and not computed").do == "dealerflow run"


def test_versions_of_an_older_method_wait_for_a_run_that_settles_them(kept: Lake) -> None:
    assert not any("older methods" in what for what in told(kept, "wrong"))
    with closing(sqlite3.connect(kept.paths.catalogue)) as catalogue, catalogue:
        of_quality = "where stage = 'quality' and session_date = '2024-06-18'"
        catalogue.execute(f"update partition_versions set method_version = '0' {of_quality}")
        catalogue.execute(f"update derivations set fingerprint = 'by method 0' {of_quality}")
    found = of(examine(kept.paths, EVENING), "1 current versions are of older methods")
    assert (found.severity, found.do) == ("wrong", "dealerflow run")
    derive(kept)  # says the same, so the old version stands
    assert not any("older methods" in what for what in told(kept, "wrong"))


def test_a_snapshot_without_a_curve_needs_one(lake: Lake, market: list[Path]) -> None:
    land(lake, [path for path in market if "spy_quotedata_2024-06-17" in path.name])
    derive(lake)
    settle(lake, EVENING)
    finding = of(examine(lake.paths, EVENING), "without a curve: SPY 2024-06-17")
    assert (finding.severity, finding.do[:24]) == ("wrong", "dealerflow fetch treasur")


def test_poor_newest_snapshots_are_named_with_what_is_poor(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, Any] = {
        "market": "us", "underlying": "SPY", "snapshot_ts": datetime(2024, 6, 18, 20), "is_partial": True,
        "partial_reason": "cut",
        "zeroed_quote_share_frac": 0.9, "open_interest_date": None, "rows_quarantined": 3, "is_discount_stale": True,
        "discount_curve_date": date(2024, 6, 3), "discount_source": "treasury",
    }  # fmt: skip
    monkeypatch.setattr(health_of_snapshots, "newest_snapshots", lambda _: [row])
    found = examine(kept.paths, EVENING)
    assert of(found, "partial newest").what.endswith("SPY 2024-06-18 20:00 (cut)")
    assert of(found, "quotes mostly zero").severity == "watch"
    assert of(found, "unknown date").severity == "watch"
    assert of(found, "rows set aside").what.endswith("(3)")
    assert of(found, "stale curve").severity == "wrong"


def test_a_refused_file_needs_the_operator_for_a_week_unless_it_is_mended(kept: Lake, tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_text("no quotes at all\n")
    land(kept, [page])
    settle(kept, EVENING)
    loaded_at = datetime.fromisoformat(kept.catalogue.rows("select max(loaded_at) as at from load_ledger")[0]["at"])
    assert of(examine(kept.paths, loaded_at), "file refused: page.csv").do == "mend or replace it, load again"
    assert any("1 old refused files" in what for what in told(kept, "watch", loaded_at + timedelta(days=8)))
    good = kept.catalogue.rows("select * from load_ledger where fate = 'landed' limit 1")[0]
    with kept.catalogue.transaction():
        kept.catalogue.add_load({**good, "load_id": None, "original_name": "page.csv", "fate": "duplicate_bytes"})
    assert not any("refused" in finding.what for finding in examine(kept.paths, loaded_at))


def test_a_refused_partition_is_named_with_its_cure(kept: Lake) -> None:
    from pipelines.lake.catalogue import PartitionKey, Refusal

    key = PartitionKey("us", date(2024, 6, 18), "SPY")
    refusal = Refusal("header_clock_contradicted", "volatilities are 3 days off")
    with kept.catalogue.transaction():
        kept.catalogue.record_derivation("landing", key, EVENING, "", "refused", [refusal])
    found = of(examine(kept.paths, EVENING), "landing refused SPY 2024-06-18: header_clock_contradicted")
    assert "--session" in found.do


def test_what_is_behind_the_catalogue_is_brought_up_by_a_run(kept: Lake) -> None:
    shutil.copyfile(kept.paths.warehouse, kept.paths.root / "copy")
    kept.paths.warehouse.write_bytes(b"no database")
    assert of(examine(kept.paths, EVENING), "the served file cannot be read").do.startswith("remove ")
    kept.paths.warehouse.unlink()
    assert of(examine(kept.paths, EVENING), "nothing is published").do == "dealerflow run"
    shutil.copyfile(kept.paths.root / "copy", kept.paths.warehouse)
    with kept.catalogue.transaction():
        kept.catalogue.add_load({"load_id": None, "loaded_at": "2024-06-19 00:00:00.000000", "original_name": "x",
                                 "fate": "landed"})  # fmt: skip
    assert of(examine(kept.paths, EVENING), "the exports are behind the catalogue").do == "dealerflow run"
    settle(kept, EVENING)
    assert of(examine(kept.paths, EVENING), "the served file is behind the lake").do == "dealerflow run"


def test_who_is_at_work_and_what_killed_runs_left_is_told(kept: Lake) -> None:
    place = next(kept.paths.lake.glob("key_levels/market=us/session_date=*/part=SPY"))
    (place / "v=9.parquet").write_bytes(b"never committed")
    with kept.writing():
        found = examine(kept.paths, EVENING)
    assert "pid " in of(found, "writing now").what
    assert of(found, "1 files that killed runs left").do == "dealerflow prune"


def test_a_disk_without_room_for_a_publish_needs_room(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(1, 1, 2**20)
    monkeypatch.setattr(health_of_machine.shutil, "disk_usage", lambda _: usage)
    assert of(examine(kept.paths, EVENING), "where a publish may need").severity == "wrong"


def test_one_check_that_fails_hides_no_other(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_lake: Lake, _now: datetime) -> list[Finding]:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(doctor, "CHECKS", (broken, *doctor.CHECKS))
    found = examine(kept.paths, EVENING)
    assert found[0] == Finding(
        "wrong", "broken could not be examined: division by zero", "correct what it names, else dealerflow verify"
    )
    assert of(found, "polars").severity == "fine"


def test_settings_that_mean_nothing_are_found(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept.paths.root / "dealerflow.toml").write_text("[retentoin]\n")
    monkeypatch.setenv("DEALERFLOW_WORKERS", "abc")
    found = examine(kept.paths, EVENING)
    assert "unknown key retentoin" in of(found, "gaps could not be examined").what
    assert of(found, "DEALERFLOW_WORKERS=abc").do == "correct the variable"


def test_a_catalogue_that_cannot_be_opened_is_a_finding(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert of(examine(paths, EVENING), "nothing has been loaded").severity == "watch"
    assert not paths.lake.exists()
    paths.lake.mkdir()
    paths.catalogue.write_bytes(b"no database at all " * 100)
    assert "restore the catalogue" in of(examine(paths, EVENING), "cannot be opened").do


def test_the_command_exits_1_when_something_needs_the_operator(kept: Lake) -> None:
    environment = {"DEALERFLOW_DATA": str(kept.paths.root)}
    fine = CliRunner().invoke(app, ["doctor"], env=environment)
    assert fine.exit_code == 0, fine.output
    assert "nothing needs you" in fine.output
    kept.paths.warehouse.unlink()
    wrong = CliRunner().invoke(app, ["doctor", "--format", "json"], env=environment)
    assert wrong.exit_code == 1
    assert json.loads(wrong.output)[0]["do"] == "dealerflow run"


def test_many_names_become_a_few_and_a_count() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefgh")) == "a, b, c, d, e and 3 more"
