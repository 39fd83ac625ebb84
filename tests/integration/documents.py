"""Documents that show commands with their answers, and the sample market's warehouse on which they are repeated."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
README, COOKBOOK = PROJECT / "README.md", PROJECT / "docs" / "COOKBOOK.md"
DOCUMENTS = (README, COOKBOOK)
DEALERFLOW = Path(sys.executable).with_name("dealerflow")
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ENDS_WITH = re.compile(r"`make run` ends with:\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One command of the README and the output shown below it."""

    command: str
    output: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said; trailing blanks of a line mean nothing."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Checkout:
    """A stand-in for the reader's checkout: `data/` below it is the warehouse."""

    root: Path

    def tell(self, *arguments: str) -> Told:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DEALERFLOW_")},
            "DEALERFLOW_DATA": str(self.root / "data"),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [DEALERFLOW, *arguments], cwd=self.root, env=environment, text=True, capture_output=True, check=False
        )
        return Told(done.returncode, trimmed(done.stdout), trimmed(done.stderr))

    @cached_property
    def sample(self) -> Told:
        return self.tell("sample")

    @cached_property
    def first_run(self) -> Told:
        assert self.sample.code == 0
        return self.tell("run")

    def answer(self, block: Block) -> str:
        assert self.first_run.code == 0, self.first_run.err
        program, *arguments = shlex.split(block.command)
        assert program == ".venv/bin/dealerflow"
        told = self.tell(*arguments)
        assert told.code == 0, told.err
        return told.out


def trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def split(block: str) -> Block:
    """The command goes on for as long as a quotation is open."""
    lines = block.splitlines(keepends=True)
    assert lines[0].startswith("$ "), lines[0]
    for end in range(1, len(lines) + 1):
        command = "".join(lines[:end]).removeprefix("$ ")
        if command.count('"') % 2 == 0:
            return Block(command, "".join(lines[end:]))
    raise AssertionError(f"a quotation stays open: {block}")


def blocks(document: Path) -> list[Block]:
    return [split(block) for block in _CONSOLE.findall(document.read_text())]


def levels(told: str) -> str:
    """The end of what a run says."""
    return told[told.index("Newest levels") :]


def rewritten(document: Path, checkout: Checkout) -> str:
    """A document with the output that its commands give now."""

    def shown(block: re.Match[str]) -> str:
        parts = split(block[1])
        return f"```console\n$ {parts.command}{checkout.answer(parts)}```"

    text = _CONSOLE.sub(shown, document.read_text())
    end = RUN_ENDS_WITH.search(text)
    return text if end is None else text.replace(end[1], levels(checkout.first_run.out))
