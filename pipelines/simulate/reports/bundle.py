"""Fetched answers in one document, as the fetchers of this project keep them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Page:
    url: str
    record_total: int | None
    offset: int | None
    content_type: str
    body: str


def bundle(source: str, request: dict[str, object], pages: Sequence[Page]) -> bytes:
    document = {"dealerflow_bundle": source, "request": request, "pages": [asdict(page) for page in pages]}
    return json.dumps(document, ensure_ascii=False).encode()


def answer(url: str, body: str, content_type: str = _JSON) -> Page:
    return Page(url, None, None, content_type, body)


def record_pages(url: str, records: Sequence[dict[str, object]], limit: int) -> list[Page]:
    """Records by pages of so many, each an array that says how many there are in all."""
    starts = range(0, max(len(records), 1), limit)
    return [Page(url, len(records), start, _JSON, json.dumps(records[start : start + limit])) for start in starts]
