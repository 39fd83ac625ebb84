"""Whatever goes wrong between two pages, the rows that are handed on are all of them, once each, in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fetch.client import Fetched, FetchFailed
from pipelines.fetch.feed import Asking
from pipelines.fetch.finra import ask_pages

Rows = list[dict[str, Any]]
NOW = datetime(2024, 6, 21, 12)
NOTHING = "there are none"
LAPSES = ("none", "later", "earlier", "short", "shuffled", "more", "fewer", "empty", "cut", "uncounted", "fails")


@dataclass
class Interface:
    """Gives `page` rows at a time; each answer may lapse in its own way."""

    rows: Rows
    page: int
    lapses: list[str]
    largest_bytes: int = 1_000_000
    asked: list[int] = field(default_factory=list)

    @property
    def feed(self) -> SimpleNamespace:
        return SimpleNamespace(largest_bytes=self.largest_bytes)

    def post_json(self, _path: str, question: dict[str, Any]) -> Fetched:
        lapse = self.lapses[len(self.asked)] if len(self.asked) < len(self.lapses) else "none"
        self.asked.append(question["offset"])
        if lapse == "fails":
            raise FetchFailed("the vendor answered HTTP 500")
        start = max(0, question["offset"] + {"later": 1, "earlier": -1}.get(lapse, 0))
        found = self.rows[start : start + self.page]
        found = {"short": found[:-1], "shuffled": found[::-1], "empty": []}.get(lapse, found)
        text = json.dumps(found) if found else ""
        total = len(self.rows) + {"more": 1, "fewer": -1}.get(lapse, 0)
        headers = {} if lapse == "uncounted" else {"record-total": str(total)}
        return Fetched(text[: -1 if lapse == "cut" else None].encode(), "http://x", NOW, headers)


def ask(interface: Interface) -> Rows:
    fetched = ask_pages(cast("Asking", interface), "/x", {"a": 1}, "finra_weekly_json", NOTHING)
    pages = json.loads(fetched.data)["pages"]
    assert [page["offset"] for page in pages] == interface.asked[-len(pages) :]
    return [row for page in pages for row in json.loads(page["body"])]


def made(count: int) -> Rows:
    return [{"symbol": f"S{number}", "shares": number} for number in range(count)]


@given(st.integers(1, 30), st.integers(1, 8), st.lists(st.sampled_from(LAPSES), max_size=12))
def test_all_rows_come_or_none(count: int, page: int, lapses: list[str]) -> None:
    interface = Interface(made(count), page, lapses)
    try:
        found = ask(interface)
    except FetchFailed:
        found = None
    if found is None:
        assert set(lapses) - {"none"}
        return
    assert sorted(found, key=lambda row: row["shares"]) == interface.rows
    assert found == interface.rows or "shuffled" in lapses


@given(st.integers(1, 30), st.integers(1, 8))
def test_without_a_lapse_nothing_is_asked_twice(count: int, page: int) -> None:
    interface = Interface(made(count), page, [])
    assert ask(interface) == interface.rows
    assert interface.asked == list(range(0, count, page))


@given(st.integers(9, 30), st.sampled_from(["more", "fewer", "later", "earlier"]))
def test_rows_that_move_once_are_asked_for_anew(count: int, lapse: str) -> None:
    interface = Interface(made(count), 8, ["none", lapse])
    assert ask(interface) == interface.rows
    assert interface.asked.count(0) == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda interface: interface.rows.clear(), NOTHING),
        (lambda interface: setattr(interface, "largest_bytes", 100), "more than 100 bytes"),
        (lambda interface: setattr(interface, "page", 1), "more than 100 pages are not read"),
    ],
)
def test_no_rows_and_too_many_are_told(spoil: Callable[[Interface], None], words: str) -> None:
    interface = Interface(made(150), 50, [])
    spoil(interface)
    with pytest.raises(FetchFailed, match=words):
        ask(interface)
