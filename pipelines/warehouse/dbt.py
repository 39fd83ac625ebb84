"""One dbt invocation, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.settings import Paths
from pipelines.warehouse.project import DBT_PROJECT, environment

_NAMED = 5  # failures named in a message


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
        "--quiet", "--log-level", "none",
        # A log of 10,000 lines a publish takes over a second, and its file would stay open in this process;
        # what failed, and why, stands in the target folder (run_results.json and the compiled queries).
        "--log-level-file", "none",
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
    results = getattr(outcome.result, "results", None) or []
    failed = [result for result in results if str(result.status) in {"fail", "error", "runtime error"}]
    if failed:
        names = [f"{result.node.resource_type} {result.node.name}" for result in failed]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"dbt {', '.join(names[:_NAMED])}{more} failed: {_one_line(failed[0].message or '')}"
    return "dbt failed without naming a model or test"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
