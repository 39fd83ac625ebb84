"""A fresh lake for each test, and the files of the sample market."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths
from pipelines.simulate import write_market


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_market(tmp_path_factory.mktemp("market"))
