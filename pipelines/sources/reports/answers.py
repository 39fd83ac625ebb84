"""Several answers of a vendor in one document, as they were fetched, and JSON that nobody vouches for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sources.page import Unreadable

HEAD_BYTES = 4096
_LONGEST_NUMBER = 30  # digits; longer ones are no quantity and are not worth the time to read


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its text, at which row of all it begins, and how many rows there are, where the vendor says so."""

    body: str
    offset: int
    record_total: int | None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked, and the answers that came, in order."""

    request: Mapping[str, Any]
    pages: list[Page]

    @property
    def bodies(self) -> list[str]:
        return [page.body for page in self.pages]


def is_bundle(data: bytes, name: str) -> bool:
    """Whether these bytes begin as a bundle of answers for the source `name`."""
    head = data[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return re.match(rb'\{\s*"dealerflow_bundle"\s*:\s*"' + re.escape(name.encode()) + rb'"', head) is not None


def answers(data: bytes, name: str, most_items: int, *, most_objects: int | None = None) -> Answers:
    """The answers in a bundle for the source `name`."""
    document = opened(data, most_items, most_objects=most_objects)
    if not isinstance(document, dict) or document.get("dealerflow_bundle") != name:
        raise Unreadable(f"no bundle of answers for {name}")
    pages, request = document.get("pages"), document.get("request")
    if not isinstance(pages, list) or not pages:
        raise Unreadable("the bundle has no pages")
    return Answers(request if isinstance(request, dict) else {}, [_page(page) for page in pages])


def _page(page: object) -> Page:
    if not isinstance(page, dict) or not isinstance(page.get("body"), str):
        raise Unreadable("a page of the bundle has no body")
    offset, total = page.get("offset"), page.get("record_total")
    if offset is not None and not _is_whole(offset):
        raise Unreadable("a page of the bundle has no offset")
    return Page(page["body"], offset or 0, total if _is_whole(total) else None)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse_repeat() -> Any:
    raise Unreadable("the JSON states one key of an object twice")


def opened(
    content: bytes | str,
    most_items: int,
    *,
    most_objects: int | None = None,
    on_repeat: Callable[[], Any] = _refuse_repeat,
) -> Any:
    """A JSON document. Unreadable where it has more items or objects than it should, counted by its punctuation.

    `on_repeat`: what stands for an object that states one of its keys twice; unless given, the document is refused.
    """
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"the text is not UTF-8 (byte {error.start})") from None
    objects = content.count("{")
    if objects + content.count(",") + content.count("[") > most_items:
        raise Unreadable(f"more than {most_items} items are no such answer")
    if most_objects is not None and objects > most_objects:
        raise Unreadable(f"more than {most_objects} rows are no such answer")

    def stated(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        return found if len(found) == len(pairs) else on_repeat()

    try:
        return json.loads(content, object_pairs_hook=stated, parse_int=_whole_number)
    except RecursionError:
        raise Unreadable("the JSON is nested more deeply than any such answer") from None
    except ValueError as error:
        raise Unreadable(f"no whole JSON: {str(error)[:120]}") from None


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= _LONGEST_NUMBER else math.inf
