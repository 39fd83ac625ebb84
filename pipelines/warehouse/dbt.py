"""One dbt invocation, in this process."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.settings import Paths
from pipelines.warehouse.project import DBT_PROJECT, environment, table_staged_by

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


def invoke(paths: Paths, arguments: list[str]) -> Any:
    """Run dbt over the build file; its result. DbtError if anything fails: what, and why, then stands in the target
    folder (run_results.json and the compiled queries)."""
    # Imported late: it takes seconds, and most commands never publish.
    from dbt.adapters.factory import reset_adapters
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    target = paths.build / "dbt" / "target"
    common = [
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(target),
        "--log-path", str(paths.build / "dbt" / "logs"),
        "--quiet", "--log-level", "none",
        # A log of 10,000 lines a publish takes over a second, and its file would stay open in this process.
        "--log-level-file", "none",
        "--no-write-json",  # a description of the whole project, twice: another second
    ]  # fmt: skip
    with _environment(paths):
        try:
            outcome = dbtRunner().invoke([*arguments, *common])
        finally:
            _close_connections()
            reset_adapters()  # type: ignore[no-untyped-call]
    if not outcome.success:
        if isinstance(outcome.result, RunExecutionResult):
            outcome.result.write(str(target / "run_results.json"))
        raise DbtError(_why(outcome))
    return outcome.result


def build(paths: Paths, changed: Collection[str] | None = None) -> None:
    """Models in their order, each with its data tests; unit tests belong to the test suite. `changed`: only what rests
    on these tables, in a file that holds the rest as it would be built; None for everything."""
    chosen = [] if changed is None else _resting_on(changed)
    invoke(paths, ["build", "--exclude-resource-type", "unit_test", *chosen])


def _resting_on(changed: Collection[str]) -> list[str]:
    """What dbt takes for these tables: everything behind them, tests too, and the views in front of it, which no file
    keeps. Every fact is behind partition_versions, but only by rows that count as those of its own table."""
    staging = sorted(model.stem for model in DBT_PROJECT.glob("models/staging/stg_*.sql"))
    read = [model for model in staging if table_staged_by(model) in changed]
    chosen = [name for model in read for name in (f"{model}+", f"@{model},config.materialized:view")]
    return ["--select", "stg_partition_versions", "partition_versions", *chosen, "--indirect-selection", "cautious"]


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
