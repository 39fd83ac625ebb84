"""Kernels at their own boundary, and their machine code on disk: found again, never stale, never trusted if damaged."""

from __future__ import annotations

import inspect
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.kernels import compiled
from models.kernels.compiled import Flags, Integers, Kernel, Numbers, Out, inlined, kernel

FACTOR = 3.0


@inlined
def squared(x: float) -> float:
    return x * x


@inlined
def shifted(x: float) -> float:
    return squared(x) + FACTOR


def _shift(count: int, by: float, x: Numbers, is_used: Flags, place: Integers, out: Out) -> None:
    for i in range(count):
        out[i] = shifted(x[place[i]]) + by if is_used[i] != 0 else np.nan


SHIFT = kernel(_shift)
SOUND: tuple[Any, ...] = (
    3, 0.5, np.array([1.0, 2.0, 3.0]), np.array([True, True, False]), np.array([2, 1, 0]), np.zeros(3),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first place where machine code lies is `beside`, the second `home`, both below the folder of the test."""
    monkeypatch.setattr(compiled, "cache_from_source", lambda _: str(tmp_path / "beside" / "compiled.pyc"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    compiled._warn_that_nothing_is_kept.cache_clear()
    return tmp_path


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was compiled since."""
    names: list[str] = []
    module = Kernel.module

    def counted(self: Kernel) -> Any:
        names.append(self.function.__name__)
        return module(self)

    monkeypatch.setattr(Kernel, "module", counted)
    return names


def computed(function: Any = _shift) -> list[float]:
    """By a fresh kernel, which has loaded nothing yet."""
    out = np.zeros(3)
    kernel(function)(*SOUND[:5], out)
    return np.nan_to_num(out, nan=-1.0).tolist()


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.o"))


def place(function: Any = _shift) -> Path:
    return compiled._places(function)[0]


EXPECTED = [12.5, 7.5, -1.0]


# --- what a kernel takes


def test_a_kernel_computes_what_its_function_says(folder: Path):
    assert computed() == EXPECTED


@pytest.mark.parametrize(
    ("position", "given", "told"),
    [
        (0, 3.0, "a whole number is needed, not float"),
        (0, "3", "a whole number is needed, not str"),
        (0, None, "a whole number is needed, not NoneType"),
        (1, 1, "a float is needed, not int"),
        (1, np.zeros(1), "a float is needed, not ndarray"),
        (2, [1.0, 2.0, 3.0], "a contiguous array of float64 is needed, not list"),
        (2, np.zeros(3, np.float32), "a contiguous array of float64 is needed, not float32"),
        (2, np.zeros(3, np.int64), "a contiguous array of float64 is needed, not int64"),
        (2, np.zeros(3, ">f8"), "a contiguous array of float64 is needed, not >f8"),
        (2, np.zeros(6)[::2], "a contiguous array of float64 is needed, not a strided one of float64"),
        (2, np.zeros((3, 3))[:, 0], "a contiguous array of float64 is needed, not a strided one of float64"),
        (2, np.broadcast_to(1.0, 3), "a contiguous array of float64 is needed, not a strided one of float64"),
        (2, np.frombuffer(bytes(25), np.float64, 3, 1), "an array that lies at a multiple of its elements' size is"),
        (3, np.zeros(3, np.uint8), "a contiguous array of bool is needed, not uint8"),
        (4, np.zeros(3, np.int32), "a contiguous array of int64 is needed, not int32"),
        (5, np.frombuffer(bytes(24), np.float64), "an array that can be written is needed"),
        (5, None, "a contiguous array of float64 is needed, not NoneType"),
    ],
)
def test_an_argument_of_another_kind_is_one_clear_line(position: int, given: Any, told: str):
    with pytest.raises(TypeError) as caught:
        SHIFT(*SOUND[:position], given, *SOUND[position + 1 :])
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [SOUND[:-1], (*SOUND, 1), ()], ids=len)
def test_another_number_of_arguments_is_one_clear_line(given: tuple[Any, ...]):
    with pytest.raises(TypeError, match=f"^_shift takes 6 arguments, not {len(given)}$"):
        SHIFT(*given)


def test_what_is_read_may_be_read_only_and_empty_and_a_subclass(folder: Path):
    x = np.array([1.0, 2.0, 3.0]).view(np.recarray)
    x.flags.writeable = False
    out = np.zeros(3)
    SHIFT(np.int32(3), np.float64(0.5), x, *SOUND[3:5], out)
    assert out[0] == EXPECTED[0]
    SHIFT(0, 0.5, np.empty(0), np.empty(0, bool), np.empty(0, np.int64), np.empty(0))


def test_a_function_with_other_arguments_is_no_kernel():
    def of_text(count: int, name: str) -> None: ...

    with pytest.raises(TypeError, match=r"^of_text: a kernel cannot take str$"):
        kernel(of_text)


def test_a_kernel_that_would_call_into_python_is_refused(folder: Path):
    def _asking(count: int, out: Out) -> None:
        for i in range(count):
            if out[i] < 0.0:
                raise ValueError("no")  # its text is an object of Python
            out[i] = np.random.normal()

    with pytest.raises(TypeError, match=r"^_asking: machine code cannot call "):
        kernel(_asking)(3, np.zeros(3))
    assert kept(folder) == []


