"""What the machine code of a kernel is made of."""

from __future__ import annotations

import re
from functools import cache

from models.kernels.compiled import Kernel

_PACKED = re.compile(
    r"^\s+(?:v?(?:fn?m(?:add|sub)(?:132|213|231)|mul|add|sub|div|sqrt)pd\b"  # x86-64: two doubles and more at once
    r"|f(?:mla|mls|mul|add|sub|div|sqrt)(?:\.2d\b|\s+[vz]\d+\.(?:2d|d)\b))",  # ARM
    re.MULTILINE,
)
_CALL = re.compile(r"^\s+(?:callq?|bl|movabsq)\s+\$?([A-Za-z_]\w*)", re.MULTILINE)
_OF_MEMORY = {"memset", "memcpy"}  # LLVM writes them for loops that fill or copy


@cache
def _assembly(kernel: Kernel) -> str:
    return kernel.assembly()


def vector_instructions(kernel: Kernel) -> int:
    """How many instructions compute on several doubles at once."""
    return len(_PACKED.findall(_assembly(kernel)))


def calls(kernel: Kernel) -> set[str]:
    """What it calls, but to fill memory. A kernel must call nothing: vectors end where a call begins."""
    return set(_CALL.findall(_assembly(kernel))) - _OF_MEMORY
