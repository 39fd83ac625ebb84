"""Parquet marts: the small tables of the served file, one file each. The fat facts' marts are the lake itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipelines.lake.files import sync_directory, write_durably
from pipelines.lake.steps import step
from pipelines.settings import Paths
from pipelines.tables import PUBLISHED_TABLES, published_key

EXPORTED = tuple(name for name, table in PUBLISHED_TABLES.items() if table.is_exported)
# Written last: the marts are whole, and of the served file, if it names the served file's fingerprint.
MANIFEST = "_manifest.json"


@contextmanager
def served(paths: Paths) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file that is served now, read-only.

    Opened under a name of its own: DuckDB gives a second connection to a path the file that the process already
    holds open there, which after a publish is the replaced one.
    """
    own = paths.build / "served" / paths.warehouse.name
    own.parent.mkdir(parents=True, exist_ok=True)
    own.unlink(missing_ok=True)
    own.hardlink_to(paths.warehouse)
    with duckdb.connect(str(own), read_only=True) as connection:
        yield connection
    own.unlink()


def export(paths: Paths, fingerprint: str) -> tuple[str, ...]:
    """Write every small mart of the served file, unless they are of this fingerprint already."""
    manifest = paths.marts / MANIFEST
    if manifest.exists() and json.loads(manifest.read_text())["fingerprint"] == fingerprint:
        return ()
    paths.marts.mkdir(parents=True, exist_ok=True)
    manifest.unlink(missing_ok=True)
    rows = {}
    with served(paths) as connection:
        for name in EXPORTED:
            target = paths.marts / f"{name}.parquet"
            temporary = target.with_name(f".{target.name}.tmp")
            ordered = ", ".join(published_key(PUBLISHED_TABLES[name]))
            into = str(temporary).replace("'", "''")
            connection.execute(f"copy (from {name} order by {ordered}) to '{into}' (format parquet, compression zstd)")
            sync_directory(temporary)
            temporary.replace(target)
            found = connection.execute(f"select count(*) from {name}").fetchone()
            rows[name] = found[0] if found else 0
    text = json.dumps({"fingerprint": fingerprint, "rows": rows}, indent=1)
    write_durably(manifest, text.encode(), label="manifest")
    step("publish.exported")
    return EXPORTED
