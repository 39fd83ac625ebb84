"""The laws of the house: who may import whom, how long things may get, what a public function must say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
MODULES = sorted([*PROJECT.glob("models/**/*.py"), *PROJECT.glob("pipelines/**/*.py")])
MODEL_MODULES = sorted(PROJECT.glob("models/**/*.py"))
MODELS_MAY_IMPORT = {
    "__future__", "collections", "concurrent", "dataclasses", "datetime", "functools", "importlib",
    "itertools", "math", "operator", "typing", "models", "numpy", "polars", "scipy",
}  # fmt: skip
# Machine code is no data: it is kept on disk, and only the first knows where. The second must know which process it is.
OF_THE_MACHINE = {
    "models/kernels/compiled.py": {
        "contextlib", "ctypes", "hashlib", "llvmlite", "logging", "numba", "os", "pathlib", "sys", "threading", "types",
    },
    "models/kernels/threads.py": {"os"},
}  # fmt: skip
KEEP_MACHINE_CODE = {
    "models/kernels/compiled.py": {"Path(__file__).read_text", "path.read_bytes", "partial.write_bytes"},
}
LONGEST_MODULE, LONGEST_FUNCTION = 400, 80


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", MODEL_MODULES, ids=name)
def test_models_know_no_files_no_clock_and_no_pipelines(path: Path) -> None:
    assert set(imported(path)) - OF_THE_MACHINE.get(name(path), set()) <= MODELS_MAY_IMPORT
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    forbidden = ("open", "read_", "scan_", "datetime.now", "date.today", "write_")
    found = {call for call in calls if call.rpartition(".")[2].startswith(forbidden) or call in forbidden}
    assert found <= KEEP_MACHINE_CODE.get(name(path), set())


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_and_functions_stay_short(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > LONGEST_FUNCTION]
    assert long == []


@pytest.mark.parametrize("path", MODEL_MODULES, ids=name)
def test_every_public_function_of_models_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    assert [f.name for f in public if ast.get_docstring(f) is None] == []


def test_dbt_reads_parquet_only() -> None:
    sql = "\n".join(path.read_text() for path in (PROJECT / "dbt_project").rglob("*.sql"))
    assert "read_parquet" in sql
    assert [word for word in ("read_csv", "read_json", "sqlite_scan", "attach ", "httpfs") if word in sql.lower()] == []
