"""Compare the numerics with plain NumPy and with every peer that can be installed, interleaved in one run.

Tables in Markdown go to stdout. Peers that are not installed are left out; `make bench` installs them.
"""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from llvmlite.binding import get_host_cpu_name

from benchmarks.peers import report
from benchmarks.peers.measure import Comparison, Size, apart, compare
from benchmarks.peers.surfaces import Surfaces, many_cores, one_core
from pipelines.settings import PROJECT

DOCUMENT = PROJECT / "docs/BENCHMARKS.md"
_QUICK = Size(contracts=100_000, truths=400, rounds=3)
_EXAMPLES = """examples:
  make bench                                     everything, some minutes; tables on the screen
  make bench ARGS=--quick                        a quarter of the contracts and fewer rounds: a minute, if idle
  make bench ARGS=--write                        and the figures of docs/BENCHMARKS.md are renewed
  python -m benchmarks.peers --only greeks       one comparison
"""
_PARTS = ("implied_vol", "greeks", "surfaces")


def main() -> None:
    """Measure each part in a process of its own, then tell."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="fewer contracts, truths and rounds")
    parser.add_argument("--only", choices=_PARTS, help="one part; cannot be written")
    parser.add_argument("--write", action="store_true", help=f"renew the figures of {DOCUMENT.relative_to(PROJECT)}")
    asked = parser.parse_args()
    if asked.only and asked.write:
        parser.error("--write needs all parts")
    size = _QUICK if asked.quick else Size()
    parts = (asked.only,) if asked.only else _PARTS
    compared: dict[str, Comparison] = {k: apart(compare, 1, k, size) for k in ("implied_vol", "greeks") if k in parts}
    surfaces: Surfaces | None = None
    if "surfaces" in parts:
        surfaces = apart(one_core, 1, size) | apart(many_cores, 2, size)
    figures = report.figures(facts(size, asked.quick), compared, surfaces)
    print(figures)
    if asked.write:
        DOCUMENT.write_text(report.between_markers(DOCUMENT.read_text(encoding="utf-8"), figures), encoding="utf-8")


def facts(size: Size, is_quick: bool) -> dict[str, str]:
    """Where and how the figures came about; no names of machines or folders."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba", "polars"))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": "make bench ARGS=--quick" if is_quick else "make bench",
        "processor": processor(),
        "load of the machine meanwhile": f"{os.getloadavg()[1]:.1f} on {os.cpu_count()} cores",
        "Python": f"{platform.python_version()} on {platform.system()}; {packages}",
        "measured": f"{size.contracts:,} contracts, {size.rounds} rounds, {size.truths:,} truths",
    }


def processor() -> str:
    """The model, as the system tells it, and the kind that the compiler takes it for."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    told = models[0] if models else platform.processor() or platform.machine()
    return f"{told} ({get_host_cpu_name()})"


if __name__ == "__main__":
    main()
