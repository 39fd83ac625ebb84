"""`dealerflow up`: both programs run and end together, and a tick of a schedule really launches a run."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest

from pipelines.calendar import us_sessions
from pipelines.daily import up as up_module
from pipelines.daily.instance import dagster_home, opened_instance, settle_in
from pipelines.daily.up import HOST, UpError, up
from pipelines.definitions import defs
from pipelines.defs.jobs import ROOM
from pipelines.lake.store import opened
from pipelines.settings import PROJECT, Paths
from tests.archive_files import archive_file

PATIENCE_SECONDS = 300.0
OPENER = """
import pathlib, sys
import dagster
from pipelines.daily.instance import opened_instance
print("ready", flush=True)
for line in sys.stdin:
    with opened_instance(pathlib.Path(line.strip())):
        print("opened", flush=True)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(1)
    return False


@contextmanager
def running(data: Path, port: int) -> Iterator[None]:
    """`up` from its line to its orderly end. Where a test fails, pytest shows what it and its children said."""
    said = data / "said.txt"
    with said.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.up_process", str(data), str(port)],
            cwd=PROJECT, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        assert wait_for(lambda: f"Dagster: http://{HOST}:{port}" in said.read_text() or process.poll() is not None)
        assert process.poll() is None
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            print(said.read_text())


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def marks(home: Path) -> list[int]:
    """How many marks of a version each database of the instance has; Dagster opens only what has one."""
    found = []
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        with closing(sqlite3.connect(home / name)) as database:
            found += database.execute("SELECT count(*) FROM alembic_version").fetchone()
    return found


@pytest.mark.slow
def test_a_tick_launches_a_run_and_what_follows_from_it(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    days = us_sessions().between(today - timedelta(days=9), today - timedelta(days=1))[-3:]
    expiries = (today + timedelta(days=40), today + timedelta(days=100))
    for day in days:
        os.utime(archive_file(tmp_path / "in", [day], expiries=expiries), (1, 1))
    (tmp_path / "dealerflow.toml").write_text('inbox = ["in"]\n')
    port = free_port()
    with running(tmp_path, port), opened_instance(dagster_home(Paths(tmp_path))) as instance:

        def is_done(job: str) -> bool:
            done = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
            return instance.get_runs_count(done) > 0

        assert wait_for(lambda: is_done("us_job")), instance.get_runs()
        assert wait_for(lambda: instance.get_runs_count(dg.RunsFilter(job_name="publish_job")) > 0), instance.get_runs()
        first = instance.get_runs(dg.RunsFilter(job_name="collect_job"))[-1]
        assert first.tags["dagster/schedule_name"] == "every_minute"
    with opened(Paths(tmp_path)) as lake:
        assert [version.key.session_date for version in lake.catalogue.versions(["key_levels"])] == days
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, port)) != 0  # nothing serves there any more


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(UpError, match="name another with --port"):
            up(Paths(tmp_path), taken.getsockname()[1], print)


def test_only_an_answer_of_the_web_pages_counts_as_one() -> None:
    """The kernel may connect a port that nothing serves yet to itself, and the question comes back as the answer."""

    def echo(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(connection.recv(4096))

    with socket.create_server((HOST, 0)) as listening:
        thread = Thread(target=echo, args=(listening,))
        thread.start()
        assert not up_module._answers(listening.getsockname()[1])
        thread.join()


def test_a_proxy_of_the_environment_is_not_asked_for_the_own_port(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("http_proxy", f"http://{HOST}:1")
    with HTTPServer((HOST, 0), Answer) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        assert up_module._answers(server.server_port)
        thread.join()


def test_one_that_ends_by_itself_ends_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    sleeping = f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)"
    dying = (
        f"import pathlib, time\nwhile not pathlib.Path({str(pid)!r}).exists(): time.sleep(0.05)\nraise SystemExit(3)"
    )
    programs = {"webserver": [sys.executable, "-c", sleeping], "daemon": [sys.executable, "-c", dying]}
    monkeypatch.setattr(up_module, "commands", lambda *_: programs)
    with pytest.raises(UpError, match="the daemon ended with code 3"):
        up(Paths(tmp_path), free_port(), print)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_second_one_for_the_same_data_is_refused(tmp_path: Path) -> None:
    home = dagster_home(Paths(tmp_path))
    with up_module._alone(home), pytest.raises(UpError, match="runs already"):
        up(Paths(tmp_path), free_port(), print)
    assert not (home / "dagster.yaml").exists()  # the settings that the first one reads are let alone


def test_the_instance_is_made_before_the_programs_that_would_make_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[int]] = []

    def commands(*_: object) -> dict[str, list[str]]:
        found.append(marks(dagster_home(Paths(tmp_path))))
        return {"daemon": [sys.executable, "-c", ""]}

    monkeypatch.setattr(up_module, "commands", commands)
    with pytest.raises(UpError, match="the daemon ended with code 0"):
        up(Paths(tmp_path), free_port(), print)
    assert found == [[1, 1, 1]]


@pytest.mark.slow
def test_three_that_open_a_new_instance_at_once_make_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", OPENER]
    processes = [
        subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [line_of(process) for process in processes] == ["ready\n"] * 3
    for home in (tmp_path / "first", tmp_path / "second", tmp_path / "third"):
        for process in processes:
            print(home, file=process.stdin, flush=True)
        assert [line_of(process) for process in processes] == ["opened\n"] * 3
        assert marks(home) == [1, 1, 1]
    for process in processes:
        process.communicate()


def test_runs_that_a_crash_left_under_way_do_not_hold_the_queue(tmp_path: Path) -> None:
    home = dagster_home(Paths(tmp_path))
    settle_in(home)
    with opened_instance(home) as instance:
        assert instance.run_coordinator is not None

        @dg.op
        def nothing() -> None:
            pass

        @dg.job
        def lost() -> None:
            nothing()

        run = instance.create_run_for_job(lost, status=dg.DagsterRunStatus.STARTED)
    up_module._end_orphans(home)
    with opened_instance(home) as instance:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status == dg.DagsterRunStatus.FAILURE


def test_the_instance_keeps_to_itself_and_lets_one_run_of_a_room_go_at_a_time(tmp_path: Path) -> None:
    home = dagster_home(Paths(tmp_path))
    settle_in(home)
    with opened_instance(home) as instance:
        assert not instance.telemetry_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        (limit,) = queue.tag_concurrency_limits
        assert limit == {"key": ROOM, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    rooms = {job.name: job.tags[ROOM] for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    assert queue.max_concurrent_runs == len(set(rooms.values()))  # so that no room waits for another
    assert {name for name, room in rooms.items() if room == rooms["crypto_visit_job"]} == {"crypto_visit_job"}
    assert rooms["crypto_job"] == rooms["us_job"] == rooms["collect_job"]
