"""README and cookbook, executed: a fresh warehouse of the sample market through the command line, as a reader makes it.

`python -m tests.integration.test_readme` writes the present output into both.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from models.conventions import METHOD_VERSIONS
from pipelines.cli import app, main
from pipelines.tables import PUBLISHED_TABLES, published_columns
from tests.integration.documents import (
    COOKBOOK,
    DOCUMENTS,
    PROJECT,
    README,
    RUN_ENDS_WITH,
    Block,
    Checkout,
    Told,
    blocks,
    levels,
    rewritten,
)

pytestmark = pytest.mark.slow
RATES = "simulated_daily_treasury_rates.csv"
COMMANDS = (
    "load", "run", "sample", "fetch", "backfill", "sql", "tables", "plot", "report",
    "up", "gaps", "doctor", "verify", "lineage", "rebuild", "prune",
)  # fmt: skip


def partition_versions(checkout: Checkout) -> list[tuple[object, ...]]:
    with duckdb.connect(str(checkout.root / "data/warehouse/dealerflow.duckdb"), read_only=True) as connection:
        return connection.execute("from partition_versions order by all").fetchall()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    assert checkout.first_run.code == 0, checkout.first_run
    return checkout


def test_the_sample_market_is_landed_and_says_so(checkout: Checkout) -> None:
    assert checkout.sample.out == "Simulated market in data/sample: 1 duplicate_body, 280 landed.\n"


def test_the_first_run_makes_versions_and_ends_with_the_levels_and_the_database_that_the_readme_shows(
    checkout: Checkout,
) -> None:
    shown = RUN_ENDS_WITH.search(README.read_text())
    assert shown is not None
    assert checkout.first_run.out.startswith("New versions: ")
    assert levels(checkout.first_run.out) == shown[1]
    assert (checkout.root / "data/warehouse/dealerflow.duckdb").is_file()


@pytest.mark.parametrize(
    "block", [b for d in DOCUMENTS for b in blocks(d)], ids=lambda block: " ".join(block.command.split())[:60]
)
def test_a_question_of_a_document_has_the_answer_that_stands_below_it(checkout: Checkout, block: Block) -> None:
    assert checkout.answer(block) == block.output


def test_the_wrong_join_of_the_cookbook_flatters(checkout: Checkout) -> None:
    wrong = next(block for block in blocks(COOKBOOK) if "wrong" in block.command)
    lines = re.findall(r"│ (honest|wrong).*│ +([\d.]+) │$", checkout.answer(wrong), re.MULTILINE)
    shares = {name: float(share) for name, share in lines}
    assert shares["wrong"] == 100.0 > shares["honest"]


def test_the_readme_asks_five_questions_and_shows_every_answer() -> None:
    assert re.findall(r"^\*\*(\d)\. .*\?\*\*", README.read_text(), re.MULTILINE) == list("12345")
    assert all(block.output.strip() for document in DOCUMENTS for block in blocks(document))


def test_nothing_shown_is_wider_than_the_levels_at_the_end_of_a_run() -> None:
    texts = "".join(document.read_text() for document in DOCUMENTS)
    fenced = re.findall(r"^```\w+\n(.*?)^```$", texts, re.MULTILINE | re.DOTALL)
    assert [line for text in fenced for line in text.splitlines() if len(line) > 102] == []


def test_every_published_table_stands_in_the_readme() -> None:
    listed = re.search(r"^## Tables\n(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`([a-z_]+)`", listed[1])) - {"name"} == set(PUBLISHED_TABLES)


def test_the_present_version_and_every_method_version_stand_in_the_changelog() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text()
    assert f"## {tomllib.loads((PROJECT / 'pyproject.toml').read_text())['project']['version']} " in text
    assert [f"`{stage}` {v}" for stage, v in METHOD_VERSIONS.items() if f"`{stage}` {v}:" not in text] == []


def test_every_path_and_link_of_the_documents_exists() -> None:
    for document in (README, PROJECT / "CONTRIBUTING.md", PROJECT / "CHANGELOG.md"):
        links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
        assert [link for link in links if "://" not in link and not (PROJECT / link).exists()] == []


def test_a_second_run_makes_no_new_version_and_says_so(checkout: Checkout) -> None:
    before = partition_versions(checkout)
    assert len(before) > 100
    again = checkout.tell("run")
    assert again.code == 0
    assert again.out.splitlines()[:2] == [
        "Nothing to compute: every partition rests on the newest inputs and methods. No new version.",
        "nothing to publish: the warehouse already holds the current versions",
    ]
    assert levels(again.out) == levels(checkout.first_run.out)
    assert partition_versions(checkout) == before


def test_a_run_over_a_range_of_finished_sessions_has_nothing_to_compute(checkout: Checkout) -> None:
    told = checkout.tell("run", "--from", "2024-06-18", "--to", "2024-06-20")
    assert (told.code, told.out.split(":")[0]) == (0, "Nothing to compute")


def test_every_command_explains_itself_with_an_example() -> None:
    overview = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["--help"])
    assert overview.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^│ {command} ", overview.output, re.MULTILINE)
        told = CliRunner(env={"COLUMNS": "100"}).invoke(app, [command, "--help"])
        assert told.exit_code == 0
        assert re.search(rf"Examples?: dealerflow {command}\b", told.output), command


def test_the_data_dictionary_shows_every_table_and_every_column_of_one() -> None:
    terminal = CliRunner(env={"COLUMNS": "160"})
    overview, one = terminal.invoke(app, ["tables"]), terminal.invoke(app, ["tables", "opex_rolloff"])
    assert overview.exit_code == one.exit_code == 0
    assert [name for name in PUBLISHED_TABLES if f" {name} " not in overview.output] == []
    assert "key: market, underlying, snapshot_ts, dealer_model, expiry_date" in one.output
    columns = [column.name for column in published_columns(PUBLISHED_TABLES["opex_rolloff"])]
    assert [name for name in columns if f" {name} " not in one.output] == []


def test_files_that_cannot_be_read_are_refused_in_one_line_each_and_the_others_are_landed(
    checkout: Checkout, tmp_path: Path
) -> None:
    reasons = {
        "empty.csv": (b"", "the file is empty"),
        "other.csv": (b"a,b\n1,2\n", "not the layout of any known source"),
        "packed.csv": (b"PK\x03\x04rest", "a zip archive that is cut off: its list is missing"),
        "wide.csv": ("Date".encode("utf-16"), "the text is UTF-16; save it as UTF-8"),
    }
    for name, (content, _) in reasons.items():
        (tmp_path / name).write_bytes(content)
    shutil.copy(checkout.root / "data/sample" / RATES, tmp_path / "rates.csv")
    told = Checkout(tmp_path).tell("load", ".", "--land-only")
    assert (told.code, told.err.strip()) == (1, "")
    for name, (_, reason) in reasons.items():
        [line] = [line for line in told.out.splitlines() if line.startswith(name)]
        assert line.split()[1] == "refused" and reason[:30] in line
    assert told.out.endswith("Files: 4 refused, 1 landed.\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("load", "missing.csv"), "missing.csv: no such file"),
        (("sql", "from key_levels"), "no warehouse at"),
        (("sql", "from key_levels", "--as-known", "yesterday"), "'yesterday' is no instant"),
        (("tables", "key_level"), "no table 'key_level'; `dealerflow tables` lists them"),
        (("run", "--from", "2024-06-20", "--to", "2024-06-18"), "--from 2024-06-20 is after --to 2024-06-18"),
    ],
)
def test_a_mistake_costs_one_line_and_exit_code_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    line: str,
) -> None:
    monkeypatch.setenv("DEALERFLOW_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["dealerflow", *arguments])
    with pytest.raises(SystemExit, match=r"^1$"):
        main()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"dealerflow: {line}") and told.err.count("\n") == 1


def test_a_query_cannot_write(checkout: Checkout) -> None:
    told = checkout.tell("sql", "copy (select 1) to 'leak.csv'")
    assert told == Told(1, "", "dealerflow: only questions are answered (SELECT, FROM, DESCRIBE, EXPLAIN), not COPY\n")
    assert not (checkout.root / "leak.csv").exists()


def test_the_sample_stays_out_of_a_lake_with_files_of_its_own(checkout: Checkout, tmp_path: Path) -> None:
    shutil.copy(checkout.root / "data/sample" / RATES, tmp_path / "own.csv")
    mine = Checkout(tmp_path)
    assert mine.tell("load", "own.csv", "--land-only").code == 0
    assert mine.sample.out == "The lake holds files of its own: the simulated market is left out.\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = Checkout(Path(folder))
        for document in DOCUMENTS:
            document.write_text(rewritten(document, made))
