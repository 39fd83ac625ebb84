"""The examples that docs/MAPPING.md prints, by the name of the mapping."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "MAPPING.md").read_text()
_BLOCK = r"```(csv|toml)\n(.*?)^```$"


def example(name: str) -> tuple[str, str]:
    """The file (empty where none is printed) and the mapping of the section that names it."""
    start = TEXT.index(f"`{name}.toml`")
    found: dict[str, str] = {}
    for kind, text in re.findall(_BLOCK, TEXT[start:], re.MULTILINE | re.DOTALL):
        found[kind] = text
        if kind == "toml":
            break
    return found.get("csv", ""), found["toml"]
