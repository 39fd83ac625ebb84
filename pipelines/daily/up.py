"""`dealerflow up`: Dagster's web pages and its daemon together, on this machine only, until one of them ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pipelines.daily.instance import dagster_home, opened_instance, settle_in
from pipelines.lake.turn import LakeBusy, turn
from pipelines.settings import PROJECT, Paths

HOST = "127.0.0.1"
DEFINITIONS = "pipelines.definitions"
_PATIENCE_SECONDS = 20.0  # for a child that was asked to end
_PAUSE_SECONDS = 0.5
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy reaches this machine's own ports


class UpError(Exception):
    """Nothing runs, or something ended by itself; one line says what."""


def up(paths: Paths, port: int, tell: Callable[[str], None], *, definitions: str = DEFINITIONS) -> None:
    """Run both in the foreground. Returns when interrupted; UpError when one ends by itself."""
    home = dagster_home(paths)
    with _alone(home), _interruptible():
        _require_free(port)
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "DEALERFLOW_DATA": str(paths.root),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PYTHONWARNINGS": "ignore",  # Dagster warns of its own beta features, over and over
            "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")])),
        }
        settle_in(home)
        _end_orphans(home)  # makes the instance where there is none; both children at once would spoil it
        with _children(commands(port, definitions), environment) as children:
            try:
                _watch(children, port, tell)
            except KeyboardInterrupt:
                tell("Stopping.")


def commands(port: int, definitions: str) -> dict[str, list[str]]:
    """The programs of this very environment."""
    folder = Path(sys.executable).parent
    quiet = ["--log-level", "warning", "--code-server-log-level", "error"]
    return {
        "webserver": [str(folder / "dagster-webserver"), "-h", HOST, "-p", str(port), "-m", definitions, *quiet],
        "daemon": [str(folder / "dagster-daemon"), "run", "-m", definitions, *quiet[:2]],
    }


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    try:
        with turn(home / "up.lock", patience_seconds=0):
            yield
    except LakeBusy:
        raise UpError(f"dealerflow up runs already for {home.parent}") from None


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UpError(f"port {port} cannot be had ({error.strerror}); name another with --port") from None


def _end_orphans(home: Path) -> None:
    """Runs whose processes died with the machine would hold the queue for ever."""
    import dagster as dg

    under_way = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    with opened_instance(home) as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=under_way)):
            instance.report_run_failed(run, message="the process ended before the run did")


@contextmanager
def _interruptible() -> Iterator[None]:
    """An orderly end by SIGTERM is one by Ctrl-C."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _children(
    programs: Mapping[str, list[str]], environment: Mapping[str, str]
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in programs.items():
            # A group of its own: Ctrl-C in the terminal reaches this process alone, which then ends both in order.
            children[name] = subprocess.Popen(command, cwd=PROJECT, env=dict(environment), start_new_session=True)
        yield children
    finally:
        for child in children.values():
            _signal(child, signal.SIGINT)
        for child in children.values():
            try:
                child.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        os.killpg(child.pid, number)


def _watch(children: Mapping[str, subprocess.Popen[bytes]], port: int, tell: Callable[[str], None]) -> None:
    is_told = False
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                raise UpError(f"the {name} ended with code {child.returncode}; its last lines stand above")
        if not is_told and _answers(port):
            tell(f"Dagster: http://{HOST}:{port} (Ctrl-C ends it). Schedules run while this does.")
            is_told = True
        time.sleep(_PAUSE_SECONDS)


def _answers(port: int) -> bool:
    try:
        with _direct.open(f"http://{HOST}:{port}/server_info", timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):  # the latter, where the kernel connects the port to itself
        return False
