"""FINRA: its terms, and its query interface, which gives rows in pages and says how many there are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.fetch.bundle import bundled, page, text_of
from pipelines.fetch.client import Fetched, FetchFailed
from pipelines.fetch.feed import Asking, Terms, require_data
from pipelines.sources.page import Unreadable

SITE_TERMS = Terms(
    version=1,
    text=(
        "FINRA gives the files of its site for your own non-commercial use. Without its written consent the terms of "
        "the site do not allow copying, reproducing or passing on its content, building a database of it, or "
        "gathering it by robots. Fetch only if FINRA allows your use."
    ),
    url="https://www.finra.org/terms-of-use",
)
QUERY_TERMS = Terms(
    version=1,
    text=(
        "FINRA gives the data of its query interface for non-commercial personal or professional use, under terms of "
        "the interface and specific terms for equity data, which ask for credentials and for naming FINRA as the "
        "source. The terms of its site do not allow reproducing content without consent. Fetch only if FINRA allows "
        "your use."
    ),
    url="https://developer.finra.org/finra-api-terms-service",
)
QUERY_URL = "https://api.finra.org"
HEADERS = {"Accept": "application/json"}
ROWS_IN_A_PAGE = 5000  # the most that it gives
_MOST_PAGES = 100


class _Moved(FetchFailed):
    """The rows changed while they were read, or some of them did not come."""


def query_path(name: str) -> str:
    return f"/data/group/otcMarket/name/{name}"


def equal(**fields: str) -> list[dict[str, str]]:
    return [{"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in fields.items()]


def ask_pages(asking: Asking, path: str, question: Mapping[str, Any], source: str, nothing: str) -> Fetched:
    """All rows that answer the question, as one bundle. Asked anew once when they move on the way.

    `question` must fix the order of the rows. `nothing`: what it means when there are none.
    """
    try:
        return _read(asking, path, question, source, nothing)
    except _Moved:
        return _read(asking, path, question, source, nothing)


def _read(asking: Asking, path: str, question: Mapping[str, Any], source: str, nothing: str) -> Fetched:
    pages: list[dict[str, Any]] = []
    seen: set[int] = set()
    total, offset, size = 0, 0, 0
    while not pages or offset < total:
        if len(pages) == _MOST_PAGES:
            raise FetchFailed(f"{total} rows; more than {_MOST_PAGES} pages are not read")
        fetched = asking.post_json(path, {**question, "limit": ROWS_IN_A_PAGE, "offset": offset})
        rows = _rows(fetched)
        stated = _record_total(fetched, is_empty=not rows)
        if not pages:
            total = stated
        if stated != total:
            raise _Moved(f"the number of rows changed from {total} to {stated} while they were read")
        if seen.intersection(rows):
            raise _Moved("a row stands on two pages: the rows moved while they were read")
        size += len(fetched.data)
        if size > asking.feed.largest_bytes:
            raise FetchFailed(f"more than {asking.feed.largest_bytes} bytes; such an answer is not read to its end")
        seen.update(rows)
        pages.append(page(fetched, record_total=stated, offset=offset))
        offset += len(rows)
        if not rows and total:
            break
    if offset != total:
        raise _Moved(f"{offset} of {total} rows came")
    if not total:
        raise FetchFailed(nothing)
    return bundled(source, {"path": path, **question}, pages, fetched, asking.feed.largest_bytes)


def _rows(fetched: Fetched) -> list[int]:
    """A number for each row, the same one for equal rows; none of an empty body."""
    text = text_of(fetched)
    if not text.strip():
        return []
    try:
        require_data(fetched.data)
        rows = json.loads(text)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise FetchFailed("the answer is JSON of another kind, not rows")
        return [hash(json.dumps(row, sort_keys=True)) for row in rows]
    except Unreadable as error:
        raise FetchFailed(str(error)) from None
    except (ValueError, RecursionError):
        raise FetchFailed("the vendor sent no whole JSON") from None


def _record_total(fetched: Fetched, *, is_empty: bool) -> int:
    text = fetched.headers.get("record-total", "0" if is_empty else "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise FetchFailed("the vendor does not say how many rows there are, so nobody can tell whether they are whole")
    return int(text)
