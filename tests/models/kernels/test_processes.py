"""Machine code and processes: a second one loads what the first compiled, several at once do no harm, all compute the
same."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models import engine
from models.kernels.compiled import Numbers, Out, kernel
from models.kernels.threads import spread

PROJECT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
import numpy as np
from models.black import greeks
before = sorted({name.partition(".")[0] for name in sys.modules} & {"numba", "llvmlite"})
delta = greeks(
    spot=100.0, forward=100.0, strike=[90.0, 100.0], t_years=0.5, iv_frac=0.2, discount_factor=1.0, is_call=True
).delta
print(before, "numba" in sys.modules, "scipy.special" in sys.modules, delta.view(np.int64).tolist())
"""
TINY = """
from __future__ import annotations
import sys
import numpy as np
from models.kernels.compiled import Numbers, Out, inlined, kernel

@inlined
def squared(x):
    return x * x

def _tiny(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = squared(x[i])

out = np.zeros(3)
kernel(_tiny)(3, np.array([1.0, 2.0, 3.0]), out)
print("numba" in sys.modules, *out)
"""


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where processes of this module keep compiled files, machine code among them."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def fresh(bytecode: Path, tmp_path: Path) -> Path:
    """The same folder without machine code."""
    for path in bytecode.rglob("*.o"):
        path.unlink()
    return bytecode


def started(folder: Path, script: str = SCRIPT, **environment: str) -> subprocess.Popen[str]:
    """A Python of its own whose compiled files lie in the folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script], cwd=PROJECT,
        env=own | {"PYTHONPYCACHEPREFIX": str(folder)} | environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def told(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    return out.strip()


def test_a_second_process_loads_what_the_first_compiled_without_numba(fresh: Path):
    first, second = told(started(fresh)), told(started(fresh))
    assert first.startswith("[] True False [")
    assert second == first.replace("[] True", "[] False")
    assert [path.suffix for path in fresh.rglob("greeks._greeks*")] == [".o"]


def test_processes_that_compile_at_once_all_compute_and_keep_one_whole_file(fresh: Path):
    assert {told(process) for process in [started(fresh, TINY) for _ in range(3)]} <= {
        "True 1.0 4.0 9.0", "False 1.0 4.0 9.0",
    }  # fmt: skip
    assert [path.suffix for path in fresh.rglob("*._tiny*")] == [".o"]
    assert told(started(fresh, TINY)) == "False 1.0 4.0 9.0"


def test_settings_of_numba_do_no_harm(fresh: Path):
    settings = {"NUMBA_DISABLE_JIT": "1", "NUMBA_CPU_NAME": "generic", "NUMBA_OPT": "0"}
    assert [told(started(fresh, TINY, **settings)) for _ in range(2)] == ["True 1.0 4.0 9.0", "False 1.0 4.0 9.0"]
    assert told(started(fresh, TINY)) == "True 1.0 4.0 9.0"  # it does not take the odd code for its own


def test_importing_the_models_imports_no_compiler(fresh: Path):
    script = """
import sys
from importlib import import_module
from pathlib import Path
fronts = ("black", "implied_vol", "profile", "grid", "american")
for name in dict.fromkeys((*fronts, *(path.stem for path in sorted(Path("models").glob("*.py"))))):
    import_module(f"models.{name}")
    if name == fronts[-1]:
        print("scipy.special" in sys.modules)
print(sorted({"numba", "llvmlite"} & set(sys.modules)))
"""
    assert told(started(fresh, script)).split("\n") == ["False", "[]"]


@kernel
def _squares(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = x[i] * x[i]


def squares(count: int) -> list[float]:
    """In another process: many pieces on threads of its own."""
    engine.set_threads(2)
    out = np.zeros(count)

    def task(start: int, end: int) -> None:
        _squares(end - start, np.arange(float(start), float(end)), out[start:end])

    spread(task, count, piece=3)
    return out.tolist()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # what multi-threaded parents are told since 3.12
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_other_processes_compute_the_same_with_threads_of_their_own(method: str):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    here = squares(20)
    assert here == [float(i * i) for i in range(20)]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        assert pool.submit(squares, 20).result(timeout=120) == here
