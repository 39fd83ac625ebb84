"""Where things lie and how much of the machine a run may use, as the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.engine import ENGINES, Engine

PROJECT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """Something the operator set that means nothing; one line names it."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one warehouse, all below `root`."""

    root: Path
    work: Path | None = None  # where to build, if not in the place of its own

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def reduced(self) -> Path:
        """What huge raw objects reduce to; made again when it is missing."""
        return self.root / "reduced"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def catalogue(self) -> Path:
        return self.lake / "_catalogue.sqlite"

    @property
    def exports(self) -> Path:
        """The catalogue as Parquet, for readers that must not open the SQLite file."""
        return self.lake / "_catalogue"

    @property
    def spool(self) -> Path:
        """What a fetch that is not finished has brought so far."""
        return self.root / "spool"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse" / "dealerflow.duckdb"

    @property
    def marts(self) -> Path:
        return self.root / "marts"

    @property
    def build(self) -> Path:
        return self.work or self.root / "build"


def data_paths() -> Paths:
    """`DEALERFLOW_DATA`, else `data/` of the checkout."""
    return Paths(Path(os.environ.get("DEALERFLOW_DATA") or PROJECT / "data").resolve())


def workers() -> int:
    """Threads or processes over which independent partitions fan out (`DEALERFLOW_WORKERS`, else the cores)."""
    text = os.environ.get("DEALERFLOW_WORKERS", "")
    if text and not (text.isascii() and text.isdecimal()):
        raise SettingsError(f"DEALERFLOW_WORKERS={text}: not a number of workers, such as 4")
    return max(1, int(text or os.cpu_count() or 1))


def kernel_engine() -> Engine:
    """Who computes the heavy formulas (`DEALERFLOW_KERNELS`): compiled kernels, or the same in plain NumPy."""
    text = os.environ.get("DEALERFLOW_KERNELS") or "compiled"
    for engine in ENGINES:
        if text == engine:
            return engine
    raise SettingsError(f"DEALERFLOW_KERNELS={text}: there are {' and '.join(ENGINES)}")
