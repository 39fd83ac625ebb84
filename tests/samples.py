"""Real vendor files, where the machine has them. They are never part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_folder = os.environ.get("DEALERFLOW_SAMPLES")
SAMPLES = Path(_folder) if _folder else None
needs_samples = pytest.mark.skipif(SAMPLES is None, reason="DEALERFLOW_SAMPLES names no folder of vendor files")


def sample(name: str) -> Path:
    assert SAMPLES is not None
    return SAMPLES / name


def quote_pages() -> list[Path]:
    return sorted(sample("cboe_quotedata").glob("*.csv"))


def curves() -> Path:
    return next(sample("treasury").glob("*.csv"))
