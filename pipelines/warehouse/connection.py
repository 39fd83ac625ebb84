"""What every way of asking shares: a database that can only be read, and errors of one line."""

from __future__ import annotations

import duckdb


class QueryError(Exception):
    """A question that cannot be answered; one line says why."""


def lock(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """No file, no network, no extension, and no way to allow them again.

    Opening a file read-only is not enough: COPY would still write wherever the process may.
    """
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def one_line(error: duckdb.Error) -> str:
    """The message without DuckDB's drawing of the query."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = lines[: next((n for n, line in enumerate(lines) if line.startswith("LINE ")), len(lines))]
    return " ".join(line for line in told if line)
