"""The documents say what the code declares."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from pipelines.tables import TABLES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "TABLES.md").read_text()
BUILT = TEXT.split("\n## Planned")[0]


def described(name: str) -> set[str]:
    """The column names that the paragraph of a table lists, `{a,b}_c` expanded."""
    start = BUILT.index(f"**`{name}`**")
    paragraph = re.split(r"\n\* \*\*|\n## |\n\n", BUILT[start:])[0]
    words = re.findall(r"[a-z_0-9]*(?:\{[a-z_0-9,]+\}[a-z_0-9]*)+|[a-z_0-9]+", paragraph)
    names: set[str] = set()
    for word in words:
        pieces = [piece.split(",") for piece in re.split(r"[{}]", word)]
        names |= {"".join(choice) for choice in product(*pieces)}
    return names


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_column_of_a_table_is_listed(name: str) -> None:
    shared = {"underlying", "snapshot_ts", "source", "known_at", "dealer_model"}
    columns = {column.name for column in TABLES[name].columns}
    if name == "key_levels_latest":
        columns -= {column.name for column in TABLES["key_levels"].columns} | {"market", "session_date", "part", "v"}
    if TABLES[name].family == "exposures and levels":
        columns -= shared
    assert columns <= described(name)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_key_stands_in_the_overview(name: str) -> None:
    rows = [line for line in BUILT.splitlines() if line.startswith(f"| `{name}` |")]
    if name == "treasury_zero_curve":
        assert "key tenor_years" in BUILT
        return
    (row,) = rows
    key = row.split("|")[3].strip()
    assert key == "the same" or tuple(part.strip() for part in key.split(",")) == TABLES[name].key


def test_lake_only_tables_are_those_that_are_not_published() -> None:
    lake_only = BUILT.split("\n## Lake-only tables")[1]
    assert set(re.findall(r"\*\*`(\w+)`\*\*", lake_only)) == {n for n, t in TABLES.items() if not t.is_published}
