"""The one HTTP client of all feeds: a request at a time per host, bounded in time and size, patient, and polite."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NoReturn, Self

import httpx
import tenacity

from pipelines.fetch.address import LOOPBACK, is_safe, seconds_asked, shown
from pipelines.fetch.turns import turn_at

_log = logging.getLogger(__name__)

# The vendors' sites answer only what looks like a browser; the rest says who is asking.
USER_AGENT = "Mozilla/5.0 (compatible; dealerflow; one polite request per symbol)"
_RETRIED = (408, 429)


class FetchFailed(Exception):
    """Nothing was fetched; the message is one line for the operator. `status`: of an answer that was final."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class VendorRefuses(FetchFailed):
    """The vendor does not want to be asked now."""


class Passing(FetchFailed):
    """May succeed when repeated, after the seconds that the vendor asked for; `is_refusal`: it was asked too often."""

    def __init__(self, message: str, asked_seconds: float = 0.0, *, is_refusal: bool = False) -> None:
        super().__init__(message)
        self.asked_seconds, self.is_refusal = asked_seconds, is_refusal


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole body, and when the last byte of it had arrived (UTC). Names of `headers` stand in small letters."""

    data: bytes
    url: str
    captured_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    connect_seconds: float = 10.0
    read_seconds: float = 30.0  # without a byte
    body_seconds: float = 180.0  # for one whole answer
    attempts: int = 5
    longest_wait_seconds: float = 120.0  # a vendor that asks for more is asked again another day
    pause_seconds: float = 2.0  # between two requests to a host
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """How one vendor wants to be asked, and how its answers say what is wrong."""

    pause_seconds: float
    judge: Callable[[int, bytes], None]  # HTTP status and whole body; raises Passing or FetchFailed, always unless 200


@dataclass(frozen=True, slots=True)
class _Question:
    """What is sent. One with `content` is a POST of JSON, which is never sent anywhere else than it was meant for."""

    url: str
    largest_bytes: int
    manner: Manner | None
    headers: Mapping[str, str]
    content: bytes | None = None

    @property
    def method(self) -> str:
        return "GET" if self.content is None else "POST"


class Clock:
    """The machine's clock; tests bring one that does not wait."""

    def now(self) -> datetime:
        """UTC, without zone."""
        return datetime.now(UTC).replace(tzinfo=None)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Client:
    """`turns`: a folder by which processes take turns at a host."""

    def __init__(self, turns: Path, limits: Limits = Limits(), clock: Clock | None = None) -> None:
        self._turns, self._limits, self._clock = turns, limits, clock or Clock()
        self._http = httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip"},
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            verify=_trusted(),
            follow_redirects=False,
            mounts={f"all://{host}": None for host in LOOPBACK if ":" not in host},  # never through a proxy
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def now(self) -> datetime:
        return self._clock.now()

    def get(
        self, url: str, *, largest_bytes: int, manner: Manner | None = None, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """The body at `url`. FetchFailed, in one line, when it cannot be had. `headers` stand beside the client's."""
        return self._ask(_Question(url, largest_bytes, manner, headers or {}))

    def post_json(
        self, url: str, question: object, *, largest_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """What is answered to a question that changes nothing there and may hence be repeated. Fails as `get` does."""
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        return self._ask(_Question(url, largest_bytes, None, all_headers, json.dumps(question).encode()))

    def _ask(self, question: _Question) -> Fetched:
        if not is_safe(question.url):
            raise FetchFailed(f"{shown(question.url)}: only https is fetched")
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Passing),
            stop=self._is_enough,
            wait=tenacity.wait_combine(
                _wait_asked, tenacity.wait_exponential_jitter(initial=1, max=self._limits.longest_wait_seconds / 2)
            ),
            sleep=self._clock.sleep,
            before_sleep=_tell,
        )
        manner = question.manner
        pause_seconds = self._limits.pause_seconds if manner is None else manner.pause_seconds
        with turn_at(httpx.URL(question.url).netloc.decode(), self._turns, pause_seconds, self._clock):
            try:
                return attempts(self._attempt, question)
            except tenacity.RetryError as error:
                self._give_up(error.last_attempt)

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= self._limits.attempts or _wait_asked(state) > self._limits.longest_wait_seconds

    def _give_up(self, last: tenacity.Future) -> NoReturn:
        error = last.exception()
        if isinstance(error, Passing) and error.asked_seconds > self._limits.longest_wait_seconds:
            raise VendorRefuses(f"{error}; the vendor asks to wait {error.asked_seconds:.0f} s: try again later")
        is_refusal = isinstance(error, Passing) and error.is_refusal
        raise (VendorRefuses if is_refusal else FetchFailed)(f"{error} ({last.attempt_number} attempts)")

    def _attempt(self, question: _Question) -> Fetched:
        deadline = self._clock.monotonic() + self._limits.body_seconds
        place, manner = question.url, question.manner
        for _ in range(1 + self._limits.redirects):
            with self._answer(place, question) as response:
                if response.has_redirect_location:
                    place = _on_same_host(response, question)
                    continue
                self._judge(response, is_body_read=manner is not None)
                data = self._body(response, question.largest_bytes, deadline)
                if manner is not None:
                    manner.judge(response.status_code, data)
                return Fetched(data, question.url, self._clock.now(), dict(response.headers))
        raise FetchFailed(f"more than {self._limits.redirects} redirects")

    @contextmanager
    def _answer(self, url: str, question: _Question) -> Iterator[httpx.Response]:
        """What goes wrong on the way, between the first and the last byte, is worth a second attempt."""
        try:
            with self._http.stream(
                question.method, url, headers=dict(question.headers), content=question.content
            ) as response:
                yield response
        except httpx.ConnectTimeout:
            raise Passing(f"no connection within {self._limits.connect_seconds:g} s") from None
        except httpx.TimeoutException:
            raise Passing(f"no answer within {self._limits.read_seconds:g} s") from None
        except httpx.ConnectError as error:
            raise Passing(f"no connection: {error}") from None
        except httpx.InvalidURL:
            raise FetchFailed("redirected to what is no address") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Passing(f"the answer was cut off: {error}") from None

    def _judge(self, response: httpx.Response, *, is_body_read: bool) -> None:
        status = response.status_code
        said = f"the vendor answered HTTP {status}"
        if status == 403:
            refused = "the vendor refuses (HTTP 403): a symbol unknown to it, or asked too often; wait first"
            raise VendorRefuses(refused, status)
        if status in _RETRIED or status >= 500:
            asked_seconds = seconds_asked(response.headers.get("retry-after"), self._clock.now())
            raise Passing(said, asked_seconds, is_refusal=status == 429)
        if status == 204:
            return  # whole and empty
        if status != 200 and not is_body_read:
            raise FetchFailed("unknown to the vendor (HTTP 404)" if status == 404 else said, status)
        if not response.headers.keys() & {"content-length", "transfer-encoding"}:
            raise FetchFailed("the answer does not say where it ends, so nobody can tell whether it is whole")

    def _body(self, response: httpx.Response, largest_bytes: int, deadline: float) -> bytes:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > largest_bytes:
                raise FetchFailed(f"more than {largest_bytes} bytes; such an answer is not read to its end")
            if self._clock.monotonic() > deadline:
                raise Passing(f"not complete within {self._limits.body_seconds:g} s")
        return bytes(body)


@lru_cache
def _trusted() -> ssl.SSLContext:
    """Read once a process: the authorities' certificates are many."""
    return httpx.create_ssl_context()


def _on_same_host(response: httpx.Response, question: _Question) -> str:
    if question.content is not None:
        raise FetchFailed("redirected, which a question by POST does not follow")
    here = response.url
    there = here.join(response.headers["location"])
    if (there.scheme, there.netloc) != (here.scheme, here.netloc) or there.userinfo:
        raise FetchFailed(f"redirected to another place ({there.host}), which is not followed")
    return str(there)


def _wait_asked(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.asked_seconds if isinstance(error, Passing) else 0.0


def _tell(state: tenacity.RetryCallState) -> None:
    """Without it, a long wait looks like a command that hangs."""
    error = state.outcome.exception() if state.outcome else None
    seconds = state.next_action.sleep if state.next_action else 0.0
    _log.warning("%s: %s; asking again in %.0f s", shown(state.args[0].url), error, seconds)
