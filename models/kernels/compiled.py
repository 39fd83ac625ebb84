"""Kernels: loops over arrays, compiled once for the processor at hand and kept as machine code.

numba turns a typed function into LLVM's vectorised code; that is kept beside this module (or in the user's cache, or
for this process only), and later processes load it through llvmlite alone, which takes 30 ms where numba's own start
takes 600. What is kept is named after all that it depends on: what the kernel and its formulas say, the processor, the
compilers and their settings. So stale code is never found, and a digest in front tells damaged code.

`contract` allows fused multiply-add, `arcp` a reciprocal for a division, `nsz` ignoring the sign of zero: none changes
more than last digits, and all help LLVM to use whole vectors. `nnan` and `ninf` stay out, because NaN has a meaning
here; `reassoc` stays out, because it may cancel the rounding on which `elementary.exp` rests.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

_log = logging.getLogger(__name__)
_OPTIONS: dict[str, Any] = {"fastmath": {"contract", "arcp", "nsz"}, "error_model": "numpy"}
_BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # those would call into numba and Python
_OPTIMISATION = 3
_OF_THE_SYSTEM = {"sqrt"}  # which machine code may call; LLVM makes an instruction of it
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
_SCALARS: dict[str, Any] = {"int": ctypes.c_ssize_t, "float": ctypes.c_double}
_TOLD = {"int": "a whole number", "float": "a float"}
_Byte = ctypes.c_char  # gives an address six times sooner than numpy's own way
_UNUSED = (ctypes.c_void_p * 1)()  # where compiled functions write that they return None


class Kernel:
    """A function of the arguments above, int and float that returns nothing, compiled on its first call.

    Calls run without the interpreter's lock. Arguments of another number or kind, an array of another type, not
    contiguous or read-only where it is written are a TypeError; whether arrays are long enough is for the caller to
    know.
    """

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self._kinds = [str(kind) for name, kind in function.__annotations__.items() if name != "return"]
        if unknown := sorted(set(self._kinds) - {*_DTYPES, *_SCALARS}):
            raise TypeError(f"{function.__name__}: a kernel cannot take {', '.join(unknown)}")
        self._entry: Callable[..., int] | None = None

    def __call__(self, *arguments: Any) -> None:
        if len(arguments) != len(self._kinds):
            raise TypeError(f"{self.function.__name__} takes {len(self._kinds)} arguments, not {len(arguments)}")
        native = [_native(kind, given) for kind, given in zip(self._kinds, arguments, strict=True)]
        if self._entry is None:
            with _lock:
                self._entry = self._entry or self._load()
        self._entry(_UNUSED, _UNUSED, *native)

    def assembly(self) -> str:
        """The machine code as text, for those who want to see its vectors."""
        return str(_machine().emit_assembly(self.module()[0]))

    def module(self) -> tuple[Any, str]:
        """LLVM's optimised code and the name of its entry. TypeError if it needs anything from outside."""
        import numba

        pointer: Any = numba.types.CPointer
        of_kind = {
            "Numbers": pointer(numba.float64), "Out": pointer(numba.float64), "Flags": pointer(numba.uint8),
            "Integers": pointer(numba.int64), "int": numba.intp, "float": numba.float64,
        }  # fmt: skip
        signature = numba.void(*(of_kind[kind] for kind in self._kinds))
        (compiled,) = _jit(self.function, signature, **_BARE).overloads.values()
        module = llvm.parse_assembly(compiled.library.get_llvm_str())
        declared = [*module.functions, *module.global_variables]
        needed = {value.name for value in declared if value.is_declaration and not value.name.startswith("llvm.")}
        if needed - _OF_THE_SYSTEM:
            raise TypeError(f"{self.function.__name__}: machine code cannot call {', '.join(sorted(needed))}")
        return module, compiled.fndesc.llvm_func_name

    def _load(self) -> Callable[..., int]:
        places = _places(self.function)
        found = next((code for path in places if (code := _read(path)) is not None), None)
        if found is None:
            _log.info("compiling %s, once", self.function.__qualname__)
            module, symbol = self.module()
            found = symbol.encode() + b"\n" + _machine().emit_object(module)
            _keep(places, found)
        symbol_bytes, _, code = found.partition(b"\n")
        _engine().add_object_file(llvm.ObjectFileRef.from_data(code))
        _engine().finalize_object()
        address = _engine().get_function_address(symbol_bytes.decode())
        arguments = [_SCALARS.get(kind, ctypes.c_void_p) for kind in self._kinds]
        return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *arguments)(address)


