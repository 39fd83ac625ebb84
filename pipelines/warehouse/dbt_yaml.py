"""Writes the dbt models' YAML from the data dictionary: `python -m pipelines.warehouse.dbt_yaml`.

Contracts, column types, descriptions and key tests come from `pipelines/tables`, further tests from
`dbt_project/data_tests.yml`. The files are committed; a test fails when they differ from what this writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from pipelines.tables import PUBLISHED_TABLES, TABLES, Column, Table, published_columns, published_key
from pipelines.warehouse.project import DBT_PROJECT, table_staged_by

HEADER = "# Written by `python -m pipelines.warehouse.dbt_yaml`; edit pipelines/tables or data_tests.yml instead.\n"
_LAKE_FILE = {"name": "lake_file", "description": "The file of the lake that holds the row.", "data_type": "VARCHAR"}

_SELF_EVIDENT = ("name", "text", "flag", "date", "number", "sha256", "JSON", "path", "url")

Block = dict[str, Any]


def _column(column: Column) -> Block:
    unit = "" if column.unit in _SELF_EVIDENT else f" Unit: {column.unit}."
    return {"name": column.name, "description": column.meaning + unit, "data_type": column.duckdb_type}


def _staging(model: str) -> Block:
    table = TABLES[table_staged_by(model)]
    which = "Current version" if model == f"stg_{table.name}" else "Superseded versions"
    columns = [_column(column) for column in published_columns(table)]
    if table.is_partitioned or table.name == "partition_versions":
        columns.append(_LAKE_FILE)
    return {
        "name": model,
        "description": f"{which} of the lake's {table.name}, typed. One row per {table.grain}."
        if table.is_partitioned
        else f"The catalogue's {table.name}, typed. One row per {table.grain}.",
        "columns": columns,
    }


def _mart(table: Table, tests: Block) -> Block:
    of_columns = tests.get("columns", {})
    columns = []
    for column in published_columns(table):
        block = _column(column)
        if column.name not in table.nullable:
            block["constraints"] = [{"type": "not_null"}]
        if column.name in of_columns:
            block["data_tests"] = of_columns[column.name]
        columns.append(block)
    if unknown := set(of_columns).difference(column["name"] for column in columns):
        raise ValueError(f"data_tests.yml: {table.name} has no columns {sorted(unknown)}")
    of_model: list[Block] = [{"unique_combination": {"arguments": {"columns": list(published_key(table))}}}]
    if table.is_partitioned:
        of_model.append({"holds_current_versions": {}})
    return {
        "name": table.name,
        "description": " ".join([table.description, f"One row per {table.grain}.", *table.cautions()]),
        "data_tests": of_model + tests.get("model", []),
        "columns": columns,
    }


class _Plain(yaml.SafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(block: Block) -> str:
    body = {"models": [block]}
    text: str = yaml.dump(body, Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)
    return HEADER + text


def rendered(project: Path = DBT_PROJECT) -> dict[Path, str]:
    """Every generated file and its text. A model without a declaration, or the reverse, is an error."""
    tests = yaml.safe_load((project / "data_tests.yml").read_text())
    if unknown := set(tests).difference(PUBLISHED_TABLES):
        raise ValueError(f"data_tests.yml: no published table {sorted(unknown)}")
    files = {}
    for model in sorted(project.glob("models/staging/stg_*.sql")):
        files[model.with_suffix(".yml")] = _text(_staging(model.stem))
    marts = {model.stem: model for model in sorted(project.glob("models/marts/*/*.sql"))}
    if wrong := set(marts).symmetric_difference(PUBLISHED_TABLES):
        raise ValueError(f"marts and published tables differ: {sorted(wrong)}")
    for name, model in marts.items():
        files[model.with_suffix(".yml")] = _text(_mart(PUBLISHED_TABLES[name], tests.get(name, {})))
    return files


def main() -> None:
    for path, text in rendered().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(DBT_PROJECT.parent)}\n")


if __name__ == "__main__":
    main()
