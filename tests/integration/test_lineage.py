"""From any number to its file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.lake.store import Lake, opened
from pipelines.reports import REPORTS
from pipelines.settings import Paths
from pipelines.tables import PUBLISHED_TABLES
from pipelines.upkeep.lineage import lineage
from pipelines.upkeep.provenance import Step
from pipelines.upkeep.wanted import LineageError, parse
from pipelines.warehouse.query import query
from tests.integration.spine import current


@pytest.fixture
def whole(published: Path) -> Iterator[Lake]:
    """The published lake itself: nothing here writes."""
    with opened(Paths(published)) as lake:
        yield lake


def steps(root: Step, kind: str | None = None) -> list[Step]:
    """Every node, in the order in which it is told."""
    below = [step for part in root.made_of for step in steps(part, kind)]
    return [root, *below] if kind in (None, root.kind) else below


def files(root: Step) -> set[str]:
    return {step.name for step in steps(root, "raw")}


def test_a_level_is_followed_through_every_stage_to_its_page_and_its_curves(whole: Lake) -> None:
    root = lineage(whole, "key_levels", ["SPY", "2024-06-18"])
    assert (root.kind, root.name) == ("table", "key_levels")
    (version,) = root.made_of
    assert version.name.startswith("key_levels us 2024-06-18 SPY v")
    assert version.facts.keys() >= {
        "known_at", "known_at_basis", "method_version", "code_version", "row_count", "output_sha256", "path",
    }  # fmt: skip
    assert (whole.paths.root / version.facts["path"]).exists()
    tables = {step.name.split()[0] for step in steps(root, "version")}
    assert tables == {"key_levels", "chains", "pages", "option_snapshots", "snapshot_marks", "expiry_forwards",
                      "treasury_zero_curve"}  # fmt: skip
    pages = [step for step in steps(root, "raw") if "evidence" not in step.facts and "told" not in step.facts]
    assert {step.facts["source"] for step in pages} == {"cboe_quotedata_csv", "treasury_par_csv"}
    evidence = [step for step in steps(root, "raw") if "evidence" in step.facts]
    sessions = {s.key.session_date for step in evidence for s in whole.catalogue.sightings_of(step.facts["sha256"])}
    assert sessions == {date(2024, 6, 17)}


def test_the_tree_names_every_object_that_any_input_rests_on_each_with_its_file(whole: Lake) -> None:
    """Compared with the inputs as the catalogue lists them, followed without the tree."""
    root = lineage(whole, "exposure_heatmap", ["SPY", "2024-06-18"], is_all=True)
    rows = whole.catalogue.rows("select * from partition_versions")
    inputs = {
        (row["table_name"], row["session_date"], row["part"], row["v"]): json.loads(row["inputs"]) for row in rows
    }
    shown = {tuple(step.name.split()) for step in steps(root, "version")}
    followed = {tuple(step.name.split()) for step in steps(root, "version") if "earlier session" not in step.facts}
    for table, _, session, part, v in followed:
        for one in inputs[table, session, part, int(v[1:])]:
            if "table" in one:
                assert (one["table"], "us", one["session_date"], one["part"], f"v{one['v']}") in shown
            else:
                assert one["raw"] in {step.facts.get("sha256") for step in steps(root, "raw")}
    for step in steps(root, "raw"):
        if "told" not in step.facts:
            assert (whole.paths.root / step.facts["path"]).exists()


def test_what_was_told_once_is_only_named_again(whole: Lake) -> None:
    root = lineage(whole, "strike_exposures", ["SPY", "2024-06-17"])
    told = [step.name for step in steps(root, "version") if "told" not in step.facts]
    assert len(told) == len(set(told))
    again = [step for step in steps(root) if "told" in step.facts]
    assert again
    assert all(step.made_of == () for step in again)


def test_many_equal_branches_become_one_line_unless_all_are_asked_for(
    whole: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.upkeep.provenance._LISTED", 0)
    keys = ["SPY", "2024-06-18"]
    groups = [step.name for step in steps(lineage(whole, "snapshot_marks", keys), "group")]
    assert any("earlier versions of snapshot_marks" in name for name in groups)
    assert steps(lineage(whole, "snapshot_marks", keys, is_all=True), "group") == []


def test_a_key_that_goes_into_the_rows_finds_the_partition_that_holds_them(whole: Lake) -> None:
    strike = current(whole, "strike_exposures")["strike"].to_list()[0]
    root = lineage(whole, "strike_exposures", [f"strike={strike}", "dealer_model=short_all", "underlying=SPY"])
    assert root.facts["rows that fit"].split(" of ")[0] != "0"
    with pytest.raises(LineageError, match="no current version that fits"):
        lineage(whole, "strike_exposures", ["strike=1.25"])


def test_a_superseded_version_is_asked_by_its_number(whole: Lake) -> None:
    old = next(row for row in whole.catalogue.rows("select * from partition_versions where v = 2"))
    keys = [old["part"], old["session_date"], "v1"]
    (version,) = lineage(whole, old["table_name"], keys).made_of
    assert version.name == f"{old['table_name']} us {old['session_date']} {old['part']} v1"
    newest = lineage(whole, old["table_name"], keys[:2]).made_of[0]
    assert newest.name != version.name


def test_the_latest_levels_say_of_which_session_they_are(whole: Lake) -> None:
    root = lineage(whole, "key_levels_latest", ["spy"])
    assert "newest whole snapshot" in root.facts["made of"]
    assert root.made_of[0].name.startswith("key_levels us 2024-06-1")
    assert any("2024-06-1" in name for name in files(root))


def test_a_contract_comes_from_the_newest_page_that_lists_it(whole: Lake) -> None:
    chains = current(whole, "chains")
    contract = chains.filter(session_date=chains["session_date"].min())["contract_id"][0]
    root = lineage(whole, "contracts", [contract])
    held = chains.filter(contract_id=contract)["session_date"]
    assert root.facts["contract"] == contract
    assert f"in {held.n_unique()} partitions" in root.facts["listed"]
    assert root.made_of[0].name.startswith(f"chains us {held.max()} SPY")
    with pytest.raises(LineageError, match="contracts fit; name one"):
        lineage(whole, "contracts", ["underlying=SPY", f"strike={chains['strike'][0]}"])


def test_a_loaded_file_leads_to_its_object(whole: Lake) -> None:
    root = lineage(whole, "load_ledger", ["1"])
    (load,) = root.made_of
    assert load.facts["fate"] == "landed"
    assert load.made_of[0].facts["path"].startswith("raw/")


@pytest.mark.parametrize("table", sorted(PUBLISHED_TABLES))
def test_every_published_table_says_what_it_is_made_of(whole: Lake, table: str) -> None:
    of_coins = {"dealer_inventory", "delivery_prices", "premium_flow", "zero_dte_flow", "zero_dte_put_share"}
    of_reports = {*REPORTS, "clearing_shares", "open_close_positions", "dark_pool_index", "index_history"}
    others = {"quarantine", "refusals", "gap_ledger", "contracts", "partition_versions", "open_interest_reconciliation"}
    if table in others | of_coins | of_reports:
        with pytest.raises(LineageError, match=r"fits?|no row"):  # this lake has none of it, or too much
            lineage(whole, table, [])
        return
    root = lineage(whole, table, [])
    assert root.name == table
    assert "made of" in root.facts or root.made_of


@pytest.mark.parametrize(
    ("table", "keys", "named"),
    [
        ("levels", [], "no table 'levels'"),
        ("key_levels", ["stroke=1"], "no column 'stroke'"),
        ("key_levels", ["2023-01-03"], "no version at session_date=2023-01-03"),
        ("key_levels", ["XYZ"], "no current version that fits"),
        ("strike_exposures", ["strike=high"], "strike=high: not a value"),
        ("key_levels_latest", ["XYZ"], "no row at XYZ"),
        ("key_levels_latest", ["SPY", "SPX"], "one underlying at a time"),
        ("partition_versions", [], "name more of the key"),
        ("load_ledger", ["url=x"], "cannot be asked by url"),
    ],
)
def test_a_key_that_fits_nothing_is_one_line(whole: Lake, table: str, keys: list[str], named: str) -> None:
    with pytest.raises(LineageError, match=named) as caught:
        lineage(whole, table, keys)
    assert "\n" not in str(caught.value)


def test_a_key_is_read_in_any_order() -> None:
    there = parse("key_levels", ["SPX", "2024-06-25", "v2"])
    back = parse("key_levels", ["2", "2024-06-25", "SPX"])
    assert there == back
    assert there.columns == {"session_date": "2024-06-25", "v": "2"}


def test_the_command_prints_a_tree_and_the_same_as_json(published: Path) -> None:
    environment = {"DEALERFLOW_DATA": str(published)}
    text = CliRunner().invoke(app, ["lineage", "key_levels", "SPY", "2024-06-18"], env=environment)
    assert text.exit_code == 0, text.output
    assert "known 2024-06-1" in text.output
    assert "exposures method" in text.output
    assert "simulated_spy_quotedata_2024-06-18" in text.output
    as_json = CliRunner().invoke(app, ["lineage", "key_levels", "SPY", "--format", "json"], env=environment)
    assert json.loads(as_json.output)["name"] == "key_levels"


def test_what_is_joined_across_partitions_names_those_behind_its_row(whole: Lake) -> None:
    newest = "select underlying, bar_ts from study_bars where levels_snapshot_ts is not null order by all limit 1"
    ((underlying, bar_ts),) = query(whole.paths, newest)
    root = lineage(whole, "study_bars", [underlying, f"bar_ts={bar_ts}"])
    assert [step.name.split()[0] for step in root.made_of] == ["price_bars", "key_levels"]
    assert all(any(True for _ in steps(one, "raw")) for one in root.made_of)