# --- what is kept


def test_machine_code_is_kept_beside_the_sources_and_found_again(folder: Path, compilations: list[str]):
    assert computed() == computed() == EXPECTED
    assert compilations == ["_shift"]
    assert kept(folder) == [place()]
    assert place().parent == folder / "beside"
    assert [path for path in folder.rglob("*") if path.is_file()] == [place()]


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b[:-1],
        lambda b: b"",
        lambda b: b"\n",
        lambda b: b[:100] + bytes([b[100] ^ 1]) + b[101:],
        lambda b: b[:3] + b"0000" + b[7:],
        lambda b: b * 2,
    ],
    ids=["half", "one byte less", "empty", "a line", "one bit", "another digest", "twice"],
)
def test_damaged_code_is_made_again(folder: Path, compilations: list[str], damage: Any):
    computed()
    whole = place().read_bytes()
    place().write_bytes(damage(whole))
    assert computed() == EXPECTED
    assert len(compilations) == 2
    assert computed() == EXPECTED
    assert len(compilations) == 2


def test_a_folder_in_the_place_of_the_code_is_passed_over(folder: Path, compilations: list[str]):
    place().mkdir(parents=True)
    assert computed() == computed() == EXPECTED
    assert [path.parent for path in kept(folder) if path.is_file()] == [folder / "home" / "dealerflow"]
    assert compilations == ["_shift"]


def test_code_goes_home_where_the_sources_cannot_be_written(folder: Path, compilations: list[str], caplog):
    (folder / "beside").write_text("a file, so that nothing can lie in it")
    assert computed() == computed() == EXPECTED
    assert [path.parent for path in kept(folder)] == [folder / "home" / "dealerflow"]
    assert compilations == ["_shift"]
    assert caplog.records == []


def test_where_nothing_can_be_written_there_is_one_warning_and_the_same_result(
    folder: Path, compilations: list[str], caplog: pytest.LogCaptureFixture
):
    for name in ("beside", "home"):
        (folder / name).write_text("a file")
    assert computed() == computed() == EXPECTED
    assert compilations == ["_shift"] * 2
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == ["compiled kernels cannot be kept: every process compiles them anew"]


def test_a_user_without_a_home_can_compute(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(compiled.Path, "home", nowhere)
    assert computed() == EXPECTED
    assert len(compiled._places(_shift)) == 1


def test_code_is_named_after_what_the_kernel_and_its_formulas_say(monkeypatch: pytest.MonkeyPatch):
    def changed(source: str) -> Path:
        scope: dict[str, Any] = dict(globals())
        exec(source, scope)
        return place(scope["_shift"])

    source = "from __future__ import annotations\n\n" + inspect.getsource(_shift)
    here = changed(source)
    assert changed(source) == here
    assert changed(source + "\n\n# a remark") == here
    assert changed(source.replace("+ by", "- by")) != here
    assert changed(source.replace("!= 0", "!= 1")) != here
    assert changed(source.replace("by: float", "by: int")) != here
    monkeypatch.setitem(shifted.__globals__, "FACTOR", 4.0)
    assert changed(source) != here
    monkeypatch.undo()
    assert changed(source) == here
    monkeypatch.setattr(squared, "__code__", (lambda x: x * x * x).__code__)
    assert changed(source) != here


@pytest.mark.parametrize("changed", ["triple", "cpu", "features", "numba", "setting", "python"])
def test_another_processor_compiler_or_setting_does_not_find_the_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changed: str
):
    here = place()
    triple, cpu, features = compiled._processor()
    if changed == "numba":
        monkeypatch.setattr(compiled, "version", lambda _: "0.0")
    elif changed == "setting":
        monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    elif changed == "python":
        monkeypatch.setattr(sys.implementation, "cache_tag", "cpython-399")
    else:
        other = {
            "triple": ("wasm32", cpu, features), "cpu": (triple, "z80", features), "features": (triple, cpu, "+x87"),
        }[changed]  # fmt: skip
        monkeypatch.setattr(compiled, "_processor", lambda: other)
    assert place() != here


def test_older_editions_give_way_but_those_of_other_processors_stay(folder: Path, monkeypatch: pytest.MonkeyPatch):
    computed()
    first = place()
    monkeypatch.setitem(shifted.__globals__, "FACTOR", 4.0)
    assert computed() == [13.5, 8.5, -1.0]
    assert kept(folder) == [place()] != [first]
    monkeypatch.setenv("NUMBA_OPT", "3")
    computed()
    assert len(kept(folder)) == 2


# --- threads


def test_threads_that_call_a_kernel_for_the_first_time_together_compile_it_once(folder: Path, compilations: list[str]):
    fresh, barrier = kernel(_shift), threading.Barrier(8)

    def first_call(_: int) -> float:
        out = np.zeros(3)
        barrier.wait()
        fresh(*SOUND[:5], out)
        return float(out[0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(first_call, range(8))) == [EXPECTED[0]] * 8
    assert compilations == ["_shift"]
