"""The dbt project seen from Python: where it lies, what it needs before it runs, and what identifies it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from pipelines.lake.export import all_or_none
from pipelines.lake.files import sha256_of
from pipelines.settings import PROJECT, Paths
from pipelines.tables import LAKE_TABLES, TABLES, published_columns
from pipelines.warehouse import dictionary

DBT_PROJECT = PROJECT / "dbt_project"
CATALOGUE_TABLES = ("partition_versions", "load_ledger", "refusals", "gap_ledger")
_OF_ANOTHER_NAME = {"stg_superseded_key_levels": "key_levels"}


def build_file(paths: Paths) -> Path:
    # The same stem as the served file: the name of the database is part of every view and macro in it.
    return paths.build / paths.warehouse.name


def environment(paths: Paths) -> dict[str, str]:
    """What the dbt project reads from the environment; parameters by `--vars` would undo partial parsing."""
    return {
        "DEALERFLOW_LAKE": str(paths.lake),
        "DEALERFLOW_EXPORTS": str(paths.build / "exports"),
        "DEALERFLOW_TEMPLATES": str(paths.build / "templates"),
        "DEALERFLOW_BUILD_FILE": str(build_file(paths)),
        "DO_NOT_TRACK": "1",
    }


def read_export(paths: Paths, table: str) -> pl.DataFrame:
    """A table that the catalogue exports; empty if it never did."""
    schema = TABLES[table].schema()
    path = paths.exports / f"{table}.parquet"
    if not path.exists():
        return pl.DataFrame(schema=schema)
    frame = pl.read_parquet(path)
    added = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(added).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def exports(paths: Paths) -> dict[str, pl.DataFrame]:
    """Every table that dbt takes whole: the catalogue's, in one state, and the dictionary's own."""
    with all_or_none(paths):
        of_catalogue = {table: read_export(paths, table) for table in CATALOGUE_TABLES}
    return of_catalogue | {
        "method_versions": dictionary.method_versions(),
        "default_models": dictionary.default_models(),
        "data_dictionary": dictionary.data_dictionary(),
    }


def prepare(paths: Paths, frames: Mapping[str, pl.DataFrame]) -> None:
    """Lay out beside the build what dbt reads besides the lake.

    The exports are copied, so that all models of one publish see one state of the catalogue.
    """
    for folder in ("exports", "templates"):
        shutil.rmtree(paths.build / folder, ignore_errors=True)
    (paths.build / "exports").mkdir(parents=True)
    for name, frame in frames.items():
        frame.write_parquet(paths.build / "exports" / f"{name}.parquet")
    for table in LAKE_TABLES.values():
        place = paths.build / "templates" / table.name / "market=_" / "session_date=1970-01-01" / "part=_"
        place.mkdir(parents=True)
        pl.DataFrame(schema=table.schema()).write_parquet(place / "v=0.parquet")


def project_fingerprint(project: Path = DBT_PROJECT) -> str:
    """Changes with the dbt project, the table declarations or the engine: then the marts are built anew."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for path in sorted(project.rglob("*")):
        if path.suffix in {".sql", ".yml"}:
            digest.update(f"{path.relative_to(project)}\0".encode())
            digest.update(path.read_bytes())
    declared = {
        name: [(column.name, column.duckdb_type) for column in published_columns(table)]
        for name, table in TABLES.items()
    }
    digest.update(json.dumps(declared).encode())
    return digest.hexdigest()


def input_fingerprints(frames: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """By table that staging reads, what changes with anything that would change a row of what rests on it. A table of
    the lake is its rows of partition_versions."""
    versions = frames["partition_versions"].partition_by("table_name", as_dict=True)
    of_lake = {str(table): rows for (table,), rows in versions.items()}
    others = {table: frame for table, frame in frames.items() if table != "partition_versions"}
    return {table: sha256_of(frame.write_csv().encode()) for table, frame in sorted((of_lake | others).items())}


def table_staged_by(model: str) -> str:
    """The table that a staging model reads."""
    return _OF_ANOTHER_NAME.get(model, model.removeprefix("stg_"))