def kernel(function: Callable[..., None]) -> Kernel:
    """Make a kernel of a function whose arguments are all annotated."""
    assert isinstance(function, FunctionType)
    return Kernel(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a formula that kernels take into their loops: a call there would end their vectors."""
    function.__dict__["is_inlined"] = True
    return function


def _is_inlined(value: Any) -> bool:
    return isinstance(value, FunctionType) and "is_inlined" in value.__dict__


def _jit(function: FunctionType, *signature: Any, **options: Any) -> Any:
    """The function compiled, with compiled formulas in place of those of Python that it names."""
    import numba

    named = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    formulas = {
        name: _compiled_formula(value, tuple(_statements(value))) for name, value in named.items() if _is_inlined(value)
    }
    names = function.__globals__ | formulas
    closed = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    config: Any = numba.config
    njit: Any = numba.njit
    was_disabled, config.DISABLE_JIT = config.DISABLE_JIT, 0  # a debugging aid for others' functions
    try:
        return njit(*signature, **_OPTIONS, **options)(closed)
    finally:
        config.DISABLE_JIT = was_disabled


@cache
def _compiled_formula(function: FunctionType, _said: tuple[str, ...]) -> Any:
    return _jit(function, forceinline=True)


def _native(kind: str, given: Any) -> Any:
    dtype = _DTYPES.get(kind)
    if dtype is None:
        if not isinstance(given, int | np.integer if kind == "int" else float):
            raise TypeError(f"{_TOLD[kind]} is needed, not {type(given).__name__}")
        return int(given) if kind == "int" else given
    if not isinstance(given, np.ndarray) or given.dtype != dtype or not (flags := given.flags).c_contiguous:
        raise TypeError(f"a contiguous array of {dtype} is needed, not {_told(given)}")
    if not flags.aligned:
        raise TypeError("an array that lies at a multiple of its elements' size is needed")
    if kind == "Out" and not flags.writeable:
        raise TypeError("an array that can be written is needed")
    buffer: Any = given
    return ctypes.addressof(_Byte.from_buffer(buffer)) if flags.writeable and given.size else given.ctypes.data


def _told(given: Any) -> str:
    if not isinstance(given, np.ndarray):
        return type(given).__name__
    return f"{'' if given.flags.c_contiguous else 'a strided one of '}{given.dtype}"


def _processor() -> tuple[str, str, str]:
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM cannot tell on some processors; their name says enough
        features = ""
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


@cache
def _machine() -> Any:
    """The processor at hand, with the settings by which numba itself runs what it compiles."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple, cpu, features = _processor()
    target = llvm.Target.from_triple(triple)
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(cpu=cpu, features=features, opt=_OPTIMISATION, reloc=reloc, jit=True)


@cache
def _engine() -> Any:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())


def _statements(function: Any) -> Iterator[str]:
    """What the function says, and whatever it names: numbers and formulas."""
    code = function.__code__
    yield repr((code.co_code, code.co_consts, code.co_names, code.co_varnames, function.__annotations__))
    for name in code.co_names:
        value = function.__globals__.get(name)
        if _is_inlined(value):
            yield from _statements(value)
        elif not isinstance(value, ModuleType):
            yield f"{name} = {value!r}"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _places(function: FunctionType) -> list[Path]:
    """Where its machine code may lie: beside the sources' other compiled files, else in the user's cache."""
    settings = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_"))
    place = _digest([*_processor(), *settings])[:8]
    compilers = [version("numba"), version("llvmlite"), Path(__file__).read_text()]
    edition = _digest([*compilers, *_statements(function)])[:24]
    stem = f"{function.__module__.rpartition('.')[2]}.{function.__name__}.{sys.implementation.cache_tag}"
    name = f"{stem}-{place}-{edition}.o"
    folders = [Path(cache_from_source(__file__)).parent]
    try:
        folders.append(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dealerflow")
    except RuntimeError:  # nobody's home
        _log.debug("there is no home folder")
    return [folder / name for folder in folders]


def _read(path: Path) -> bytes | None:
    """What was kept, or None where there is nothing whole."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest().encode() == digest else None


def _keep(places: list[Path], content: bytes) -> None:
    """Into the first place that can be written, instead of older editions; nobody ever sees half a file."""
    for path in places:
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            os.replace(partial, path)
            for older in set(path.parent.glob(f"{path.name.rpartition('-')[0]}-*.o")) - {path}:
                older.unlink(missing_ok=True)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            continue
        return
    _warn_that_nothing_is_kept()


@cache
def _warn_that_nothing_is_kept() -> None:
    _log.warning("compiled kernels cannot be kept: every process compiles them anew")
