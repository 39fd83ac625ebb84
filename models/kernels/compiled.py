"""Kernels: loops over arrays, compiled once for the processor at hand and kept as machine code.

numba turns a typed function into LLVM's vectorised code; that is kept beside this module (or in the user's cache, or
for this process only), and later processes load it through llvmlite alone, which takes 30 ms where numba's own start
takes 600. What is kept is named after the sources of all kernels, the processor and the versions of the compilers, so
stale code is never found, and a digest in front tells damaged code.

`contract` allows fused multiply-add, `arcp` a reciprocal for a division, `nsz` ignoring the sign of zero: none changes
more than last digits, and all help LLVM to use whole vectors. `nnan` and `ninf` stay out, because NaN has a meaning
here; `reassoc` stays out, because it may cancel the rounding on which `elementary.exp` rests.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

_log = logging.getLogger(__name__)
_OPTIONS: dict[str, Any] = {"fastmath": {"contract", "arcp", "nsz"}, "error_model": "numpy"}
_OPTIMISATION = 3
_lock = threading.Lock()


# How the arguments of a kernel are annotated. It sees elements only, no lengths: these are arguments of their own.
Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]  # in the kernel `flag[i] != 0`
Out = npt.NDArray[np.float64]  # written by the kernel
_DTYPES: dict[str, np.dtype[Any]] = {
    "Numbers": np.dtype(np.float64), "Integers": np.dtype(np.int64), "Flags": np.dtype(np.bool_),
    "Out": np.dtype(np.float64),
}  # fmt: skip
_Byte = ctypes.c_char  # gives an address six times sooner than numpy's own way
_SCALARS: dict[str, Any] = {"int": ctypes.c_ssize_t, "float": ctypes.c_double}


class Kernel:
    """A function of the arguments above, int and float that returns nothing, compiled on its first call.

    Calls run without the interpreter's lock. An array of another type, not contiguous or read-only where it is written
    is a TypeError; whether arrays are long enough is for the caller to know.
    """

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self._kinds = [str(kind) for name, kind in function.__annotations__.items() if name != "return"]
        self._entry: Callable[..., None] | None = None

    def __call__(self, *arguments: Any) -> None:
        if len(arguments) != len(self._kinds):
            raise TypeError(f"{self.function.__name__} takes {len(self._kinds)} arguments, not {len(arguments)}")
        native = [_native(kind, given) for kind, given in zip(self._kinds, arguments, strict=True)]
        if self._entry is None:
            with _lock:
                self._entry = self._entry or self._load()
        self._entry(*native)

    def assembly(self) -> str:
        """The machine code as text, for those who want to see its vectors."""
        module, _ = self._module()
        return str(_machine().emit_assembly(module))

    def _load(self) -> Callable[..., None]:
        kept = _kept(self.function.__name__)
        found = next((code for path in kept if (code := _read(path)) is not None), None)
        if found is None:
            _log.info("compiling %s, once", self.function.__qualname__)
            module, symbol = self._module()
            found = symbol.encode() + b"\n" + _machine().emit_object(module)
            _keep(kept, found)
        symbol_bytes, _, code = found.partition(b"\n")
        _engine().add_object_file(llvm.ObjectFileRef.from_data(code))
        _engine().finalize_object()
        address = _engine().get_function_address(symbol_bytes.decode())
        arguments = [_SCALARS.get(kind, ctypes.c_void_p) for kind in self._kinds]
        return ctypes.CFUNCTYPE(None, *arguments)(address)

    def _module(self) -> tuple[Any, str]:
        """LLVM's optimised code and the name of its entry."""
        import numba

        pointer: Any = numba.types.CPointer
        of_kind = {
            "Numbers": pointer(numba.float64), "Out": pointer(numba.float64), "Flags": pointer(numba.uint8),
            "Integers": pointer(numba.int64), "int": numba.intp, "float": numba.float64,
        }  # fmt: skip
        signature = numba.void(*(of_kind[kind] for kind in self._kinds))
        compiled = numba.cfunc(signature, **_OPTIONS)(_with_inlined(self.function))
        return llvm.parse_assembly(compiled.inspect_llvm()), compiled.native_name


def kernel(function: Callable[..., None]) -> Kernel:
    """Make a kernel of a function whose arguments are all annotated."""
    assert isinstance(function, FunctionType)
    return Kernel(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a formula that kernels take into their loops: a call there would end their vectors."""
    function.__dict__["is_inlined"] = True
    return function


@cache
def _compiled_inline(function: FunctionType) -> Any:
    import numba

    return numba.njit(forceinline=True, **_OPTIONS)(_with_inlined(function))


def _with_inlined(function: FunctionType) -> FunctionType:
    """The function with compiled formulas in place of those of Python that it names."""
    named = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    formulas = {
        name: _compiled_inline(value)
        for name, value in named.items()
        if isinstance(value, FunctionType) and value.__dict__.get("is_inlined")
    }
    names = function.__globals__ | formulas
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)


def _native(kind: str, given: Any) -> Any:
    dtype = _DTYPES.get(kind)
    if dtype is None:
        return given
    if not isinstance(given, np.ndarray) or given.dtype != dtype or not given.flags.c_contiguous:
        raise TypeError(f"a contiguous array of {dtype} is needed, not {_told(given)}")
    if kind == "Out" and not given.flags.writeable:
        raise TypeError("an array that can be written is needed")
    return ctypes.addressof(_Byte.from_buffer(given)) if given.flags.writeable and given.size else given.ctypes.data


def _told(given: Any) -> str:
    if not isinstance(given, np.ndarray):
        return type(given).__name__
    return f"{'' if given.flags.c_contiguous else 'a strided one of '}{given.dtype}"


@cache
def _machine() -> Any:
    """The processor at hand."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=_OPTIMISATION)


@cache
def _engine() -> Any:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())


@cache
def _edition() -> str:
    """Names what the machine code depends on."""
    digest = hashlib.sha256()
    for part in (llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()):
        digest.update(part.encode())
    digest.update(f"{version('numba')} {version('llvmlite')} {_OPTIMISATION}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _kept(name: str) -> list[Path]:
    """Where machine code may lie: beside the sources, else in the user's cache."""
    file = f"{name.strip('_')}-{_edition()}.o"
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return [Path(__file__).parent / "__pycache__" / file, Path(cache_home) / "dealerflow" / file]


def _read(path: Path) -> bytes | None:
    """What was kept, or None where there is nothing whole."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest().encode() == digest else None


def _keep(places: list[Path], content: bytes) -> None:
    """Into the first place that can be written; another process never sees half a file."""
    for path in places:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            os.replace(file.name, path)
        except OSError:
            continue
        return
    _log.warning("compiled kernels cannot be kept: every process compiles them anew")
