"""Dagster's instance: its folder in the data folder, and who may open it when."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lake.turn import turn
from pipelines.settings import PROJECT, Paths

if TYPE_CHECKING:
    import dagster as dg


def dagster_home(paths: Paths) -> Path:
    return paths.root / "dagster"


def settle_in(home: Path) -> None:
    """Put the project's settings of the instance into its folder."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")


@contextmanager
def opened_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of this folder; whoever opens it first makes its databases.

    Dagster makes them in steps that two processes can mix: one fails, or both leave a mark of their version, and then
    nothing opens them ever again.
    """
    import dagster as dg

    with turn(home / "opening.lock", tell=lambda _: None):
        instance = dg.DagsterInstance.from_config(str(home))
    with instance:
        yield instance
