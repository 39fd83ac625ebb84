"""What several requests brought, as one document: every answer verbatim, with what was asked. Read by `sources`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.fetch.client import Fetched, FetchFailed
from pipelines.fetch.feed import require_data
from pipelines.sources.page import Unreadable

_BEGINNING = b'{"dealerflow_bundle"'


def text_of(fetched: Fetched) -> str:
    try:
        return fetched.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FetchFailed("the answer is no UTF-8 text") from None


def page(fetched: Fetched, *, record_total: int | None = None, offset: int | None = None) -> dict[str, Any]:
    return {
        "url": fetched.url,
        "record_total": record_total,
        "offset": offset,
        "content_type": fetched.headers.get("content-type", ""),
        "body": text_of(fetched),
    }


def is_bundled(data: bytes) -> bool:
    return data.startswith(_BEGINNING)


def check(data: bytes, _item: str) -> None:
    """Of feeds whose `ask` judges every answer, so that only a bundle of them can be handed on."""
    require_data(data)
    if not is_bundled(data):
        raise Unreadable("the vendor sent something else than the answers asked for")


def bundled(
    source: str, request: Mapping[str, Any], pages: Sequence[Mapping[str, Any]], last: Fetched, largest_bytes: int
) -> Fetched:
    """One body of all pages, had when the last of them was. `source`: who reads it."""
    document = {"dealerflow_bundle": source, "request": request, "pages": pages}
    data = json.dumps(document, ensure_ascii=False).encode()
    if len(data) > largest_bytes:
        raise FetchFailed(f"the answers are more than {largest_bytes} bytes together")
    return Fetched(data, last.url, last.captured_at)
