"""`python -m tests.fuzz.run [--examples N] [--first N] [PARSER ...]`: many spoilt files for each parser, on every core.

Each distinct failure is made small and written to the corpus. Exits with 1 if there is one.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the examples share the cores, not their columns

import argparse
import hashlib
import logging
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from tests.fuzz.minimise import minimised
from tests.fuzz.parsers import CORPUS, NAMES, Case, examples, outcome

_AT_A_TIME = 500
_WIDTHS = "{:22} {:>9} {:>9} {:>9} {:>11} {:>18}"


@dataclass
class Tally:
    """What became of the examples of one parser. `failures`: the first case of each."""

    fates: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    failures: dict[str, Case] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        self.fates.update(other.fates)
        self.slowest = max(self.slowest, other.slowest)
        self.failures = {**other.failures, **self.failures}


def tally(name: str, numbers: range) -> Tally:
    found = Tally()
    for case in examples(name, numbers):
        what = outcome(name, case)
        found.fates["failed" if what.failure else "read" if what.is_read else "refused"] += 1
        found.slowest = max(found.slowest, what.seconds)
        if what.failure is not None:
            found.failures.setdefault(what.failure, case)
    return found


def keep(name: str, case: Case) -> str:
    """The case as a file of the corpus; its name is the beginning of its hash."""
    sha8 = hashlib.sha256(case.data + (case.mapping or "").encode()).hexdigest()[:8]
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha8).write_bytes(case.data)
    if case.mapping is not None:
        (folder / f"{sha8}.toml").write_text(case.mapping)
    return sha8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parsers", nargs="*", default=NAMES, metavar="PARSER")
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first example")
    asked = parser.parse_args()
    logging.disable()
    is_sound = True
    print(_WIDTHS.format("parser", "examples", "refused", "read", "slowest ms", "distinct failures"), flush=True)
    with ProcessPoolExecutor() as pool:
        for name in asked.parsers:
            last = asked.first + asked.examples
            parts = [range(at, min(at + _AT_A_TIME, last)) for at in range(asked.first, last, _AT_A_TIME)]
            whole = Tally()
            for done in as_completed([pool.submit(tally, name, part) for part in parts]):
                whole.add(done.result())
            counts, slowest = whole.fates, round(whole.slowest * 1000)
            print(_WIDTHS.format(name, counts.total(), counts["refused"], counts["read"], slowest, len(whole.failures)))
            for failure, kept in zip(
                whole.failures, pool.map(minimised, [name] * 99, whole.failures.values()), strict=False
            ):
                print(f"    {failure}: corpus/{name}/{keep(name, kept)}")
            sys.stdout.flush()
            is_sound = is_sound and not whole.failures
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
