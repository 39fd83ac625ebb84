"""The tables of the published file that come from the code: data dictionary, default models, method versions."""

from __future__ import annotations

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from models.conventions import DE_AMERICANISED, METHOD_DESCRIPTIONS, METHOD_VERSIONS, de_americanised_version
from pipelines.markets import MARKETS
from pipelines.tables import PUBLISHED_TABLES, TABLES, Table, published_columns, published_key


def data_dictionary() -> pl.DataFrame:
    """Every column of every published table."""
    rows = [
        {
            "table_name": table.name,
            "column_name": column.name,
            "position": position,
            "dtype": column.duckdb_type,
            "unit": column.unit,
            "meaning": column.meaning,
            "is_key": column.name in published_key(table),
            "is_nullable": column.name in table.nullable,
            "grain": table.grain,
        }
        for table in PUBLISHED_TABLES.values()
        for position, column in enumerate(published_columns(table), start=1)
    ]
    return pl.DataFrame(rows, schema=TABLES["data_dictionary"].schema())


def default_models() -> pl.DataFrame:
    """The dealer model that each venue's _latest tables show."""
    rows = [
        {
            "market": market.name,
            "venue": market.venue,
            "dealer_model": market.default_dealer_model,
            "rule": market.default_model_rule,
        }
        for market in MARKETS.values()
    ]
    return pl.DataFrame(rows, schema=TABLES["default_models"].schema())


def method_versions() -> pl.DataFrame:
    """What each stage's present method does, and those that operators may ask for."""
    rows = [(stage, version, METHOD_DESCRIPTIONS[stage]) for stage, version in METHOD_VERSIONS.items()]
    rows += [(stage, de_americanised_version(stage), told) for stage, told in DE_AMERICANISED.items()]
    return pl.DataFrame(rows, schema=TABLES["method_versions"].schema(), orient="row")


def describe_tables() -> RenderableType:
    """All published tables by family, for the terminal."""
    shown = RichTable(title="Tables of data/warehouse/dealerflow.duckdb", title_justify="left")
    shown.add_column("table", style="bold", no_wrap=True)
    shown.add_column("one row per")
    shown.add_column("what it says")
    family = ""
    for table in PUBLISHED_TABLES.values():
        if table.family != family:
            family = table.family
            shown.add_section()
            shown.add_row(Text(family, style="italic"), "", "")
        shown.add_row(table.name, table.grain, table.description)
    return shown


def describe_table(name: str) -> RenderableType:
    """One table's columns, for the terminal; KeyError with the known names for an unknown table."""
    table = _known(name)
    shown = RichTable()
    for heading in ("column", "type", "unit", "meaning"):
        shown.add_column(heading, no_wrap=heading in ("column", "type"))
    key = published_key(table)
    for column in published_columns(table):
        style = "bold" if column.name in key else ""
        null = ", may be null" if column.name in table.nullable else ""
        shown.add_row(Text(column.name, style=style), column.duckdb_type + null, column.unit, column.meaning)
    return Group(
        Text(f"{table.name}: one row per {table.grain}", style="bold"),
        Text(table.description),
        Text(f"key: {', '.join(key)}"),
        *(Text(caution) for caution in table.cautions()),
        shown,
    )


def _known(name: str) -> Table:
    if name not in PUBLISHED_TABLES:
        raise KeyError(f"no table {name!r}; there are: {', '.join(PUBLISHED_TABLES)}")
    return PUBLISHED_TABLES[name]
