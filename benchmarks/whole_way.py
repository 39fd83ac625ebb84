"""Where the time goes from a vendor's file to the published one, step by step.

`python -m benchmarks.whole_way --page spx.csv --history months/*.parquet --mapping snapshots.toml --checkout ../before`

Each run is a process of its own on an empty data folder. By step everything is computed in one thread, so that the
seconds of processors add up; as run it is the command of an operator, with the workers that it takes. With several
checkouts, each of which needs an environment of its own, the runs take turns, and medians stand side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pipelines.settings import PROJECT

STEPS = Path(__file__).with_name("whole_way_steps.py")


@dataclass
class Checkout:
    """A checkout and what was measured of it: seconds of processors and of the clock by step, a pair a run."""

    folder: Path
    found: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)  # MB

    def add(self, step: str, cpu: float, wall: float) -> None:
        self.found.setdefault(step, []).append((cpu, wall))

    def told(self, step: str) -> str:
        runs = self.found.get(step)
        return f"{'':16}" if runs is None else "".join(f"{median(column):8.2f}" for column in zip(*runs, strict=True))

    def run(self, arguments: list[str], data: Path, **more: str) -> tuple[float, float, str]:
        """Seconds of processors, with those of its own children, and of the clock; and the last line it told."""
        # A machine that keeps no bytecode compiles dbt in every process: that is not what is measured.
        kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run(
            [str(self.folder / ".venv" / "bin" / "python"), *arguments], cwd=self.folder, check=True, text=True,
            stdout=subprocess.PIPE, env={**kept, "PYTHONPATH": str(self.folder), "DEALERFLOW_DATA": str(data), **more},
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cpu, time.perf_counter() - began, told.stdout.strip().splitlines()[-1]


def measure(checkout: Checkout, files: list[str], mapping: str | None, scratch: Path | None) -> None:
    """One run by step, one as run."""
    job = json.dumps({"files": files, "mapping": mapping and Path(mapping).read_text()})
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        told = checkout.run([str(STEPS), job], Path(folder), POLARS_MAX_THREADS="1")[2]
        for step, (cpu, wall) in json.loads(told).items():
            checkout.add(step, cpu, wall)
        checkout.sizes = sizes(Path(folder))
    batches = [files] if mapping else [[file] for file in files]
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for place, batch in enumerate(batches):
            command = ["-m", "pipelines.cli", "load", *batch, *(["--mapping", mapping] if mapping else [])]
            checkout.add("as run, later page" if place else "as run", *checkout.run(command, Path(folder))[:2])
        checkout.add("nothing new", *checkout.run(["-m", "pipelines.cli", "run"], Path(folder))[:2])


def sizes(data: Path) -> dict[str, float]:
    """Megabytes below each folder of a data folder, and the number of the lake's files."""
    found = {
        f"{folder.name}, MB": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
        for folder in sorted(data.iterdir())
        if folder.is_dir()
    }
    return found | {"files in the lake": float(sum(1 for _ in (data / "lake").rglob("v=*.parquet")))}


def tell(title: str, checkouts: list[Checkout]) -> None:
    """A line a step: seconds of processors and of the clock, checkout by checkout."""
    names = "".join(f"{checkout.folder.name:>16}" for checkout in checkouts)
    print(f"\n{title}\n{'step':24}{names}\n{'':24}{'     cpu    wall' * len(checkouts)}")
    for step in dict.fromkeys(step for checkout in checkouts for step in checkout.found):
        print(f"{step:24}" + "".join(checkout.told(step) for checkout in checkouts))
    for name in dict.fromkeys(name for checkout in checkouts for name in checkout.sizes):
        print(f"{name:24}" + "".join(f"{checkout.sizes.get(name, 0.0):16.1f}" for checkout in checkouts))


def main() -> None:
    """Measure by turns, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", nargs="+", default=[], help="saved pages; as run each by a command of its own")
    parser.add_argument("--history", nargs="+", default=[], help="recorded snapshots, loaded by one command")
    parser.add_argument("--mapping", default=None, help="the mapping that reads the history")
    parser.add_argument("--checkout", type=Path, action="append", help="measured by turns; else this one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scratch", type=Path, default=None, help="where the data folders come and go")
    arguments = parser.parse_args()
    folders = [folder.resolve() for folder in arguments.checkout or [PROJECT]]
    for title, names, mapping in (
        ("Pages", arguments.page, None),
        ("History", arguments.history, arguments.mapping and str(Path(arguments.mapping).resolve())),
    ):
        if not names:
            continue
        files = [str(Path(name).resolve()) for name in names]
        checkouts = [Checkout(folder) for folder in folders]
        for _ in range(arguments.repeats):
            for checkout in checkouts:
                measure(checkout, files, mapping, arguments.scratch)
        tell(f"{title}: {len(files)} files, medians of {arguments.repeats} runs, seconds", checkouts)


if __name__ == "__main__":
    main()
