"""The data dictionary: one vocabulary of columns, and one small module per family of tables."""

from __future__ import annotations

from pipelines.tables import chains, clearing, clearing_positions, exposures, flow, prices, rates, trust
from pipelines.tables.declare import Column, Table
from pipelines.tables.vocabulary import VOCABULARY, words

TABLES: dict[str, Table] = {
    table.name: table
    for family in (chains, exposures, flow, clearing, clearing_positions, rates, prices, trust)
    for table in family.FAMILY_TABLES
}
LAKE_TABLES: dict[str, Table] = {name: table for name, table in TABLES.items() if table.is_partitioned}
PUBLISHED_TABLES: dict[str, Table] = {name: table for name, table in TABLES.items() if table.is_published}

# Stored in the path of a partition, not in its file.
PATH_COLUMNS: tuple[Column, ...] = words("market session_date part")


def published_columns(table: Table) -> tuple[Column, ...]:
    """A mart's columns; those of a lake table follow the path columns and the version held."""
    return (*PATH_COLUMNS, VOCABULARY["v"], *table.columns) if table.is_partitioned else table.columns


def published_key(table: Table) -> tuple[str, ...]:
    """A mart's key: unique over all partitions, not only within one."""
    if not table.is_partitioned:
        return table.key
    names_instant = any(name.endswith("_ts") for name in table.key)
    is_of_underlying = "underlying" in table.schema() and names_instant
    return (*(("market", "underlying") if is_of_underlying else ("market", "session_date", "part")), *table.key)


__all__ = [
    "LAKE_TABLES",
    "PATH_COLUMNS",
    "PUBLISHED_TABLES",
    "TABLES",
    "VOCABULARY",
    "Column",
    "Table",
    "published_columns",
    "published_key",
]
