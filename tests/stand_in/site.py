"""The vendors' sites as a small server on the loopback: each path answers as it was told to, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAINTENANCE = b"<!DOCTYPE html><html><title>We will be back soon</title></html>"
UNKNOWN = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'


@dataclass(frozen=True)
class Answer:
    """One answer. The last one of a path is repeated for ever."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    is_silent: bool = False  # takes the request and never answers
    cut_after: int | None = None  # promises the whole body, hangs up after so many bytes
    is_chunked: bool = False
    is_unbounded: bool = False  # says neither how long the body is nor where it ends
    is_endless: bool = False  # sends the body again and again


@dataclass
class Request:
    path: str  # with its query
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


class Site:
    """Scripted answers by path (without parameters), and what was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._answers: dict[str, list[Answer]] = {}
        self._behaving: dict[str, Callable[[Request], Answer]] = {}
        self._at_once = 0
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def answers(self, path: str, *answers: Answer) -> None:
        self._answers[path] = list(answers)

    def behaves(self, prefix: str, respond: Callable[[str], Answer]) -> None:
        """Whatever is below this path is answered by the function, which is given path and query, one at a time."""
        self._behaving[prefix] = lambda request: respond(request.path)

    def responds(self, prefix: str, respond: Callable[[Request], Answer]) -> None:
        """Like `behaves`, by a function that sees the whole request."""
        self._behaving[prefix] = respond

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    @contextmanager
    def serving(self, request: Request) -> Iterator[Answer]:
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self._answer(request)
        try:
            yield answer
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, request: Request) -> Answer:
        target = request.path
        respond = next((given for prefix, given in self._behaving.items() if target.startswith(prefix)), None)
        if respond is not None:
            return respond(request)
        script = self._answers.get(target.partition("?")[0], [Answer(UNKNOWN, 403)])
        return script.pop(0) if len(script) > 1 else script[0]


@contextmanager
def standing_in() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits for the acknowledgement of its headers

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _serve(self, body: bytes) -> None:
            with site.serving(Request(self.path, dict(self.headers), self.command, body)) as answer:
                try:
                    _serve(self, answer, site.closing)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client had enough

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the overridden method
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _serve(handler: BaseHTTPRequestHandler, answer: Answer, closing: threading.Event) -> None:
    if answer.is_silent:
        closing.wait(30)
        handler.close_connection = True
        return
    handler.send_response(answer.status)
    handler.send_header("Content-Type", answer.content_type)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if answer.is_chunked or answer.is_endless:
        handler.send_header("Transfer-Encoding", "chunked")
    elif answer.is_unbounded:
        handler.close_connection = True
    else:
        handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    if answer.is_endless:
        while not closing.is_set():
            handler.wfile.write(_chunk(answer.body))
    sent = answer.body[: answer.cut_after]
    handler.wfile.write(_chunk(sent) if answer.is_chunked else sent)
    if answer.cut_after is not None:
        handler.close_connection = True
    elif answer.is_chunked:
        handler.wfile.write(b"0\r\n\r\n")


def _chunk(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
