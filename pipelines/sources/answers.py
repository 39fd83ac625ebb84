"""Several answers of a vendor in one document, as they were fetched, and JSON that nobody vouches for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sources.page import Unreadable

_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked, and the texts that came, in order."""

    request: Mapping[str, Any]
    bodies: list[str]


def is_bundle(data: bytes, name: str) -> bool:
    """Whether these bytes begin as a bundle of answers for the source `name`."""
    head = data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return re.match(rb'\{\s*"dealerflow_bundle"\s*:\s*"' + re.escape(name.encode()) + rb'"', head) is not None


def answers(data: bytes, name: str, most_items: int) -> Answers:
    """The answers in a bundle for the source `name`."""
    document = opened(data, most_items)
    pages = document.get("pages") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("dealerflow_bundle") != name or not isinstance(pages, list):
        raise Unreadable(f"no bundle of answers for {name}")
    bodies = [page.get("body") for page in pages if isinstance(page, dict)]
    if not bodies or len(bodies) != len(pages) or not all(isinstance(body, str) for body in bodies):
        raise Unreadable("a page of the bundle has no body")
    request = document.get("request")
    return Answers(request if isinstance(request, dict) else {}, [str(body) for body in bodies])


def opened(content: bytes | str, most_items: int) -> Any:
    """A JSON document. Unreadable where it has more items than it should, or says one thing twice."""
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"the text is not UTF-8 (byte {error.start})") from None
    if sum(content.count(mark) for mark in ",[{") > most_items:
        raise Unreadable(f"more than {most_items} items are no such answer")
    try:
        return json.loads(content, object_pairs_hook=_object)
    except RecursionError:
        raise Unreadable("the JSON is nested more deeply than any such answer") from None
    except ValueError as error:
        raise Unreadable(f"no whole JSON: {str(error)[:120]}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    stated = dict(pairs)
    if len(stated) != len(pairs):
        raise Unreadable("the JSON states one key of an object twice")
    return stated
