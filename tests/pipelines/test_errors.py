"""What a user can mend is one line: settings, folders, the catalogue."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines import settings
from pipelines.errors import is_for_users, one_line
from pipelines.lake.catalogue import Catalogue, CatalogueError
from pipelines.settings import PROJECT, SettingsError


def dealerflow(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=PROJECT, env=os.environ | {"DEALERFLOW_DATA": str(data)} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The only line on stderr."""
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("dealerflow: ")
    return line


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "²"])
def test_a_number_of_workers_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DEALERFLOW_WORKERS", text)
    with pytest.raises(SettingsError, match="DEALERFLOW_WORKERS") as caught:
        settings.workers()
    assert is_for_users(caught.value)


@pytest.mark.parametrize(("text", "threads"), [("3", 3), ("0", 1)])
def test_at_least_one_worker_works(monkeypatch: pytest.MonkeyPatch, text: str, threads: int) -> None:
    monkeypatch.setenv("DEALERFLOW_WORKERS", text)
    assert settings.workers() == threads


def test_an_engine_that_does_not_exist_is_one_line_whatever_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEALERFLOW_KERNELS", "turbo")
    assert told(dealerflow(tmp_path, "tables")) == "dealerflow: DEALERFLOW_KERNELS=turbo: there are compiled and plain"


@pytest.mark.parametrize(("text", "engine"), [("", "compiled"), ("compiled", "compiled"), ("plain", "plain")])
def test_kernels_are_compiled_unless_plain_ones_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, text: str, engine: str
) -> None:
    monkeypatch.setenv("DEALERFLOW_KERNELS", text)
    assert settings.kernel_engine() == engine


def test_a_corrupt_catalogue_is_one_line(tmp_path: Path) -> None:
    catalogue = tmp_path / "lake" / "_catalogue.sqlite"
    catalogue.parent.mkdir()
    catalogue.write_bytes(b"no database at all " * 100)
    assert f"{catalogue} cannot be opened: file is not a database" in told(dealerflow(tmp_path, "run"))


def test_a_data_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    assert str(tmp_path / "data") in told(dealerflow(tmp_path / "data", "run"))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_what_the_machine_refuses_names_the_file(number: int) -> None:
    error = OSError(number, os.strerror(number), "/data/lake")
    assert is_for_users(error)
    assert one_line(error) == f"/data/lake: {os.strerror(number)}"


def test_a_catalogue_that_fails_later_is_one_line() -> None:
    error = sqlite3.OperationalError("database is locked")
    assert is_for_users(error)
    assert one_line(error) == "the catalogue of the lake: database is locked"


def test_our_own_mistakes_are_not_dressed_up() -> None:
    assert not is_for_users(ZeroDivisionError("division by zero"))
    assert not is_for_users(OSError(errno.EBADF, "Bad file descriptor"))


def test_many_who_open_a_new_lake_at_once_all_get_in(tmp_path: Path) -> None:
    path = tmp_path / "lake" / "_catalogue.sqlite"
    with ThreadPoolExecutor(8) as executor:
        opened = list(executor.map(lambda _: open_and_close(path), range(40)))
    assert set(opened) == {None}


def open_and_close(path: Path) -> CatalogueError | None:
    try:
        Catalogue(path).close()
    except CatalogueError as error:
        return error
    return None


def test_a_catalogue_of_an_older_release_gains_the_columns_added_since(tmp_path: Path) -> None:
    path = tmp_path / "_catalogue.sqlite"
    Catalogue(path).close()
    with sqlite3.connect(path) as old:
        old.execute("alter table partition_versions drop column pruned_at")
    catalogue = Catalogue(path)
    assert catalogue.rows("select pruned_at from partition_versions") == []
    assert catalogue.versions(["chains"]) == []
    catalogue.close()
