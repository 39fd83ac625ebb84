"""Assembles one HTML page that needs nothing from outside.

The drawing library lies in the page, packed, and is unpacked by the page's own script. The page's policy names the
hashes of these two scripts: nothing else can run in it, and nothing in it can reach the network.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, Template

from pipelines.looking.figure import Figure

_HERE = Path(__file__).parent
_PLAIN_CHARACTERS = 300_000  # of a figure's data; larger ones are packed, for they repeat themselves


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers as text; the first column heads its row."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_words: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """A heading with a short list."""

    heading: str
    lines: Sequence[str]


Part = Figure | Table | Points | str


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    subtitle: str
    footer: Sequence[str]
    parts: Sequence[Part] = ()
    sections: Sequence[Section] = ()
    banner: str | None = None


def as_html(page: Page) -> str:
    """The page as one text. Everything that comes from data is escaped on its way in."""
    script = _own("page.js")
    parts = [*page.parts, *itertools.chain.from_iterable(section.parts for section in page.sections)]
    return _template().render(
        page=page,
        css=_own("page.css"),
        script=script,
        library=_packed_library(),
        policy=policy(_library(), script),
        has_figures=any(isinstance(part, Figure) for part in parts),
        number=itertools.count(1).__next__,
    )


def as_data(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def policy(*scripts: str) -> str:
    """Only these scripts may run; no connection, no frame, no form, no outside picture."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'"
    )


def write(page: Page, *paths: Path) -> int:
    """The page into files, each whole or not at all; returns its size in bytes."""
    content = as_html(page).encode()
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(path)
    return len(content)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["as_data"] = as_data
    environment.filters["packed"] = packed
    environment.globals["plain_characters"] = _PLAIN_CHARACTERS
    return environment.from_string(_own("page.html"))


@cache
def _own(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


@cache
def _library() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _packed_library() -> str:
    return base64.b64encode(gzip.compress(_library().encode(), 9, mtime=0)).decode()


@cache
def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
