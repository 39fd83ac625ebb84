"""Questions to Deribit, JSON-RPC over GET, and what comes back: the text verbatim, and the result in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from pipelines.fetch.client import Client, FetchFailed, Manner, Passing
from pipelines.fetch.deribit import FEED
from pipelines.fetch.feed import base_url, require_data
from pipelines.sources.deribit_bundle import response_line
from pipelines.sources.page import Unreadable

Host = Literal["live", "history"]
Params = Mapping[str, str | int]
HISTORY_URL = "https://history.deribit.com"
_HOSTS: dict[Host, tuple[str, str]] = {"live": ("deribit", FEED.base_url), "history": ("deribit_history", HISTORY_URL)}
LARGEST_BYTES = 48 * 2**20  # a line of a bundle, in which quotes are escaped, may hold 64
TOO_MANY_REQUESTS, INVALID_PARAMS = 10028, -32602
_PAUSE_SECONDS = 0.1  # twenty requests a second are allowed
_PAUSES = {"public/get_instruments": 1.0}  # of this, one
_LONGEST_SAID = 160


class Declined(FetchFailed):
    """Deribit understood the question and answered with an error; `code` is Deribit's, `param` the word at fault."""

    def __init__(self, message: str, code: object, param: object) -> None:
        super().__init__(message)
        self.code, self.param = code, param


@dataclass(frozen=True, slots=True)
class Reply:
    method: str
    params: dict[str, str | int]
    captured_at: datetime  # of its last byte, UTC
    body: str
    result: Any
    server_ms: int | None  # Deribit's clock when it answered

    def line(self) -> str:
        """As a bundle keeps it."""
        return response_line(self.captured_at, self.method, self.params, self.body)


Ask = Callable[[Host, str, Params], Reply]


def asking(client: Client) -> Ask:
    """Ask by this client. A reply that the function gives holds a result; FetchFailed where none can be had."""

    def ask(host: Host, method: str, params: Params) -> Reply:
        url = f"{base_url(*_HOSTS[host])}/api/v2/{method}?{urlencode(params)}"
        manner = Manner(_PAUSES.get(method, _PAUSE_SECONDS), judge)
        fetched = client.get(url, largest_bytes=LARGEST_BYTES, manner=manner)
        return reply_of(method, params, fetched.captured_at, fetched.data.decode())

    return ask


def reply_of(method: str, params: Params, captured_at: datetime, body: str) -> Reply:
    page = json.loads(body)
    server_us = page.get("usOut")
    server_ms = server_us // 1000 if isinstance(server_us, int) else None
    return Reply(method, dict(params), captured_at, body, page["result"], server_ms)


def judge(status: int, data: bytes) -> None:
    """Whether an answer holds a result; what else it may say is told in a line."""
    try:
        require_data(data)
        page = json.loads(data.decode())
    except Unreadable as error:
        raise FetchFailed(str(error) if status == 200 else f"the vendor answered HTTP {status}") from None
    except ValueError:
        raise Passing("the answer is no whole JSON") from None
    except RecursionError:
        raise FetchFailed("the answer is JSON that nobody reads to its end") from None
    if not isinstance(page, dict):
        raise FetchFailed("the answer is JSON of another kind")
    if page.get("error") is not None:
        _decline(page["error"])
    if status != 200:
        raise FetchFailed(f"the vendor answered HTTP {status}")
    if page.get("result") is None:
        raise FetchFailed("the answer holds neither a result nor an error")
    if page.get("testnet") is True:
        raise FetchFailed("the answer is of the test network, whose prices are nobody's")


def _decline(error: object) -> None:
    told = error if isinstance(error, dict) else {"message": error}
    data = told.get("data")
    reason, param = (data.get("reason"), data.get("param")) if isinstance(data, dict) else (data, None)
    code = told.get("code")
    words = [f"error {code}:", told.get("message"), reason, f"({param})" if param else None]
    said = " ".join(" ".join(str(word).split()) for word in words if word)[:_LONGEST_SAID]
    if code == TOO_MANY_REQUESTS:
        raise Passing(said, is_refusal=True)
    raise Declined(said, code, param)
