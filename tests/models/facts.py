"""Numeric facts that tests compare with: small tables of our own, and the large ones where they lie beside us."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OWN = Path(__file__).parents[1] / "golden"
GOLDEN = os.environ.get("DEALERFLOW_GOLDEN")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV whose leading lines may be comments."""
    with path.open(newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def column(rows: list[dict[str, str]], name: str) -> NDArray[np.float64]:
    return np.array([float(row[name]) for row in rows])


def high_precision_tables() -> list[Path]:
    large = [Path(GOLDEN, "black_scholes_mpmath.csv")] if GOLDEN else []
    return [OWN / "high_precision_greeks.csv", *large]
