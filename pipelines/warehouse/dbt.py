"""One dbt invocation, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.settings import Paths
from pipelines.warehouse.project import DBT_PROJECT, environment


class DbtError(Exception):
    """dbt did not get through; one line names the first model or test that failed, and why."""


@contextmanager
def _environment(paths: Paths) -> Iterator[None]:
    """dbt takes its parameters from the process's environment: by `--vars` they would undo partial parsing."""
    mine = environment(paths)
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def invoke(paths: Paths, arguments: list[str]) -> None:
    """Run dbt over the build file; DbtError if anything fails."""
    # Imported late: it takes seconds, and most commands never publish.
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner

    common = [
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(paths.build / "dbt" / "target"),
        "--log-path", str(paths.build / "dbt" / "logs"),
        "--quiet",
        # At debug level dbt writes 10,000 lines a publish, which takes over a second.
        "--log-level-file", "info",
    ]  # fmt: skip
    with _environment(paths):
        try:
            outcome = dbtRunner().invoke([*arguments, *common])
        finally:
            _close_connections()
            reset_adapters()  # type: ignore[no-untyped-call]
    if not outcome.success:
        raise DbtError(_why(outcome))


def build(paths: Paths) -> None:
    """Models in their order, each with its data tests; unit tests belong to the test suite."""
    invoke(paths, ["build", "--exclude-resource-type", "unit_test"])


def _close_connections() -> None:
    """Else dbt's adapter keeps the build file open in this process, and nobody else could open it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def _why(outcome: Any) -> str:
    if outcome.exception is not None:
        return f"dbt: {_one_line(str(outcome.exception))}"
    for result in getattr(outcome.result, "results", None) or []:
        if str(result.status) in {"fail", "error", "runtime error"}:
            kind = result.node.resource_type
            return f"dbt {kind} {result.node.name} failed: {_one_line(result.message or '')}"
    return "dbt failed without naming a model or test"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
